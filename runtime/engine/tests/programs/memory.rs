//! Large stored values: in memory, in its limits, and on disk.

use crate::{
    scenario,
    tesserae::Counter,
    warehouse::bytes,
    world::{Scenario, is_behind_a_node, scratch, stored_files, unstored_files, until},
};
use mosaic::prelude::*;
use std::{
    ffi::CString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(memory_that_is_full_or_closed_leaves_the_disk),
        scenario!(a_large_value_is_stored_where_it_was_written),
        scenario!(values_may_be_longer_than_a_number_of_32_bits_says),
    ]
}

async fn on() {
    mosaic::interactive(On).num_workers(2).await.unwrap();
}

/// Mounts a file system in memory with this number of bytes, where values are stored; `false` if that is not allowed.
fn mount_memory(bytes: usize) -> bool {
    let options = CString::new(format!("size={bytes}")).unwrap();
    let directory = CString::new(scratch("memory")).unwrap();
    // SAFETY: all four texts end with a zero and outlive the call.
    let mounted = unsafe {
        libc::mount(
            c"tmpfs".as_ptr(),
            directory.as_ptr(),
            c"tmpfs".as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    };
    mounted == 0
}

async fn memory_that_is_full_or_closed_leaves_the_disk() {
    let is_mounted = mount_memory(8 << 20);
    if is_mounted {
        fs::write(Path::new(&scratch("memory")).join("others"), bytes(7 << 20, 0)).unwrap();
    } else {
        eprintln!("a file system in memory cannot be mounted here: it is closed instead of full");
        fs::remove_dir_all(scratch("memory")).unwrap();
        fs::write(scratch("memory"), "no directory").unwrap();
    }
    on().await;
    let counter = Counter::remote(0);
    for (seed, len) in [1_000, 2 << 20, 3 << 20].into_iter().enumerate() {
        let value = bytes(len, seed);
        let stored = mosaic::put(&value).await.unwrap();
        let sum = value.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        assert_eq!(counter.sum(&stored).result().await.unwrap(), sum, "{len}");
        assert!(stored.get().await.unwrap() == value, "{len}");
        let on_disk = stored_files().iter().all(|file| file.starts_with(scratch("disk")));
        assert_eq!(on_disk, len > 1 << 20 || !is_mounted, "{len}");
        drop(stored);
        until(|| stored_files().is_empty());
    }
    mosaic::interactive(Off).await.unwrap();
    if is_mounted {
        let directory = CString::new(scratch("memory")).unwrap();
        // SAFETY: the text ends with a zero and outlives the call.
        assert_eq!(unsafe { libc::umount2(directory.as_ptr(), libc::MNT_DETACH) }, 0);
    } else {
        fs::remove_file(scratch("memory")).unwrap();
    }
}

async fn a_large_value_is_stored_where_it_was_written() {
    on().await;
    let counter = Counter::remote(0);
    for seed in 0..10 {
        let stored = mosaic::put(&bytes(1 << 20, seed)).await.unwrap();
        let [file] = &stored_files()[..] else {
            panic!("one value is stored")
        };
        let is_room = |room: &PathBuf| fs::metadata(room).unwrap().ino() == fs::metadata(file).unwrap().ino();
        assert!(unstored_files().iter().any(is_room));
        counter.sum(&stored).await.unwrap();
        assert!(stored.get().await.unwrap() == bytes(1 << 20, seed));
        drop(stored);
        until(|| stored_files().is_empty());
    }
    // The memory is used again once no process reads the value in it.
    let processes = if is_behind_a_node() { 2 } else { 1 };
    assert!(unstored_files().len() < 5 * processes, "{:?}", unstored_files());
    // When nothing happens, it is given back.
    until(|| unstored_files().is_empty());
}

async fn values_may_be_longer_than_a_number_of_32_bits_says() {
    const HUGE: usize = (4 << 30) + 7;
    let info = fs::read_to_string("/proc/meminfo").unwrap();
    let available = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .unwrap();
    let available: usize = available.trim().trim_end_matches(" kB").parse().unwrap();
    if std::env::var_os("MOSAIC_TEST_HUGE").is_none() || available * 1024 < 4 * HUGE {
        return eprintln!("skipped: it takes a minute and 16 GB; MOSAIC_TEST_HUGE=1 has it run where there is so much");
    }
    on().await;
    let value = vec![1_u8; HUGE];
    let stored = mosaic::put(&value).await.unwrap();
    let counter = Counter::remote(0);
    assert_eq!(counter.sum(&value).result().await.unwrap(), HUGE as u64);
    drop(value);
    assert_eq!(counter.sum(stored).result().await.unwrap(), HUGE as u64);
}
