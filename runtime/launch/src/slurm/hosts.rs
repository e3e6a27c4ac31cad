//! Which host of a launch is which node of an allocation: state without I/O.

use std::collections::HashMap;

/// A node of an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The number of the job that has the node.
    pub(super) job: String,
    /// The node's name.
    pub(super) name: String,
}

/// The hosts of a launch, and the nodes that are spare.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    spare: Vec<Node>,
    nodes: HashMap<u32, Node>,
    next: u32,
}

impl Hosts {
    /// Adds the nodes of an allocation.
    pub(super) fn add_nodes(&mut self, job: &str, names: Vec<String>) {
        self.spare.extend(names.into_iter().map(|name| Node {
            job: job.to_owned(),
            name,
        }));
    }

    /// Makes a host of the first spare node.
    pub(super) fn take_spare(&mut self) -> Option<(u32, Node)> {
        let node = self.spare.first().cloned()?;
        let number = self.reserve();
        self.assign(number, node.clone());
        Some((number, node))
    }

    /// Returns the number of a new host, whose node is not known yet.
    pub(super) fn reserve(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Makes a node that of a host. It is not spare any more.
    pub(super) fn assign(&mut self, number: u32, node: Node) {
        self.spare.retain(|spare| *spare != node);
        self.nodes.insert(number, node);
    }

    /// Returns the node of a host.
    pub(super) fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(&number)
    }

    /// Returns the nodes that no host uses.
    pub(super) fn spare_nodes(&self) -> Vec<Node> {
        self.spare.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_gets_the_next_number_and_a_spare_node() {
        let mut hosts = Hosts::default();
        hosts.add_nodes("7", ["a", "b", "c"].map(str::to_owned).to_vec());
        let node = |name: &str| Node {
            job: "7".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(hosts.take_spare(), Some((0, node("a"))));
        assert_eq!(hosts.take_spare(), Some((1, node("b"))));
        let number = hosts.reserve();
        assert_eq!((number, hosts.spare_nodes()), (2, vec![node("c")]));
        hosts.assign(number, node("c"));
        assert_eq!(hosts.node(2), Some(&node("c")));
        assert_eq!(hosts.take_spare(), None);
    }
}
