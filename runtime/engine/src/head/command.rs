//! The commands for the link.

use super::state::Action;
use mosaic_abi::{Handle, StartOptions};

/// A command for the link, which owns all sockets.
#[derive(Debug)]
pub(super) enum Command {
    /// Turn the runtime on, and end the wait when it is.
    Start { wait: Handle, options: Box<StartOptions> },
    /// Turn the runtime off, and end the wait when it is.
    Stop { wait: Handle },
    /// Carry out what a change of the state asks for.
    Act(Action),
}
