// Numeric code as users write it. The same text is compiled in a cell, in a tessera and by `cargo build --release`.

use ndarray::{Array1, Array2, s};
use rustfft::{Fft, FftDirection, algorithm::Radix4, num_complex::Complex};
use std::{collections::HashMap, hint::black_box, mem::swap, time::Instant};

/// Returns the seconds of each round. The first call of a kernel's body is not counted.
fn seconds<T>(rounds: usize, mut body: impl FnMut() -> T) -> Vec<f64> {
    black_box(body());
    let timed = (0..rounds).map(|_| {
        let begun = Instant::now();
        black_box(body());
        begun.elapsed().as_secs_f64()
    });
    timed.collect()
}

/// Pseudo-random numbers in 0..1 (xorshift64).
fn numbers(count: usize) -> Vec<f64> {
    let mut state = 88172645463325252_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// One step of a five-point stencil, by indices.
fn stencil_by_index(from: &Array2<f32>, to: &mut Array2<f32>) {
    let (rows, columns) = from.dim();
    for i in 1..rows - 1 {
        for j in 1..columns - 1 {
            to[[i, j]] = 0.25 * (from[[i - 1, j]] + from[[i + 1, j]] + from[[i, j - 1]] + from[[i, j + 1]]);
        }
    }
}

/// The same by whole views.
fn stencil_by_views(from: &Array2<f32>, to: &mut Array2<f32>) {
    let neighbours = &from.slice(s![..-2, 1..-1]) + &from.slice(s![2.., 1..-1])
        + from.slice(s![1..-1, ..-2])
        + from.slice(s![1..-1, 2..]);
    to.slice_mut(s![1..-1, 1..-1]).assign(&(neighbours * 0.25));
}

fn stencil(rounds: usize, step: fn(&Array2<f32>, &mut Array2<f32>)) -> Vec<f64> {
    let mut from = Array2::from_shape_fn((1000, 1000), |(i, j)| ((i * j) % 7) as f32);
    let mut to = from.clone();
    seconds(rounds, || {
        for _ in 0..10 {
            step(&from, &mut to);
            swap(&mut from, &mut to);
        }
        from[[500, 500]]
    })
}

fn saxpy(rounds: usize) -> Vec<f64> {
    let x: Vec<f32> = numbers(1 << 14).iter().map(|&it| it as f32).collect();
    let mut y = x.clone();
    seconds(rounds, || {
        for _ in 0..500 {
            for (y, x) in y.iter_mut().zip(black_box(&x)) {
                *y += 0.001 * x;
            }
        }
        y[0]
    })
}

fn dot(rounds: usize) -> Vec<f64> {
    let a = Array2::from_shape_vec((300, 300), numbers(90_000)).unwrap();
    seconds(rounds, || a.dot(&a).sum())
}

fn sums(rounds: usize) -> Vec<f64> {
    let a = Array1::from_vec(numbers(1 << 16));
    seconds(rounds, || (0..50).map(|_| black_box(&a).sum() + (black_box(&a) * 2.0).sum()).sum::<f64>())
}

/// Gravity among bodies, every pair.
fn bodies(rounds: usize) -> Vec<f64> {
    let mut places: Vec<[f64; 3]> = numbers(1500).chunks(3).map(|it| [it[0], it[1], it[2]]).collect();
    let mut speeds = vec![[0.0; 3]; places.len()];
    seconds(rounds, || {
        for i in 0..places.len() {
            for j in 0..places.len() {
                let mut square = 1e-3;
                let mut apart = [0.0; 3];
                for k in 0..3 {
                    apart[k] = places[j][k] - places[i][k];
                    square += apart[k] * apart[k];
                }
                let weight = 1e-9 / (square * square.sqrt());
                for k in 0..3 {
                    speeds[i][k] += weight * apart[k];
                }
            }
        }
        for (place, speed) in places.iter_mut().zip(&speeds) {
            for k in 0..3 {
                place[k] += speed[k];
            }
        }
        places[0][0]
    })
}

fn sort(rounds: usize) -> Vec<f64> {
    let numbers = numbers(300_000);
    seconds(rounds, || {
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[1000]
    })
}

fn count(rounds: usize) -> Vec<f64> {
    let keys: Vec<u64> = numbers(300_000).iter().map(|it| (it * 5000.0) as u64).collect();
    seconds(rounds, || {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for key in &keys {
            *counts.entry(*key).or_default() += 1;
        }
        counts.len()
    })
}

fn parse(rounds: usize) -> Vec<f64> {
    let text: String = numbers(100_000).chunks(4).map(|it| format!("{:.6},{:.3},{:.2},{:.1}\n", it[0], it[1], it[2], it[3])).collect();
    seconds(rounds, || {
        let rows = text.lines().map(|line| line.split(',').map(|it| it.parse::<f64>().unwrap()).sum::<f64>());
        rows.sum::<f64>()
    })
}

/// By one algorithm: the crate's planner has all of them compiled, which takes a minute.
fn fft(rounds: usize) -> Vec<f64> {
    let plan = Radix4::new(1 << 16, FftDirection::Forward);
    let signal: Vec<Complex<f64>> = numbers(1 << 16).iter().map(|&re| Complex { re, im: 0.0 }).collect();
    seconds(rounds, || {
        let mut spectrum = signal.clone();
        plan.process(&mut spectrum);
        spectrum[1].re
    })
}

/// Integers alone, so that a check of each addition and multiplication weighs the most.
fn collatz(rounds: usize) -> Vec<f64> {
    seconds(rounds, || {
        let mut longest = 0;
        for start in 1..black_box(100_000_u64) {
            let (mut number, mut steps) = (start, 0_u64);
            while number != 1 {
                number = if number % 2 == 0 { number / 2 } else { 3 * number + 1 };
                steps += 1;
            }
            longest = longest.max(steps);
        }
        longest
    })
}

/// Returns the seconds of each round of a kernel.
fn measure(name: &str, rounds: usize) -> Vec<f64> {
    match name {
        "stencil by index" => stencil(rounds, stencil_by_index),
        "stencil by views" => stencil(rounds, stencil_by_views),
        "saxpy" => saxpy(rounds),
        "dot" => dot(rounds),
        "sums" => sums(rounds),
        "bodies" => bodies(rounds),
        "sort" => sort(rounds),
        "count" => count(rounds),
        "parse" => parse(rounds),
        "fft" => fft(rounds),
        "collatz" => collatz(rounds),
        _ => panic!("there is no kernel of this name"),
    }
}
