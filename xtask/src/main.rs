//! The project's commands: `cargo xtask demo | test | bench | fuzz | soak | faults | lab | docs | screenshot | wheel`.
//!
//! Each command is a list of steps, and each step is a function of one module:
//!
//! | module | about |
//! | --- | --- |
//! | [`toolchain`] | components of the Rust toolchain |
//! | [`kernel`] | the kernel's executable and its kernelspec |
//! | [`python`] | the Python environment with the Jupyter clients |
//! | [`debian`], [`browser`] | packages of the system, and the browser for JupyterLab |
//! | [`suites`], [`endurance`] | the tests, and those that take as long as they are given |
//! | [`fuzz`] | the fuzzer |
//! | [`hosts`] | the tests with several hosts |
//! | [`bench`], [`peers`] | the benchmarks, and the programs that they compare this project with |
//! | [`demo`], [`docs`] | the notebooks and the guide |
//! | [`wheel`] | the package for pip |
//!
//! Each step first checks whether its work is done already, so a second run is quick.

mod bench;
mod browser;
mod debian;
mod debug_adapter;
mod demo;
mod docs;
mod endurance;
mod fuzz;
mod hosts;
mod instrumented;
mod kernel;
mod peers;
mod python;
mod run;
mod sanitizer;
mod suites;
mod toolchain;
mod wheel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The commands of mosaic-kernel",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets everything up and runs the tutorial notebook with nbconvert
    Demo,
    /// Sets everything up and runs every test
    Test {
        /// Runs one suite alone, which need not be among those that run otherwise
        suite: Option<suites::Suite>,
        /// Runs the end-to-end tests alone and passes these arguments to pytest
        #[arg(last = true)]
        pytest: Vec<String>,
    },
    /// Sets everything up and uses one kernel for a long time; fails if memory, descriptors or files are not flat
    Soak {
        /// How long
        #[arg(long, default_value_t = 60.0)]
        minutes: f64,
        /// Repeats the run with this seed
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Sets everything up, and kills and stops processes of kernels at random moments
    Faults {
        /// How many times
        #[arg(long, default_value_t = 100)]
        rounds: u32,
        /// Repeats the run with this seed
        #[arg(long)]
        seed: Option<u32>,
    },
    /// Sets everything up and opens JupyterLab on the notebooks
    Lab {
        /// Passed to JupyterLab
        #[arg(last = true)]
        jupyter: Vec<String>,
    },
    /// Builds the guide into the target directory
    Docs {
        /// Serves the guide and opens a browser
        #[arg(long)]
        open: bool,
    },
    /// Runs the fuzzer on what comes from outside
    Fuzz {
        /// Runs this target alone
        target: Option<fuzz::Target>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Sets everything up and makes the picture of the README again
    Screenshot,
    /// Builds the wheel and the source distribution into the target directory
    Wheel,
    /// Sets everything up and runs a benchmark against its peers, which are installed first where they are missing
    Bench {
        /// What is measured
        benchmark: bench::Benchmark,
        /// Passed to the benchmark
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        // `RUST_BACKTRACE` would add a backtrace to `{error:?}`. The message already names the step and the remedy.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    let root = root();
    match command {
        Command::Demo => demo::demo(&set_up(&root)?),
        Command::Test { suite, pytest } => {
            match suite {
                Some(suites::Suite::Crates) => return suites::crates(&set_up(&root)?, &pytest),
                Some(suites::Suite::Hosts) => return hosts::test(&set_up(&root)?, &pytest),
                Some(suites::Suite::Fuzz) => return fuzz::fuzz_repeatably(&root),
                Some(suites::Suite::Sanitizer) => return sanitizer::test(&root),
                Some(suites::Suite::Wheel) => return suites::wheel(&set_up(&root)?, &pytest),
                None => {}
            }
            browser::ensure()?;
            // Before the kernel is installed, whose kernelspec says whether there is a debugger.
            debug_adapter::ensure()?;
            hosts::ensure()?;
            let set_up = set_up(&root)?;
            if pytest.is_empty() {
                suites::all(&set_up)
            } else {
                suites::end_to_end(&set_up, &pytest)
            }
        }
        Command::Soak { minutes, seed } => endurance::soak(&set_up(&root)?, minutes, seed),
        Command::Faults { rounds, seed } => endurance::faults(&set_up(&root)?, rounds, seed),
        Command::Lab { jupyter } => demo::lab(&set_up(&root)?, &jupyter),
        Command::Docs { open } => docs::docs(&root, open),
        Command::Fuzz { target, seconds } => fuzz::fuzz(&root, target, seconds),
        Command::Screenshot => {
            browser::ensure()?;
            demo::screenshot(&set_up(&root)?)
        }
        Command::Wheel => wheel::wheel(&root).map(drop),
        Command::Bench { benchmark, arguments } => bench::run_benchmark(&set_up(&root)?, benchmark, &arguments),
    }
}

/// The results of the set-up that the commands share.
struct SetUp {
    root: PathBuf,
    python: python::Environment,
}

fn set_up(root: &Path) -> Result<SetUp> {
    // The steps that fail fast come before those that take minutes.
    toolchain::ensure()?;
    let python = python::environment(root)?;
    let kernel = kernel::build(root)?;
    kernel.install(&python)?;
    kernel.prepare()?;
    Ok(SetUp {
        root: root.to_owned(),
        python,
    })
}

/// Returns the root of the repository, whatever the working directory is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository")
        .to_owned()
}
