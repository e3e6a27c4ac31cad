//! Launchers: they start one node process on each of several hosts, follow it, and end it.
//!
//! This crate is the only one that names ssh, Slurm and Ray. It knows nothing of actors: it carries lines from and to
//! the standard input and output of the node processes. It uses threads, and no async runtime.
//!
//! - `place`: where to launch, parsed from a text such as `ssh:alpha,beta`.
//! - `order`: what to launch. `event`: what a launch reports. `error`: why a launch cannot begin.
//! - `launch`: the handle of a launch, and the trait that each launcher implements.
//! - `ssh`, `slurm`, `ray`: the launchers.
//! - `host_commands`: what ssh and Slurm share: one command for each host, with pipes.
//! - `bootstrap`: the conversation with a shell on a host, which installs and starts the executable.
//! - `executable`: the hash of the executable, and what it needs. `machine`: whether a host can run it.
//!
//! # Examples
//!
//! ```no_run
//! use mosaic_launch::{LaunchEvent, Order, Place, launch};
//!
//! let place: Place = "ssh:alpha,beta".parse()?;
//! let order = Order::new("/usr/local/bin/program");
//! let launch = launch(place, order, |event| match event {
//!     LaunchEvent::Line { host, line } => println!("host {host} says {line}"),
//!     other => eprintln!("{other:?}"),
//! })?;
//! launch.send(0, "a line for the standard input of the node process on alpha")?;
//! launch.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bootstrap;
mod error;
mod event;
mod executable;
mod host_commands;
mod launch;
mod machine;
mod order;
mod place;
mod ray;
mod slurm;
mod ssh;
#[cfg(test)]
mod test_programs;

pub use error::LaunchError;
pub use event::LaunchEvent;
pub use launch::{Launch, launch};
pub use machine::cpu_flags_of_this_build;
pub use order::{NODE_VARIABLE, Order};
pub use place::{Place, PlaceError};
