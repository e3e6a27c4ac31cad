//! The tests: five suites, the quick ones first. The first suite that fails ends the run.

use crate::{
    SetUp, fuzz, instrumented, kernel,
    run::{cargo, run, step},
    wheel,
};
use anyhow::{Context, Result};
use std::{process::Command, time::Instant};

/// Runs every suite.
pub(crate) fn all(set_up: &SetUp) -> Result<()> {
    let mut summary = Vec::new();
    let mut suite = |name: &str, suite: &dyn Fn() -> Result<()>| {
        step(&format!("suite: {name}"));
        let start = Instant::now();
        let result = suite();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        summary.push(format!("{name:<12} {verdict:<8} {:>4} s", start.elapsed().as_secs()));
        println!("\n{}\n", summary.join("\n"));
        result.with_context(|| format!("suite {name} failed"))
    };
    let cargo = |arguments: &[&str]| run(cargo().args(arguments).current_dir(&set_up.root));
    suite("format", &|| cargo(&["fmt", "--all", "--check"]))?;
    suite("lints", &|| {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--release",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
    })?;
    suite("unit", &|| cargo(&["test", "--workspace", "--release", "--locked"]))?;
    if instrumented::IS_SUPPORTED {
        suite("fuzz", &|| fuzz::fuzz_repeatably(&set_up.root))?;
    }
    // Of the tests with several hosts, only the core: all of them take long.
    let selected = ["-m", "core or not hosts"].map(str::to_owned);
    suite("end to end", &|| end_to_end(set_up, &selected))
}

/// A suite that is run by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Well-known crates in notebooks, and exported programs. Building them takes long, so this suite runs only when it is asked for.
    Crates,
    /// Several hosts, with ssh, Slurm and Ray. A core of these tests is a part of all tests.
    Hosts,
    /// The fuzzer, on inputs that are the same each time. A part of all tests.
    Fuzz,
    /// The runtime's tests with AddressSanitizer.
    Sanitizer,
    /// The wheel in a fresh environment. Building it takes long, so this suite runs only when it is asked for.
    Wheel,
}

/// Runs the suite of well-known crates in notebooks, and of exported programs that use the runtime.
pub(crate) fn crates(set_up: &SetUp, arguments: &[String]) -> Result<()> {
    run(pytest(set_up)?
        .args(["crates/suite.py", "crates/most_used.py", "test_export.py"])
        .args(arguments)
        .env("MOSAIC_TEST_EXPORTED", "1"))
}

/// Builds the wheel, and runs the tests that install it.
pub(crate) fn wheel(set_up: &SetUp, arguments: &[String]) -> Result<()> {
    let wheel = wheel::wheel(&set_up.root)?;
    run(pytest(set_up)?
        .arg("wheel")
        .args(arguments)
        .env("MOSAIC_TEST_WHEEL", wheel))
}

/// Runs the tests in `tests/`, which use real kernels and real clients.
pub(crate) fn end_to_end(set_up: &SetUp, arguments: &[String]) -> Result<()> {
    run(pytest(set_up)?.args(arguments))
}

/// Returns a command that runs pytest in `tests/`.
fn pytest(set_up: &SetUp) -> Result<Command> {
    let mut command = set_up.python.python();
    command
        .args(["-m", "pytest"])
        .env("MOSAIC_TEST_TARGET", kernel::target(&set_up.root)?)
        .current_dir(set_up.root.join("tests"));
    Ok(command)
}
