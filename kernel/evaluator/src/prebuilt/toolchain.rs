//! The Rust toolchain that compiles the cells.

use crate::session::{environment, sysroot};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// A complete Rust toolchain.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The output of `rustc -vV`, by which everything that is built ahead is told apart.
    pub verbose_version: String,
    /// The directory of the toolchain.
    pub sysroot: PathBuf,
}

/// A reason why no cell can be compiled. Its message names the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// `rustc` or `cargo` is neither on the path nor in cargo's home.
    #[error("`{0}` was not found: install Rust with rustup (https://rustup.rs), then restart the kernel")]
    Missing(&'static str),
    /// `rustc` or `cargo` exists but does not run.
    #[error("`{tool}` does not run: {reason}; `rustup default stable` may mend it")]
    Broken {
        /// The name of the tool.
        tool: &'static str,
        /// The output of the tool, or the error of starting it.
        reason: String,
    },
    /// The standard library's sources are missing.
    #[error(
        "the standard library's sources are missing, from which the types of variables are inferred: \
         run `rustup component add rust-src`, then restart the kernel \
         (or set RUST_SRC_PATH to a copy of the directory `library`)"
    )]
    MissingSources,
}

impl Toolchain {
    /// Finds rustc, cargo and the sources of the standard library.
    ///
    /// # Errors
    ///
    /// One of the three is missing, or rustc or cargo does not run. The error is about the first that is found wanting.
    pub fn find() -> Result<Toolchain, ToolchainError> {
        let sysroot = PathBuf::from(run("rustc", &["--print", "sysroot"])?.trim());
        if !sysroot::program(&sysroot, "cargo").is_file() {
            run("cargo", &["--version"])?;
        }
        let verbose_version = verbose_version(&sysroot)?;
        let sources = match env::var_os("RUST_SRC_PATH") {
            Some(path) => PathBuf::from(path),
            None => sysroot::std_sources(&sysroot),
        };
        if !sysroot::has_std_sources(&sources) {
            return Err(ToolchainError::MissingSources);
        }
        Ok(Toolchain {
            verbose_version,
            sysroot,
        })
    }

    /// Returns the version of rustc, such as `1.95.0`.
    pub fn version(&self) -> &str {
        let release = self
            .verbose_version
            .lines()
            .find_map(|line| line.strip_prefix("release: "));
        release.unwrap_or("unknown")
    }

    /// Returns the names of the CPUs that the compiler knows for this machine's architecture.
    ///
    /// # Errors
    ///
    /// The compiler cannot be run.
    pub(crate) fn target_cpus(&self) -> Result<Vec<String>, ToolchainError> {
        let program = sysroot::program(&self.sysroot, "rustc");
        let list = run_program("rustc", &program, &["--print", "target-cpus"])?;
        // The first line is a heading. A name may be followed by a remark.
        let names = list.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        Ok(names.map(str::to_owned).collect())
    }

    /// Returns whether the compiler rejects unstable features, as those of the stable channel do.
    pub(crate) fn is_stable(&self) -> bool {
        !self.version().contains('-')
    }
}

/// Returns what `rustc -vV` prints. Runs the compiler itself if possible, since rustup's `rustc` takes its time to find
/// it.
fn verbose_version(sysroot: &Path) -> Result<String, ToolchainError> {
    let own = sysroot::program(sysroot, "rustc");
    if own.is_file() {
        run_program("rustc", &own, &["-vV"])
    } else {
        run("rustc", &["-vV"])
    }
}

/// Runs a tool and returns what it prints.
fn run(tool: &'static str, arguments: &[&str]) -> Result<String, ToolchainError> {
    let program = find_program(tool).ok_or(ToolchainError::Missing(tool))?;
    run_program(tool, &program, arguments)
}

/// Runs a tool at a path and returns what it prints.
fn run_program(tool: &'static str, program: &Path, arguments: &[&str]) -> Result<String, ToolchainError> {
    let mut command = Command::new(program);
    environment::give_back(&mut command);
    let output = command
        .args(arguments)
        // Cells are not compiled in the working directory, so its rust-toolchain.toml must not count. Nor may one that
        // another user has put where everybody may write.
        .current_dir("/")
        .output()
        .map_err(|error| ToolchainError::Broken {
            tool,
            reason: error.to_string(),
        })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let reason = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(ToolchainError::Broken { tool, reason })
    }
}

/// Finds a tool in the user's `PATH`, or where rustup installs it: a kernel that is started from a desktop often has no
/// such path.
fn find_program(tool: &str) -> Option<PathBuf> {
    let on_path = environment::users_path();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(dirs::home_dir()?.join(".cargo")));
    env::split_paths(&on_path)
        .chain(cargo_home.map(|home| home.join("bin")))
        .map(|directory| directory.join(tool))
        .find(|program| program.is_file())
}
