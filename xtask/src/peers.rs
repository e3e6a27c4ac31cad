//! Installs the programs that the benchmarks compare this project with, into the target directory.

use crate::{
    SetUp,
    run::{cargo, program, run, step},
};
use anyhow::Result;
use std::path::{Path, PathBuf};

const EVCXR_JUPYTER: &str = "0.22.0";

/// Ray with its jobs, which the tests with several hosts submit, and its server for clients elsewhere.
const RAY: [&str; 2] = ["ray[default]==2.60.0", "numpy"];

/// The Python runtimes: the name of the virtual environment, and the packages in it.
const RUNTIMES: [(&str, &[&str]); 3] = [
    ("ray", &RAY),
    ("dask", &["distributed==2026.8.0", "numpy"]),
    // Python mosaic is in no registry. The user gives the benchmark its sources, which import these packages.
    (
        "mosaic",
        &[
            "numpy",
            "blosc",
            "cached-property",
            "click",
            "cloudpickle",
            "h5py",
            "psutil",
            "pyzmq",
            "tornado",
            "tblib",
            "uvloop",
            "zict",
            "py-libnuma",
            "multiprocess",
            "python-daemon",
            "tqdm",
        ],
    ),
];

/// Installs evcxr_jupyter, unless it is there, and returns the path of its executable.
pub(crate) fn evcxr_jupyter(target: &Path) -> Result<PathBuf> {
    let root = target.join("peers");
    let executable = root.join("bin").join("evcxr_jupyter");
    if !executable.exists() {
        step("installing evcxr_jupyter (some 10 minutes)");
        // Without its lock file, cargo takes a newer dependency that does not compile.
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

/// Installs the Python runtimes, and returns the directory of their virtual environments.
///
/// A runtime that cannot be installed is left out, with a message.
pub(crate) fn runtimes(set_up: &SetUp, target: &Path, python_mosaic: bool) -> PathBuf {
    let root = target.join("peers");
    for (name, packages) in RUNTIMES {
        if name == "mosaic" && !python_mosaic {
            step("Python mosaic is skipped: no registry has it; `-- --python-mosaic DIRECTORY` names its sources");
        } else if let Err(error) = install(set_up, &root.join(name), packages) {
            step(&format!("{name} is skipped: {error:#}"));
        }
    }
    root
}

/// Installs Ray, unless it is there. The tests with several hosts look for it in the same place as the benchmark.
pub(crate) fn ray(set_up: &SetUp, target: &Path) -> Result<()> {
    install(set_up, &target.join("peers").join("ray"), &RAY)
}

/// Makes a virtual environment, unless it is complete and has these packages.
fn install(set_up: &SetUp, prefix: &Path, packages: &[&str]) -> Result<()> {
    let complete = prefix.join("complete");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&complete).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step(&format!("installing {}", packages[0]));
    run(set_up.python.python().args(["-m", "venv", "--clear"]).arg(prefix))?;
    run(program(prefix.join("bin").join("python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(packages))?;
    std::fs::write(complete, wanted)?;
    Ok(())
}
