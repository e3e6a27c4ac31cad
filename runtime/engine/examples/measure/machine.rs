//! The limits of the machine, to compare the runtime with.

use crate::{LONG_ENOUGH, figure, gigabytes_a_second, median_of};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::{
    hint::black_box,
    io::{Read, Write},
    os::unix::net::UnixStream,
    thread,
    time::Instant,
};

/// Measures the round trip of a byte over a Unix socket to another CPU.
pub(crate) fn ping_pong() {
    let (mut near, mut far) = UnixStream::pair().expect("a pair of sockets");
    let echo = thread::spawn(move || {
        stay_on(1);
        let mut byte = [0];
        while far.read_exact(&mut byte).is_ok() && far.write_all(&byte).is_ok() {}
    });
    let play = thread::spawn(move || {
        stay_on(0);
        let (begun, mut times, mut byte) = (Instant::now(), Vec::new(), [0]);
        while begun.elapsed() < LONG_ENOUGH {
            let before = Instant::now();
            near.write_all(&byte).expect("the other side listens");
            near.read_exact(&mut byte).expect("the other side answers");
            times.push(before.elapsed().as_secs_f64());
        }
        median_of(times)
    });
    figure("call", play.join().expect("the game ends"));
    echo.join().expect("the game is over");
}

/// Keeps this thread on one CPU. On a machine with one CPU, both threads share it.
fn stay_on(cpu: usize) {
    let mut cpus = CpuSet::new();
    cpus.set(cpu);
    let _ = sched_setaffinity(None, &cpus);
}

/// Measures a copy of 256 MiB to memory that was used before.
pub(crate) fn memcpy() {
    let (from, mut to) = (vec![1_u8; 256 << 20], vec![2_u8; 256 << 20]);
    let times = (0..10).map(|_| {
        let before = Instant::now();
        to.copy_from_slice(black_box(&from));
        black_box(&to);
        before.elapsed().as_secs_f64()
    });
    let seconds = median_of(times.collect());
    for size in crate::SIZES {
        figure(&format!("lent_{size}"), seconds * size as f64 / 256.0);
        figure(&format!("echo_{size}"), 2.0 * seconds * size as f64 / 256.0);
    }
    figure("pass_owned", seconds / 4.0);
    figure("put", gigabytes_a_second(seconds));
    figure("get", gigabytes_a_second(seconds));
}
