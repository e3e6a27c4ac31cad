//! What a launch reports.

use serde::Serialize;
use std::{fmt, sync::Arc};

/// A report of a launch.
///
/// Hosts are numbered 0, 1, … in the launcher's order. A replacement gets the next number. Each host that the launch
/// tries to use gets either one `Refused`, or one `Started`, then its `Line`s, then one `Ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LaunchEvent {
    /// The launch knows how many hosts it will use. It reports this once, before all reports about hosts.
    Planned {
        /// The number of hosts.
        hosts: usize,
    },
    /// A node process was started.
    Started {
        /// The host's number.
        host: u32,
        /// The launcher's name for the host.
        name: String,
    },
    /// The node process has written a line to its standard output.
    Line {
        /// The host's number.
        host: u32,
        /// The line, without its end.
        line: String,
    },
    /// The launcher says that the node process has ended. This is only a hint: a launcher may report the end of a
    /// process late, or the end of a process that it has merely lost sight of.
    Ended {
        /// The host's number.
        host: u32,
        /// The launcher's reason.
        reason: String,
    },
    /// No node process was started on this host: the host cannot be reached, or cannot run the executable.
    Refused {
        /// The host's number.
        host: u32,
        /// The launcher's name for the host.
        name: String,
        /// A sentence that says why, and what to do where that is known.
        reason: String,
    },
    /// Something that the user should see: the launch waits in a queue, the executable is being copied to a host, or a
    /// line of the standard error of the launcher or a node process.
    Says {
        /// The text.
        text: String,
    },
    /// The launcher has failed as a whole. It can start no further node process.
    Gone {
        /// The launcher's reason.
        reason: String,
    },
}

/// Where a launch reports to. Any thread may report at any time.
#[derive(Clone)]
pub(crate) struct Events(Arc<dyn Fn(LaunchEvent) + Send + Sync>);

impl Events {
    /// Reports to a function.
    pub(crate) fn new(on_event: impl Fn(LaunchEvent) + Send + Sync + 'static) -> Events {
        Events(Arc::new(on_event))
    }

    /// Reports an event.
    pub(crate) fn send(&self, event: LaunchEvent) {
        (self.0)(event);
    }

    /// Reports a text for the user.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.send(LaunchEvent::Says { text: text.into() });
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Events")
    }
}
