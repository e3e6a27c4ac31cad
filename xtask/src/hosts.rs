//! The tests with several hosts, which are namespaces on this machine.

use crate::{
    SetUp, debian, kernel, peers,
    run::{ask, cargo, program, run, step},
    suites,
};
use anyhow::{Result, bail};

/// Each program that the hosts need, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("sshd", "openssh-server"),
    ("munged", "munge"),
    ("slurmctld", "slurm-wlm"),
    ("slurmd", "slurm-wlm"),
    ("srun", "slurm-wlm"),
];

/// Installs sshd, Slurm and munge if nobody has to be asked for that.
///
/// On other systems, tests that need them are skipped if they are missing, except in CI.
///
/// # Errors
///
/// A program is missing and `CI` is set, or Debian's packages cannot be installed.
pub(crate) fn ensure() -> Result<()> {
    let mut packages: Vec<&str> = PROGRAMS.iter().filter(|it| !present(it.0)).map(|it| it.1).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    if debian::can_install() {
        return debian::install("the tests with several hosts", &packages);
    }
    let missing = format!("tests with several hosts need the packages {}", packages.join(", "));
    if std::env::var_os("CI").is_some() {
        bail!("{missing}");
    }
    eprintln!("{missing}, else these tests are skipped");
    Ok(())
}

/// Runs all tests with several hosts.
pub(crate) fn test(set_up: &SetUp, arguments: &[String]) -> Result<()> {
    ensure()?;
    peers::ray(set_up, &kernel::target(&set_up.root)?)?;
    step("building the programs and the scenarios of the runtime that the tests run on hosts");
    // The whole workspace: otherwise cargo chooses other features, and builds evcxr again.
    run(cargo()
        .args(["build", "--release", "--locked", "--workspace", "--examples"])
        .args(["--test", "programs"])
        .current_dir(&set_up.root))?;
    let all = std::iter::once("hosts".to_owned()).chain(arguments.iter().cloned());
    suites::end_to_end(set_up, &all.collect::<Vec<_>>())
}

/// Says whether a program is installed. Daemons lie in a directory that a user's `PATH` need not have.
fn present(name: &str) -> bool {
    let find = "PATH=$PATH:/usr/sbin:/sbin; command -v \"$1\"";
    ask(program("sh").args(["-c", find, "sh", name])).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found() {
        assert!(present("sh"));
        assert!(!present("no-such-program"));
    }
}
