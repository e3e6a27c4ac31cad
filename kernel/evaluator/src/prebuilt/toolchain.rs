//! The Rust toolchain that compiles the cells.

use crate::session::{environment, sysroot};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The toolchain, found complete.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// What `rustc -vV` prints: the key of everything that is built ahead.
    pub verbose_version: String,
    /// Its directory.
    pub sysroot: PathBuf,
}

/// Why no cell can be compiled, each with the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// `rustc` or `cargo` is neither on the path nor in cargo's home.
    #[error("`{0}` was not found: install Rust with rustup (https://rustup.rs), then restart the kernel")]
    Missing(&'static str),
    /// A tool is there but does not run.
    #[error("`{tool}` does not run: {reason}; `rustup default stable` may mend it")]
    Broken {
        /// The tool's name.
        tool: &'static str,
        /// What it printed.
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
    /// Looks for rustc, cargo and the sources of the standard library.
    ///
    /// # Errors
    ///
    /// The first of the three that is missing.
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

    /// rustc's version, as in `1.95.0`.
    pub fn version(&self) -> &str {
        let release = self
            .verbose_version
            .lines()
            .find_map(|line| line.strip_prefix("release: "));
        release.unwrap_or("unknown")
    }

    /// Whether it takes no features that are not stable.
    pub(crate) fn is_stable(&self) -> bool {
        !self.version().contains('-')
    }
}

/// Asks the compiler itself where it is to be found: rustup's takes its time to find it.
fn verbose_version(sysroot: &Path) -> Result<String, ToolchainError> {
    let own = sysroot::program(sysroot, "rustc");
    if own.is_file() {
        run_program("rustc", &own, &["-vV"])
    } else {
        run("rustc", &["-vV"])
    }
}

fn run(tool: &'static str, arguments: &[&str]) -> Result<String, ToolchainError> {
    let program = find_program(tool).ok_or(ToolchainError::Missing(tool))?;
    run_program(tool, &program, arguments)
}

fn run_program(tool: &'static str, program: &Path, arguments: &[&str]) -> Result<String, ToolchainError> {
    let mut command = Command::new(program);
    environment::give_back(&mut command);
    let output = command
        .args(arguments)
        // Where no project's rust-toolchain.toml is: evcxr compiles in its own directory.
        .current_dir(env::temp_dir())
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

/// On the path, or where rustup installs it: a kernel that is started from a desktop often has no such path.
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
