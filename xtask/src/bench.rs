//! The benchmarks. Each measures this project and its peers in one run, and reports the ratios.

use crate::{
    SetUp, kernel, peers,
    run::{cargo, run, step},
};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// A benchmark.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Benchmark {
    /// How long cells take, against evcxr_jupyter
    Cells,
    /// Numeric code in cells and tesserae, against a release build, evcxr_jupyter and numpy
    Numeric,
    /// What notebooks show and how long they take, against evcxr_jupyter
    Notebooks,
    /// Which promises hold, here and for evcxr_jupyter: a table of tests passed
    Truth,
    /// Calls and arrays of the runtime, against Ray, Dask, Python mosaic and what the machine allows
    Runtime,
    /// Calls and arrays between hosts, against Ray
    Hosts,
}

/// Runs a benchmark and writes its results into the target directory.
pub(crate) fn run_benchmark(set_up: &SetUp, benchmark: Benchmark, arguments: &[String]) -> Result<()> {
    let target = kernel::target(&set_up.root)?;
    let scripts = set_up.root.join("tests").join("bench");
    step("installing what the benchmarks need beside the tests");
    run(set_up
        .python
        .python()
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(scripts.join("requirements.txt")))?;
    let (script, what) = match benchmark {
        Benchmark::Cells => ("cells.py", "measuring cells (some 20 minutes)"),
        Benchmark::Numeric => ("numeric.py", "measuring numeric code (some 5 minutes)"),
        Benchmark::Notebooks => (
            "side_by_side.py",
            "running the notebooks in both kernels (some minutes)",
        ),
        Benchmark::Truth => (
            "truth.py",
            "putting both kernels to the tests of promises (some 30 minutes)",
        ),
        Benchmark::Runtime => ("runtime.py", "measuring the runtime (some 20 minutes)"),
        Benchmark::Hosts => ("hosts.py", "measuring the runtime on several hosts (some 15 minutes)"),
    };
    let mut command = set_up.python.python();
    command.arg(scripts.join(script));
    match benchmark {
        Benchmark::Cells | Benchmark::Notebooks | Benchmark::Truth => {
            command.arg("--evcxr").arg(peers::evcxr_jupyter(&target)?)
        }
        Benchmark::Numeric => {
            let program = release_build(&scripts.join("numeric"), &target)?;
            let evcxr = peers::evcxr_jupyter(&target)?;
            command.arg("--program").arg(program).arg("--evcxr").arg(evcxr)
        }
        Benchmark::Runtime => {
            let python_mosaic = arguments.iter().any(|argument| argument.starts_with("--python-mosaic"));
            command
                .arg("--measure")
                .arg(example(&set_up.root, &target, "measure")?)
                .arg("--peers")
                .arg(peers::runtimes(set_up, &target, python_mosaic))
        }
        Benchmark::Hosts => {
            peers::ray(set_up, &target)?;
            // What is new code in this benchmark.
            example(&set_up.root, &target, "guest")?;
            command.env("MOSAIC_TEST_TARGET", &target).arg("--measure").arg(example(
                &set_up.root,
                &target,
                "measure_hosts",
            )?)
        }
    };
    step(what);
    run(command.arg("--output").arg(target.join("bench")).args(arguments))
}

/// Builds the program of the benchmark of numeric code, as its directory configures it, and returns its path.
fn release_build(directory: &Path, target: &Path) -> Result<PathBuf> {
    step("building the program with which cells are compared");
    let target = target.join("numeric");
    run(cargo()
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(directory))?;
    Ok(target.join("release").join("numeric"))
}

/// Builds an example of the runtime, and returns the path of a program of this name.
fn example(root: &Path, target: &Path, name: &str) -> Result<PathBuf> {
    step(&format!("building `{name}`, with which the runtime is measured"));
    run(cargo()
        .args(["build", "--release", "--locked", "--package", "mosaic-engine"])
        .args(["--example", name])
        .current_dir(root))?;
    Ok(target.join("release").join("examples").join(name))
}
