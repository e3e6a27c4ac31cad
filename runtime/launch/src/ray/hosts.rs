//! What each host of a launch by Ray has reported: state without I/O.

use crate::{error::LaunchError, event::LaunchEvent};

/// The hosts of a launch, by number.
#[derive(Debug, Default)]
pub(super) struct Hosts(Vec<Host>);

#[derive(Debug)]
struct Host {
    name: String,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preparing,
    Running,
    Ended,
}

impl Hosts {
    /// Adds the first hosts.
    pub(super) fn plan(&mut self, count: u32) {
        for number in 0..count {
            self.add(number);
        }
    }

    fn add(&mut self, number: u32) {
        let name = format!("number {number} of Ray");
        self.0.push(Host {
            name,
            phase: Phase::Preparing,
        });
    }

    /// Gives a host its name.
    pub(super) fn name(&mut self, host: u32, name: &str) {
        if let Some(host) = self.get(host) {
            name.clone_into(&mut host.name);
        }
    }

    /// Notes that the node process of a host runs, and returns the host's name.
    pub(super) fn start(&mut self, host: u32) -> String {
        self.get(host).map_or_else(String::new, |host| {
            host.phase = Phase::Running;
            host.name.clone()
        })
    }

    /// Notes that a host has ended, and returns the event for that; `None` if it had ended before.
    pub(super) fn end(&mut self, number: u32, reason: String) -> Option<LaunchEvent> {
        let host = self.get(number)?;
        let phase = host.phase;
        host.phase = Phase::Ended;
        match phase {
            Phase::Preparing => Some(LaunchEvent::Refused {
                host: number,
                name: host.name.clone(),
                reason,
            }),
            Phase::Running => Some(LaunchEvent::Ended { host: number, reason }),
            Phase::Ended => None,
        }
    }

    /// Ends all hosts that have not ended.
    pub(super) fn end_all(&mut self, reason: &str) -> Vec<LaunchEvent> {
        let numbers = 0..u32::try_from(self.0.len()).expect("a launch has fewer than four billion hosts");
        numbers
            .filter_map(|number| self.end(number, reason.to_owned()))
            .collect()
    }

    /// Adds a host in the place of another, and returns its number.
    ///
    /// # Errors
    ///
    /// The other host does not exist.
    pub(super) fn replace(&mut self, old: u32) -> Result<u32, LaunchError> {
        self.get(old).ok_or(LaunchError::NoSuchHost(old))?;
        let number = u32::try_from(self.0.len()).expect("a launch has fewer than four billion hosts");
        self.add(number);
        Ok(number)
    }

    /// Checks that a host can get a line.
    ///
    /// # Errors
    ///
    /// The host does not exist or has ended.
    pub(super) fn check_running(&mut self, number: u32) -> Result<(), LaunchError> {
        match self.get(number) {
            None => Err(LaunchError::NoSuchHost(number)),
            Some(host) if host.phase == Phase::Ended => Err(LaunchError::NotRunning(number)),
            Some(_) => Ok(()),
        }
    }

    fn get(&mut self, number: u32) -> Option<&mut Host> {
        self.0.get_mut(number as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_ends_once() {
        let mut hosts = Hosts::default();
        hosts.plan(2);
        hosts.name(0, "alpha");
        assert_eq!(hosts.start(0), "alpha");
        let reason = || "lost".to_owned();
        assert_eq!(
            hosts.end(0, reason()),
            Some(LaunchEvent::Ended {
                host: 0,
                reason: reason()
            })
        );
        assert_eq!(hosts.end(0, reason()), None);
        assert!(matches!(hosts.check_running(0), Err(LaunchError::NotRunning(0))));
        assert_eq!(hosts.replace(0).unwrap(), 2);
        assert!(hosts.check_running(2).is_ok());
        assert!(matches!(hosts.replace(3), Err(LaunchError::NoSuchHost(3))));
        let refused = |host| LaunchEvent::Refused {
            host,
            name: format!("number {host} of Ray"),
            reason: reason(),
        };
        assert_eq!(hosts.end_all("lost"), [refused(1), refused(2)]);
    }
}
