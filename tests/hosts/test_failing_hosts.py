"""Workers, node processes, launchers, links and kernels that end, and what goes on without them."""

import os
import pwd
import signal

import pytest

from hosts.notebook import FIELD, field_on, node_processes, process_of, worker_processes
from world import wait_until

NEVER = "/nowhere/at/all"


@pytest.fixture
def kernel(start):
    """A kernel with two workers on each of h1, h2 and h3, and a field on one worker of each host."""
    kernel = start(MOSAIC_ON="ssh:h1,h2,h3")
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    for name, worker in (("a", "worker:0:0"), ("b", "worker:1:0"), ("c", "worker:2:0")):
        kernel.ok(f"let {name} = " + field_on(f'"{worker}"', 10, 1) + ".await?;")
    return kernel


def wait_on_b(kernel):
    """Submits a cell that awaits a method that runs on h2 and never ends. Returns the cell when the method runs."""
    cell = kernel.submit(f'b.wait_for("{NEVER}".to_owned()).await?;')
    kernel.read_until(lambda: "waiting" in cell.stdout)
    return cell


def others_go_on(kernel, *names):
    for name in names or ("a", "c"):
        assert kernel.ok(f"{name}.sum_with(&[1]).result().await?").result == "56", name


def listed(kernel):
    """The workers that the runtime has."""
    return kernel.ok('for worker in &mosaic::workers().await? { println!("{}", worker.uid); }').stdout.split()


def left_on(host):
    """What is on the host beside its services. The end of a connection does not reach an sshd behind a cut link."""
    return [it for it in host.leaks() if "sshd: " not in it]


def h2_is_lost(cluster, kernel, cell):
    """The cell fails, and names the lost host. The others go on, and nothing stays on the lost one."""
    kernel.finish(cell)
    assert "worker:1:0" in cell.error and "h2" in cell.error, str(cell)
    others_go_on(kernel)
    assert listed(kernel) == ["worker:0:0", "worker:0:1", "worker:2:0", "worker:2:1"]
    error = kernel.run("b.sum_with(&[1]).await?;").error
    assert "worker:1:0" in error, error
    if cluster[2].is_on:
        assert wait_until(lambda: not left_on(cluster[2]), 15), left_on(cluster[2])


@pytest.mark.core
def test_a_killed_worker_is_lost_alone(cluster, kernel):
    pid = kernel.ok("b.pid().result().await?").result
    kernel.ok("let near = " + field_on('"worker:1:1"', 10, 1) + ".await?;")
    cell = wait_on_b(kernel)
    process_of(cluster[2], pid).kill()
    kernel.finish(cell)
    assert "worker:1:0" in cell.error and "SIGKILL" in cell.error, str(cell)
    others_go_on(kernel, "a", "c", "near")
    assert len(node_processes(cluster[2])) == 1


@pytest.mark.core
def test_a_killed_node_process_takes_its_host_along(cluster, kernel):
    cell = wait_on_b(kernel)
    (node,) = node_processes(cluster[2])
    node.kill()
    h2_is_lost(cluster, kernel, cell)


def test_a_killed_ssh_takes_its_host_along(cluster, kernel):
    cell = wait_on_b(kernel)
    next(it for it in cluster[0].processes() if it.name() == "ssh" and "h2" in it.cmdline()).kill()
    h2_is_lost(cluster, kernel, cell)


def test_a_killed_sshd_session_takes_its_host_along(cluster, kernel):
    cell = wait_on_b(kernel)
    (node,) = node_processes(cluster[2])
    session = next(it for it in node.parents() if it.name() == "sshd")
    session.kill()
    h2_is_lost(cluster, kernel, cell)


@pytest.mark.core
def test_a_cut_link_takes_its_host_along(cluster, kernel):
    cell = wait_on_b(kernel)
    cluster[2].cut()
    # The node process ends its workers while it hears nothing.
    h2_is_lost(cluster, kernel, cell)
    cluster[2].heal()
    others_go_on(kernel)
    assert listed(kernel) == ["worker:0:0", "worker:0:1", "worker:2:0", "worker:2:1"]


def test_a_host_without_power_is_lost(cluster, kernel):
    cell = wait_on_b(kernel)
    cluster[2].power_off()
    h2_is_lost(cluster, kernel, cell)


def test_a_link_that_is_away_for_two_seconds_costs_nothing(cluster, kernel):
    (node,) = node_processes(cluster[2])
    cell = kernel.submit('(b.wait_for("/tmp/there".to_owned()).result().await?, c.sum_with(&b.values()).result().await?)')
    kernel.read_until(lambda: "waiting" in cell.stdout)
    cluster[2].cut()
    cluster[2].path("/tmp/there").touch()
    # The two seconds of the promise.
    assert not wait_until(lambda: cell.idle, 2)
    cluster[2].heal()
    kernel.finish(cell)
    cluster[2].path("/tmp/there").unlink()
    assert (cell.result, cell.errors) == ("(1, 110)", []), str(cell)
    assert node_processes(cluster[2]) == [node]
    others_go_on(kernel, "a", "b", "c")


@pytest.mark.core
def test_nothing_is_left_of_a_killed_kernel(cluster, kernel):
    wait_on_b(kernel)
    os.kill(kernel.pid, signal.SIGKILL)
    assert wait_until(lambda: not cluster.leaks(), 15), "\n".join(cluster.leaks())


def test_nothing_is_left_of_a_killed_kernel_behind_a_cut_link(cluster, kernel):
    cluster[2].cut()
    os.kill(kernel.pid, signal.SIGKILL)
    # Its lease ends.
    assert wait_until(lambda: not left_on(cluster[2]), 30), left_on(cluster[2])


def test_off_ends_all_and_on_starts_again(cluster, kernel):
    kernel.ok("mosaic::interactive(Off).await?;")
    for host in cluster.hosts[1:]:
        assert wait_until(lambda: not host.leaks(), 15), host.leaks()
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    assert listed(kernel) == ["worker:0:0", "worker:1:0", "worker:2:0"]
    assert [len(worker_processes(host)) for host in cluster.hosts] == [0, 1, 1, 1, 0]


PHOENIX = """
#[tessera]
struct Phoenix { start: u64 }

#[tessera(restarts = 1, max_retries = 1)]
impl Phoenix {
    fn new(start: u64) -> Self { Phoenix { start } }
    fn add(&mut self, n: u64) -> u64 { self.start += n; self.start }
    fn host(&self) -> String { std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned() }
}
"""


def test_a_tessera_with_restarts_rises_on_another_host(cluster, kernel):
    kernel.ok(PHOENIX)
    kernel.ok('let phoenix = Phoenix::with(Options::new().worker("worker:1:0")).remote(40).await?;')
    assert kernel.ok("phoenix.add(1).result().await?").result == "41"
    (node,) = node_processes(cluster[2])
    node.kill()
    assert kernel.ok("phoenix.add(2).result().await?").result == "42"
    assert kernel.ok("phoenix.host().result().await?").result in ('"h1"', '"h3"')


def test_a_lost_host_is_replaced(cluster, start):
    kernel = start(MOSAIC_ON="ssh:h1,h2")
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(1).replace_lost_workers(2).await?;")
    (node,) = node_processes(cluster[2])
    node.kill()
    # The replacing host has the next number.
    assert wait_until(lambda: listed(kernel) == ["worker:0:0", "worker:2:0"], 30), listed(kernel)
    made = field_on('"worker:2:0"', 10, 1)
    assert kernel.ok(f"let field = {made}; field.host().result().await?").result == '"h2"'


def test_workers_rise_on_other_hosts_if_no_host_comes(cluster, start):
    kernel = start(MOSAIC_ON="ssh:h1,h2,h3", MOSAIC_REPLACEMENT_WAIT="1")
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(1).replace_lost_workers(2).await?;")
    # The launcher promises h2 again, and the login there never ends.
    home = cluster[2].path(pwd.getpwuid(0).pw_dir) / ".ssh"
    home.mkdir()
    (home / "rc").write_text("exec sleep 1000")
    (node,) = node_processes(cluster[2])
    node.kill()
    assert wait_until(lambda: listed(kernel) == ["worker:0:0", "worker:0:1", "worker:2:0"], 30), listed(kernel)
    # h3 refuses.
    next(it for it in cluster[3].processes() if it.name() == "sshd" and "-D" in it.cmdline()).kill()
    (node,) = node_processes(cluster[3])
    node.kill()
    assert wait_until(lambda: listed(kernel) == ["worker:0:0", "worker:0:1", "worker:0:2"], 30), listed(kernel)
    said = "".join(cell.text for cell in kernel.cells.values())
    assert "node:3 has not come within 1s" in said and "node:4 (h3) cannot be used" in said, said
    assert said.count("lost workers that are replaced on other hosts: 1") == 2, said
    # Both come back whole for the next test.
    cluster[2].power_off()
    cluster[3].power_off()
