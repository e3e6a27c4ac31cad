//! File descriptors that are kept for connections.

use std::{fs::File, os::fd::OwnedFd};

/// The number of connections that are accepted after the guests' code has opened all files that the process can have.
const KEPT: usize = 8;

/// File descriptors that are kept for connections, so that a worker can be reached although it has no descriptor left.
#[derive(Debug, Default)]
pub(super) struct Reserve(Vec<OwnedFd>);

impl Reserve {
    /// Takes as many descriptors into the reserve as are missing and can be had.
    pub(super) fn fill(&mut self) {
        while self.0.len() < KEPT
            && let Ok(file) = File::open("/dev/null")
        {
            self.0.push(file.into());
        }
    }

    /// Frees a descriptor; `false` if there is none.
    pub(super) fn release(&mut self) -> bool {
        self.0.pop().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_until_they_are_needed() {
        let mut reserve = Reserve::default();
        assert!(!reserve.release());
        reserve.fill();
        reserve.fill();
        assert_eq!(reserve.0.len(), KEPT);
        assert!(reserve.release());
        assert_eq!(reserve.0.len(), KEPT - 1);
    }
}
