//! The tests of the runtime with AddressSanitizer, which watches every access to memory.

use crate::{
    instrumented::{self, ARCHITECTURE},
    run::{cargo, run, step},
};
use anyhow::Result;
use std::path::Path;

/// Tests that cannot run with the sanitizer, and why.
const SKIPPED: [(&str, &str); 6] = [
    ("a_function_of_a_library_is_in_its_file", INTERCEPTS),
    ("tesserae_of_a_shared_object", EXPORTS),
    ("gpus_are_known_if_their_library_is_found", EXPORTS),
    ("the_memory_of_results_returns", KEEPS),
    ("results_that_nobody_can_want_are_freed", KEEPS),
    ("many_tesserae_and_tasks_leave_nothing", KEEPS),
];
const INTERCEPTS: &str = "the sanitizer replaces functions of the C library";
const EXPORTS: &str = "executables do not export the sanitizer's functions to shared objects that they load";
const KEEPS: &str = "the sanitizer keeps freed memory for a while";

/// Runs the unit tests and the programs of the runtime. The sanitizer of stable compilers needs `RUSTC_BOOTSTRAP`.
pub(crate) fn test(root: &Path) -> Result<()> {
    instrumented::ensure()?;
    step("building the runtime with the sanitizer (the first time takes some minutes)");
    let mut command = cargo();
    command
        .args(["test", "--release", "--locked", "--target", ARCHITECTURE])
        .args(["--target-dir", "target/sanitizer", "--lib", "--test", "programs"])
        .args(["-p", "mosaic", "-p", "mosaic-abi", "-p", "mosaic-engine", "--"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        // Tests forget values on purpose, such as those whose destructors panic.
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .current_dir(root);
    for (name, reason) in SKIPPED {
        println!("skipped: {name}, because {reason}");
        command.args(["--skip", name]);
    }
    run(&mut command)
}
