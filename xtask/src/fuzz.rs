//! The fuzzer: libFuzzer on the targets in `fuzz/`.
//!
//! The targets need rustc's instrumentation for coverage, which stable compilers have, and no sanitizer.

use crate::{
    instrumented::{self, ARCHITECTURE},
    run::{cargo, run, step},
};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

/// A program that reads what comes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// The texts of cells
    Cells,
    /// Display blocks in what cells print
    Displays,
    /// Frames of clients, and connection files
    Jupyter,
    /// Values that workers send
    Values,
    /// Frames between the processes of a runtime
    Wire,
}

const TARGETS: [Target; 5] = [
    Target::Wire,
    Target::Values,
    Target::Jupyter,
    Target::Displays,
    Target::Cells,
];

/// The instrumentation that libFuzzer follows. The usual `cfg(fuzzing)` is not set: it takes the places out of
/// proc-macro2's tokens, on which the rewriting of cells depends.
const INSTRUMENTATION: &str = "--cfg mosaic_fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";
/// How long a target may take for one input, in seconds.
const TIMEOUT: u32 = 20;
/// How much memory a target may take, in MB. What a length in the input says must not be allocated before it is there.
const MEMORY: u32 = 2048;

impl Target {
    fn name(self) -> &'static str {
        match self {
            Target::Cells => "cells",
            Target::Displays => "displays",
            Target::Jupyter => "jupyter",
            Target::Values => "values",
            Target::Wire => "wire",
        }
    }

    /// The number of inputs that take up to a minute.
    fn repeatable_runs(self) -> u32 {
        match self {
            Target::Cells => 20_000,
            Target::Displays => 2_000_000,
            Target::Jupyter => 5_000_000,
            Target::Values => 50_000,
            Target::Wire => 5_000_000,
        }
    }

    fn dictionary(self) -> Option<&'static str> {
        match self {
            Target::Cells => Some("rust.dict"),
            Target::Displays => Some("displays.dict"),
            Target::Jupyter => Some("jupyter.dict"),
            Target::Values | Target::Wire => None,
        }
    }
}

/// Runs one target, or each, for a number of seconds, and keeps the inputs that reach new code for the next time. First
/// come the seeds in the repository, among them the inputs that once failed.
pub(crate) fn fuzz(root: &Path, target: Option<Target>, seconds: u32) -> Result<()> {
    let directory = build(root)?;
    let targets = target.map_or(TARGETS.to_vec(), |target| vec![target]);
    for target in targets {
        let name = target.name();
        step(&format!("fuzzing {name} for {seconds} s"));
        let corpus = directory.join("corpus").join(name);
        let mut command = command(&directory, target, &corpus)?;
        command.arg(format!("-max_total_time={seconds}"));
        run(&mut command).with_context(|| advice(target))?;
    }
    Ok(())
}

/// Runs each target on the seeds and on the inputs that follow from them, which are the same each time.
pub(crate) fn fuzz_repeatably(root: &Path) -> Result<()> {
    let directory = &build(root)?;
    // Each runs on one core.
    for pair in TARGETS.chunks(2) {
        thread::scope(|scope| {
            let running: Vec<_> = pair
                .iter()
                .map(|&target| scope.spawn(move || run_repeatably(directory, target)))
                .collect();
            running
                .into_iter()
                .try_for_each(|target| target.join().expect("running a command does not panic"))
        })?;
    }
    Ok(())
}

fn run_repeatably(directory: &Path, target: Target) -> Result<()> {
    let corpus = tempfile::tempdir().context("cannot make a directory for the inputs")?;
    let mut command = command(directory, target, corpus.path())?;
    command
        .arg("-seed=1")
        .arg(format!("-runs={}", target.repeatable_runs()));
    run(&mut command).with_context(|| advice(target))
}

/// Builds the targets, and returns their directory.
fn build(root: &Path) -> Result<PathBuf> {
    instrumented::ensure()?;
    let directory = root.join("fuzz");
    step("building the fuzzer's targets (the first time takes some 3 minutes)");
    run(cargo()
        .args(["build", "--release", "--locked", "--target", ARCHITECTURE])
        .env("RUSTFLAGS", INSTRUMENTATION)
        .current_dir(&directory))?;
    Ok(directory)
}

fn advice(target: Target) -> String {
    let name = target.name();
    format!("the target {name} failed: keep the input that is named above in fuzz/seeds/{name} once it is mended")
}

fn command(directory: &Path, target: Target, corpus: &Path) -> Result<Command> {
    let name = target.name();
    let artifacts = directory.join("artifacts").join(name);
    for made in [corpus, &artifacts] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let mut command = Command::new(directory.join("target").join(ARCHITECTURE).join("release").join(name));
    command
        .arg(corpus)
        .arg(directory.join("seeds").join(name))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .args(["-max_len=4096", "-verbosity=0", "-print_final_stats=1"])
        .current_dir(directory);
    if let Some(dictionary) = target.dictionary() {
        command.arg(format!("-dict={dictionary}"));
    }
    Ok(command)
}
