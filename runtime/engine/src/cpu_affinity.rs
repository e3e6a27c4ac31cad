//! The CPUs that a worker runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{collections::BTreeSet, fmt, fs, io, path::Path, str::FromStr};

/// A list of CPUs, in the form that Linux uses: `0-3,8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpus(Vec<usize>);

impl Cpus {
    /// Returns the number of CPUs.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

impl FromStr for Cpus {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Cpus> {
        let unreadable = || io::Error::other(format!("`{text}` names no CPUs"));
        let number = |text: &str| text.parse::<usize>().map_err(|_| unreadable());
        let mut cpus = Vec::new();
        for range in text.trim().split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            cpus.extend(number(first)?..=number(last)?);
        }
        Ok(Cpus(cpus))
    }
}

/// Keeps this thread, and the threads that it will start, on these CPUs. An empty list changes nothing.
///
/// # Errors
///
/// The system refuses, for example because a CPU does not exist.
pub(crate) fn pin(cpus: &Cpus) -> io::Result<()> {
    if cpus.0.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    cpus.0.iter().for_each(|cpu| set.set(*cpu));
    sched_setaffinity(None, &set).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("it cannot be kept on the CPUs {cpus}: {error}"))
    })
}

/// The directory in which Linux lists the NUMA nodes and the CPUs of each.
const NODES: &str = "/sys/devices/system/node";

/// Returns the CPUs that this process may use, one list for each NUMA node.
pub(crate) fn nodes() -> Vec<Cpus> {
    let Ok(allowed) = sched_getaffinity(None) else {
        return Vec::new();
    };
    let is_allowed = |cpu: usize| cpu < CpuSet::MAX_CPU && allowed.is_set(cpu);
    let nodes = allowed_of(lists(Path::new(NODES)), is_allowed);
    if nodes.is_empty() {
        return vec![Cpus((0..CpuSet::MAX_CPU).filter(|cpu| is_allowed(*cpu)).collect())];
    }
    nodes
}

/// Reads the CPUs of each node, in the order of the nodes' numbers, which may have gaps.
fn lists(directory: &Path) -> Vec<Cpus> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("node")?.parse().ok());
    let numbers: BTreeSet<usize> = numbers.collect();
    let lists = numbers
        .into_iter()
        .filter_map(|number| fs::read_to_string(directory.join(format!("node{number}/cpulist"))).ok());
    lists.filter_map(|list| list.parse().ok()).collect()
}

/// Removes the CPUs that are not allowed, and the nodes without CPUs: some nodes have only memory.
fn allowed_of(nodes: Vec<Cpus>, is_allowed: impl Fn(usize) -> bool) -> Vec<Cpus> {
    let nodes = nodes
        .into_iter()
        .map(|node| Cpus(node.0.into_iter().filter(|cpu| is_allowed(*cpu)).collect()));
    nodes.filter(|node| node.len() > 0).collect()
}

/// Returns the CPUs of worker number `worker` of `count`: an even share of the CPUs of one node.
pub(crate) fn share(nodes: &[Cpus], worker: usize, count: usize) -> Cpus {
    if nodes.is_empty() {
        return Cpus::default();
    }
    // Workers are spread evenly over the nodes, in order.
    let node_of = |worker: usize| worker * nodes.len() / count;
    let node = node_of(worker);
    let neighbours: Vec<usize> = (0..count).filter(|other| node_of(*other) == node).collect();
    let cpus = &nodes[node].0;
    let number = neighbours.iter().position(|other| *other == worker).unwrap_or(0);
    let (begin, end) = (
        number * cpus.len() / neighbours.len(),
        (number + 1) * cpus.len() / neighbours.len(),
    );
    // If there are more workers than CPUs, workers share a CPU.
    Cpus(cpus[begin..end.max(begin + 1)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_the_cpus_evenly_and_within_nodes() {
        let cases: [(&[&str], usize, &[&str]); 7] = [
            (&["0-3"], 1, &["0,1,2,3"]),
            (&["0-3"], 2, &["0,1", "2,3"]),
            (&["0-4"], 2, &["0,1", "2,3,4"]),
            (&["0-1"], 3, &["0", "0", "1"]),
            (&["0-3", "4-7"], 2, &["0,1,2,3", "4,5,6,7"]),
            (&["0-1,4-5", "2-3,6-7"], 4, &["0,1", "4,5", "2,3", "6,7"]),
            (&["0-1", "2-3", "4-5"], 2, &["0,1", "2,3"]),
        ];
        for (nodes, count, expected) in cases {
            let nodes: Vec<Cpus> = nodes.iter().map(|node| node.parse().unwrap()).collect();
            let shares: Vec<String> = (0..count)
                .map(|worker| share(&nodes, worker, count).to_string())
                .collect();
            assert_eq!(shares, expected);
        }
    }

    #[test]
    fn nodes_are_read_in_their_order_whatever_their_numbers() {
        type Files = &'static [(&'static str, &'static str)];
        let cases: [(Files, &[usize], &[&str]); 5] = [
            (&[], &[0, 1], &[]),
            (&[("node0", "0-3\n")], &[0, 1, 2, 3], &["0,1,2,3"]),
            (
                &[("node0", "0-1"), ("node10", "4-5"), ("node2", "2-3")],
                &[0, 1, 2, 3, 4, 5],
                &["0,1", "2,3", "4,5"],
            ),
            // On some processors the first node is not number 0, and memory without CPUs is a node as well.
            (&[("node8", "8-11"), ("node252", "\n")], &[9, 11, 12], &["9,11"]),
            (&[("node0", "0-1"), ("node1", "2-3"), ("nodes", "7")], &[2], &["2"]),
        ];
        for (files, allowed, expected) in cases {
            let directory = tempfile::tempdir().unwrap();
            for (node, list) in files {
                fs::create_dir(directory.path().join(node)).unwrap();
                fs::write(directory.path().join(node).join("cpulist"), list).unwrap();
            }
            let nodes = allowed_of(lists(directory.path()), |cpu| allowed.contains(&cpu));
            let nodes: Vec<String> = nodes.iter().map(Cpus::to_string).collect();
            assert_eq!(nodes, expected, "{files:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_cpus_is_refused() {
        assert_eq!("".parse::<Cpus>().unwrap(), Cpus::default());
        for text in ["x", "1-", "-1"] {
            assert!(text.parse::<Cpus>().is_err(), "{text}");
        }
    }

    #[test]
    fn this_process_may_use_some_cpus() {
        assert!(nodes().iter().any(|node| node.len() > 0));
    }
}
