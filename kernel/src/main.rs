//! The executable `mosaic-kernel`: a Jupyter kernel for Rust, and the programs that it starts.
//!
//! The kernel starts its cell process and its workers by starting this executable in another role. It is also its own
//! rustc wrapper, linker and cargo shim. `main` looks for these three first, before it sets up anything that they do not need.
//!
//! | module | |
//! | --- | --- |
//! | `run` | starts the parts of a kernel, serves, and ends the parts in order |
//! | `server` | answers clients' requests |
//! | `output` | shows what cells and workers say: text, displays, results |
//! | `front_end` | takes what cells and workers ask: displays, input, comms |
//! | `comm_registry` | the comms that are open |
//! | `monitor`, `live_displays` | the runtime's monitor; progress bars and watched tables |
//! | `signals`, `parent_process` | interrupts or ends the kernel from outside |
//! | `resource_limits` | raises the limits of the system that the kernel and its cells need |
//! | `run_dir` | the directory that ends with the kernel |
//! | `export` | writes a notebook as a program |
//! | `install` | writes and removes the kernelspec |

mod comm_registry;
mod export;
mod front_end;
mod install;
mod live_displays;
mod monitor;
mod output;
mod parent_process;
mod resource_limits;
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
    /// Removes what a kernel leaves that is killed
    #[command(hide = true)]
    Guard {
        /// The kernel's directory for sockets and pipes
        run_dir: PathBuf,
    },
    /// Tells Jupyter about this kernel
    Install(install::Install),
    /// Removes the kernelspec that install wrote
    Uninstall(install::Uninstall),
    /// Writes a notebook as a cargo project
    Export(export::Export),
    /// Builds the crates that cells use, once per toolchain
    Prepare,
}

fn main() -> ExitCode {
    // SAFETY: No other thread was started.
    let answers = unsafe { mosaic_evaluator::cargo_shim() };
    let compiles = answers.or_else(mosaic_evaluator::rustc_wrapper);
    if let Some(code) = compiles.or_else(mosaic_evaluator::linker) {
        return code;
    }
    // These have no arguments, since `std::env::args()` would show the arguments to the user's code.
    if mosaic_evaluator::is_cell_process() {
        mosaic_evaluator::cell_host_main();
    }
    if mosaic_engine::is_worker() {
        mosaic_engine::worker_main();
    }
    let result = match Arguments::parse().role {
        Role::Run { connection_file } => run::run(&connection_file),
        Role::Guard { run_dir } => {
            mosaic_evaluator::guard(&run_dir);
            Ok(())
        }
        Role::Install(install) => install.run(),
        Role::Uninstall(uninstall) => uninstall.run(),
        Role::Export(export) => export.run(),
        Role::Prepare => mosaic_evaluator::prepare(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mosaic-kernel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
