//! The limits that the system sets to a process, raised as far as the kernel needs.
//!
//! All processes that the kernel starts inherit the limits, and so do the processes that cells start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// The stack of the cell process, in bytes, unless the user's limit is higher. A cell moves its variables to its stack
/// and back, so a cell needs more than a program with the same arrays.
const STACK_SIZE: u64 = 64 << 20;

/// The most file descriptors. Some programs close every number up to the limit when they start. Some systems have a
/// limit of a thousand million, which would keep such a program busy for minutes.
const DESCRIPTORS: u64 = 1 << 20;

/// Raises the limits of the stack and of file descriptors, as far as the system allows it.
///
/// Each client, worker, pipe and shared array takes up a descriptor. The usual soft limit of 1024 is meant for programs
/// that call `select`, which the kernel does not.
pub(crate) fn raise() {
    for (resource, wanted, consequence) in [
        (Resource::Stack, STACK_SIZE, "cells keep a small stack"),
        (Resource::Nofile, DESCRIPTORS, "the kernel keeps few file descriptors"),
    ] {
        let Some(raised) = raised(getrlimit(resource), wanted) else {
            continue;
        };
        if let Err(error) = setrlimit(resource, raised) {
            warn!("{consequence}: {error}");
        }
    }
}

/// Returns a limit that is raised to `wanted` or the hard limit, whichever is lower. `None` if it is high enough.
fn raised(limit: Rlimit, wanted: u64) -> Option<Rlimit> {
    let wanted = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let is_low = limit.current.is_some_and(|current| current < wanted);
    is_low.then_some(Rlimit {
        current: Some(wanted),
        ..limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_raised_up_to_the_hard_limit() {
        for (current, maximum, expected) in [
            (Some(10), Some(1000), Some(100)),
            (Some(10), None, Some(100)),
            (Some(10), Some(50), Some(50)),
            (Some(10), Some(10), None),
            (Some(200), Some(1000), None),
            (None, None, None),
        ] {
            let raised = raised(Rlimit { current, maximum }, 100);
            assert_eq!(
                raised.as_ref().and_then(|it| it.current),
                expected,
                "{current:?} of {maximum:?}"
            );
            assert!(raised.is_none_or(|it| it.maximum == maximum));
        }
    }
}
