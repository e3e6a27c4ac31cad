//! The benchmarks: each measures ours and its peers in one run, and reports the ratios.

use crate::{
    SetUp, kernel,
    run::{cargo, run, step},
};
use anyhow::Result;
use std::path::{Path, PathBuf};

const EVCXR_JUPYTER: &str = "0.22.0";

/// What can be measured.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Benchmark {
    /// How long cells take, against evcxr_jupyter
    Cells,
    /// Which promises hold, here and for evcxr_jupyter: a table of tests passed
    Truth,
}

/// Runs a benchmark; its results lie in the target directory.
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
        Benchmark::Truth => (
            "truth.py",
            "putting both kernels to the tests of promises (some 30 minutes)",
        ),
    };
    let evcxr = evcxr_jupyter(&target)?;
    step(what);
    run(set_up
        .python
        .python()
        .arg(scripts.join(script))
        .arg("--evcxr")
        .arg(evcxr)
        .arg("--output")
        .arg(target.join("bench"))
        .args(arguments))
}

/// The executable of evcxr_jupyter, installed into the target directory.
fn evcxr_jupyter(target: &Path) -> Result<PathBuf> {
    let root = target.join("peers");
    let executable = root.join("bin").join("evcxr_jupyter");
    if !executable.exists() {
        step("installing evcxr_jupyter (some 10 minutes)");
        // Without the lock file a newer dependency is taken that does not compile.
        run(cargo()
            .args([
                "install",
                "--locked",
                "evcxr_jupyter",
                "--version",
                EVCXR_JUPYTER,
                "--root",
            ])
            .arg(&root))?;
    }
    Ok(executable)
}
