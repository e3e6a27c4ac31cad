//! Debian's packages, which some tests need.

use crate::run::{ask, program, run, step};
use anyhow::{Context, Result};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// The program that Debian's packages ask whether they may start their services.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// Says whether packages can be installed and nobody has to be asked: as root on Debian.
///
/// Ubuntu does not count: its package chromium installs a snap, which needs a running snapd.
pub(crate) fn can_install() -> bool {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    system.lines().any(|line| line == "ID=debian") && ask(program("id").arg("-u")).as_deref() == Some("0")
}

/// Installs packages, and starts none of their services on this machine.
///
/// # Errors
///
/// A package cannot be installed.
pub(crate) fn install(purpose: &str, packages: &[&str]) -> Result<()> {
    step(&format!("installing Debian's {}, for {purpose}", packages.join(", ")));
    let _stopped = StoppedServices::new(Path::new(SERVICE_POLICY))?;
    run(program("apt-get").args(["-qq", "update"]))?;
    run(program("apt-get")
        .args(["-qq", "install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// A policy under which no package starts a service. Ends when dropped.
struct StoppedServices<'policy> {
    policy: Option<&'policy Path>,
}

impl<'policy> StoppedServices<'policy> {
    /// Writes the policy, unless the machine has one: in containers, that is such a policy already.
    fn new(policy: &'policy Path) -> Result<Self> {
        if policy.exists() {
            return Ok(Self { policy: None });
        }
        // 101: the action is forbidden.
        fs::write(policy, "#!/bin/sh\nexit 101\n")
            .and_then(|()| fs::set_permissions(policy, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", policy.display()))?;
        Ok(Self { policy: Some(policy) })
    }
}

impl Drop for StoppedServices<'_> {
    fn drop(&mut self) {
        if let Some(policy) = self.policy
            && let Err(error) = fs::remove_file(policy)
        {
            eprintln!(
                "cannot remove {}: {error}; without it, services start again",
                policy.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_ends_and_another_one_is_kept() {
        let path = std::env::temp_dir().join(format!("policy-rc.d-{}", std::process::id()));
        {
            let _stopped = StoppedServices::new(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
            // By the shell: a process that another test forks just now may still hold the file open for writing, and
            // then it cannot be executed itself.
            let refusal = run(program("sh").arg(&path)).unwrap_err().to_string();
            assert!(refusal.contains("101"), "{refusal}");
            drop(StoppedServices::new(&path).unwrap());
            assert!(path.exists());
        }
        assert!(!path.exists());
    }
}
