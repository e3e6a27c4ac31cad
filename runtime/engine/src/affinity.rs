//! Which CPUs a worker runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{fmt, fs, io, str::FromStr};

/// Numbers of CPUs, written as the kernel writes them: `0-3,8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpus(Vec<usize>);

impl Cpus {
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

/// Keeps this thread, and those that it will start, on these CPUs; none leaves it as it is.
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

/// The CPUs that this process may use, in the NUMA nodes that they belong to.
pub(crate) fn nodes() -> Vec<Cpus> {
    let Ok(allowed) = sched_getaffinity(None) else {
        return Vec::new();
    };
    let is_allowed = |cpu: &usize| *cpu < CpuSet::MAX_CPU && allowed.is_set(*cpu);
    let lists = (0..).map_while(|node| fs::read_to_string(format!("/sys/devices/system/node/node{node}/cpulist")).ok());
    let nodes = lists.filter_map(|list| list.parse::<Cpus>().ok());
    let nodes = nodes.map(|node| Cpus(node.0.into_iter().filter(is_allowed).collect()));
    let nodes: Vec<Cpus> = nodes.filter(|node| !node.0.is_empty()).collect();
    if nodes.is_empty() {
        return vec![Cpus((0..CpuSet::MAX_CPU).filter(is_allowed).collect())];
    }
    nodes
}

/// The CPUs of worker number `worker` of `count`: an even share of one node's.
pub(crate) fn share(nodes: &[Cpus], worker: usize, count: usize) -> Cpus {
    if nodes.is_empty() {
        return Cpus::default();
    }
    // The first worker on node n is the first one whose share of the nodes begins there.
    let node_of = |worker: usize| worker * nodes.len() / count;
    let node = node_of(worker);
    let neighbours: Vec<usize> = (0..count).filter(|other| node_of(*other) == node).collect();
    let cpus = &nodes[node].0;
    let number = neighbours.iter().position(|other| *other == worker).unwrap_or(0);
    let (begin, end) = (
        number * cpus.len() / neighbours.len(),
        (number + 1) * cpus.len() / neighbours.len(),
    );
    // More workers than CPUs have to share them.
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
