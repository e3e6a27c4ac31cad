//! The executable `mosaic-kernel`: one file, several roles.
//!
//! A kernel starts its cell process and its workers by starting itself, and is its own wrapper around rustc and cargo.
//! These roles are told first, before anything is set up that they do not need.

mod comm_registry;
mod descendants;
mod front_end;
mod install;
mod live_displays;
mod monitor;
mod output;
mod run;
mod run_dir;
mod server;
mod signals;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// A Jupyter kernel for Rust, with actors in worker processes
#[derive(Debug, Parser)]
#[command(name = "mosaic-kernel", version)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Runs a kernel for the client that wrote the connection file
    Run {
        /// The file that says where the client expects the kernel
        #[arg(short = 'f', long, value_name = "FILE")]
        connection_file: PathBuf,
    },
    /// Tells Jupyter of this kernel
    Install(install::Install),
    /// Removes what install wrote
    Uninstall(install::Uninstall),
    /// Builds the crates that cells use, once per toolchain
    Prepare,
    /// The process in which cells run
    #[command(hide = true)]
    CellHost,
    /// A worker process
    #[command(hide = true)]
    Worker,
}

fn main() -> ExitCode {
    if let Some(code) = mosaic_evaluator::tool().or_else(mosaic_evaluator::rustc_wrapper) {
        return code;
    }
    let done = match Arguments::parse().role {
        Role::CellHost => mosaic_evaluator::cell_host_main(),
        Role::Worker => mosaic_engine::worker_main(),
        Role::Run { connection_file } => run::run(&connection_file),
        Role::Install(install) => install.run(),
        Role::Uninstall(uninstall) => uninstall.run(),
        Role::Prepare => mosaic_evaluator::prepare(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mosaic-kernel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
