//! How much memory is in use, of the memory that this process may use: the machine's, or the limit of a control group.

use procfs::{Current, Meminfo, process::Process};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The directory at which control groups are mounted, by convention.
const GROUPS: &str = "/sys/fs/cgroup";

/// How much memory is in use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) used: u64,
    pub(crate) total: u64,
}

impl Used {
    /// Returns the part that is in use; 1.0 is all.
    #[allow(clippy::cast_precision_loss, reason = "it is a rough measure")]
    pub(crate) fn part(self) -> f64 {
        self.used as f64 / self.total.max(1) as f64
    }
}

/// Returns a part, between 0 and 1, of the memory that this process may use, in bytes; `None` if the system does not
/// tell.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, and both factors are at least zero"
)]
pub(crate) fn part_of_all(part: f64) -> Option<u64> {
    let machine = Meminfo::current().ok()?.mem_total;
    let limits = limited().iter().filter_map(|group| group.limit(machine));
    Some((limits.fold(machine, u64::min) as f64 * part.clamp(0.0, 1.0)) as u64)
}

/// Returns the memory in use of the machine or of a control group, whichever is closest to its limit; `None` if the
/// system does not tell.
pub(crate) fn used() -> Option<Used> {
    let machine = Meminfo::current().ok().and_then(|memory| {
        let available = memory.mem_available?;
        Some(Used {
            used: memory.mem_total.saturating_sub(available),
            total: memory.mem_total,
        })
    })?;
    let groups = limited().iter().filter_map(|group| group.used(machine.total));
    Some(groups.fold(machine, |a, b| if b.part() > a.part() { b } else { a }))
}

/// Returns the control groups of this process, which are looked up once.
fn limited() -> &'static [Group] {
    static LIMITED: OnceLock<Vec<Group>> = OnceLock::new();
    LIMITED.get_or_init(groups)
}

/// A control group that may limit the memory of this process.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    directory: PathBuf,
    files: &'static Files,
}

/// The names of the files of a control group.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    limit: &'static str,
    usage: &'static str,
    /// The line of `memory.stat` that says how much of the usage the system gives back when memory is needed.
    reclaimable: &'static str,
}

/// The files of control groups of version 2.
const VERSION_2: Files = Files {
    limit: "memory.max",
    usage: "memory.current",
    reclaimable: "inactive_file",
};

/// The files of control groups of version 1.
const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
};

impl Group {
    /// Reads one of the group's files that hold a single number.
    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.directory.join(file)).ok()?.trim().parse().ok()
    }

    /// Returns how much memory the group may use, if that is less than the machine has.
    fn limit(&self, machine: u64) -> Option<u64> {
        // `max`, which is no number, means that there is no limit.
        self.number(self.files.limit).filter(|limit| *limit < machine)
    }

    /// Returns how much of the group's memory is in use, if it has a limit.
    fn used(&self, machine: u64) -> Option<Used> {
        let total = self.limit(machine)?;
        let stat = fs::read_to_string(self.directory.join("memory.stat")).unwrap_or_default();
        let used = self
            .number(self.files.usage)?
            .saturating_sub(line(&stat, self.files.reclaimable));
        Some(Used { used, total })
    }
}

/// Returns the number behind a name in a file such as `memory.stat`; zero if there is none.
fn line(stat: &str, name: &str) -> u64 {
    let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(of, _)| *of == name)
        .and_then(|(_, number)| number.trim().parse().ok())
        .unwrap_or(0)
}

/// Finds the control groups whose limits apply to this process, as far as they can be seen.
fn groups() -> Vec<Group> {
    let Ok(memberships) = Process::myself().and_then(|process| process.cgroups()) else {
        return Vec::new();
    };
    let memberships = memberships.into_iter().map(|group| (group.controllers, group.pathname));
    memberships
        .flat_map(|(controllers, path)| of_membership(&controllers, &path))
        .collect()
}

/// Returns a control group and the groups that contain it, each of which may have a limit.
fn of_membership(controllers: &[String], path: &str) -> Vec<Group> {
    let (root, files) = if controllers.iter().any(|name| name == "memory") {
        (Path::new(GROUPS).join("memory"), &VERSION_1)
    } else if controllers.iter().all(String::is_empty) {
        (PathBuf::from(GROUPS), &VERSION_2)
    } else {
        return Vec::new();
    };
    let around = Path::new(path).ancestors();
    let inside = around.map(|path| path.strip_prefix("/").unwrap_or(path));
    inside
        .map(|path| Group {
            directory: root.join(path),
            files,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_uses_some() {
        let Used { used, total } = used().unwrap();
        assert!(0 < used && used < total, "{used} of {total}");
        let part = |part| part_of_all(part).unwrap();
        assert!((part(1.0) / 2).abs_diff(part(0.5)) <= 1);
        assert_eq!((part(0.0), part(-1.0), part(7.0)), (0, 0, part(1.0)));
    }

    #[test]
    fn every_group_around_a_process_may_limit_it() {
        let directories = |controllers: &[&str], path| {
            let controllers: Vec<String> = controllers.iter().map(|name| (*name).to_owned()).collect();
            let groups = of_membership(&controllers, path);
            let named = groups.iter().map(|group| group.directory.to_str().unwrap().to_owned());
            named.collect::<Vec<String>>()
        };
        assert_eq!(
            directories(&[], "/user/a"),
            ["/sys/fs/cgroup/user/a", "/sys/fs/cgroup/user", "/sys/fs/cgroup/"]
        );
        assert_eq!(
            directories(&["memory"], "/job"),
            ["/sys/fs/cgroup/memory/job", "/sys/fs/cgroup/memory/"]
        );
        assert!(directories(&["cpu", "cpuacct"], "/job").is_empty());
    }

    #[test]
    fn a_group_counts_where_it_has_a_limit_below_the_machines() {
        let directory = tempfile::tempdir().unwrap();
        let group = Group {
            directory: directory.path().to_owned(),
            files: &VERSION_2,
        };
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        assert_eq!(group.used(1000), None);
        write("memory.max", "max\n");
        write("memory.current", "400\n");
        assert_eq!(group.used(1000), None);
        write("memory.max", "500\n");
        assert_eq!(group.used(1000), Some(Used { used: 400, total: 500 }));
        assert_eq!(group.used(500), None);
        write("memory.stat", "anon 300\ninactive_file 50\nactive_file 50\n");
        assert_eq!(group.used(1000), Some(Used { used: 350, total: 500 }));
    }
}
