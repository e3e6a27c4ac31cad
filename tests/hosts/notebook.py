"""A kernel on the notebook host, with a client outside."""

import contextlib

import psutil

from hosts.namespaces import children
from kernels import Kernel

# The mark of a node process in its environment. It removes the mark before it starts workers.
NODE_VARIABLE = "MOSAIC_NODE"


class HostKernel(Kernel):
    """A kernel on a host, whose sockets are files, since the client is not in the host's network."""

    def __init__(self, world, host, **environment):
        self._host = host
        super().__init__(world, transport="ipc", prepare=self._prepare, **environment)

    def _prepare(self, manager):
        specification = manager.kernel_spec
        specification.argv = self._host.command(*specification.argv)

    @property
    def pid(self):
        """The kernel's process, not that of the command that entered the host."""
        (pid,) = children(self.manager.provisioner.pid)
        return pid


FIELD = """
use mosaic::prelude::*;

#[tessera]
struct Field { values: Vec<u64> }

#[tessera]
impl Field {
    fn new(len: u64, first: u64) -> Self { Field { values: (first..first + len).collect() } }
    fn values(&self) -> Vec<u64> { self.values.clone() }
    fn sum_with(&self, other: &[u64]) -> u64 { self.values.iter().chain(other).copied().fold(0, u64::wrapping_add) }
    fn host(&self) -> String { std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned() }
    fn pid(&self) -> u32 { std::process::id() }
    fn say(&self, lines: u32) { for line in 0..lines { println!("line {line}"); } }
    fn wait_for(&self, path: String) -> u64 {
        println!("waiting");
        while !std::path::Path::new(&path).exists() { std::thread::sleep(std::time::Duration::from_millis(10)); }
        self.values[0]
    }
}
"""


def field_on(worker, length, first):
    """The expression that makes a field of these numbers on a worker."""
    return f'Field::with(Options::new().worker({worker})).remote({length}, {first})'


def node_processes(host):
    """The node processes of a host: those that a launcher has started."""
    return [it for it in host.processes() if NODE_VARIABLE in _environment(it)]


def worker_processes(host):
    children = [child for node in node_processes(host) for child in node.children()]
    # A node process has a shell, too, which tidies up if the node process is killed.
    return [child for child in children if "mosaic-sweeper" not in child.cmdline()]


def process_of(host, pid):
    """The process that has this number on the host."""
    for process in host.processes():
        with contextlib.suppress(OSError):
            lines = open(f"/proc/{process.pid}/status").read().splitlines()
            numbers = next(line for line in lines if line.startswith("NSpid:"))
            if int(numbers.split()[-1]) == int(pid):
                return process
    raise AssertionError(f"{host.name} has no process {pid}")


def _environment(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}
