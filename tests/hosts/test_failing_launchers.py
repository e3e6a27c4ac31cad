"""Slurm and Ray that fail under a running notebook, and notebooks that end under Slurm and Ray."""

import contextlib
import os
import re
import signal

import psutil
import pytest

from hosts import services
from hosts.notebook import FIELD, HostKernel, field_on, node_processes, process_of
from world import wait_until

NEVER = "/nowhere/at/all"
RAY = {"MOSAIC_ON": "ray", "MOSAIC_PYTHON": str(services.RAY / "bin" / "python")}


def start_workers(kernel):
    """Starts one worker on each of three hosts. Returns the host of each node, such as {0: "h1"}."""
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    for number in range(3):
        made = field_on(f'"worker:{number}:0"', 10, 1)
        kernel.ok(f"let field_{number} = {made}.await?;")
    shown = kernel.ok("mosaic::status().await?").result
    return {int(number): host for number, host in re.findall(r"node:(\d) on (h\d)", shown)}


def wait_on(kernel, number):
    """Submits a cell that awaits a method that never ends. Returns the cell when the method runs."""
    cell = kernel.submit(f'field_{number}.wait_for("{NEVER}".to_owned()).await?;')
    kernel.read_until(lambda: "waiting" in cell.stdout)
    return cell


def is_lost_alone(kernel, cell, number, host):
    """The cell fails and names the worker and its host, and the other hosts go on."""
    kernel.finish(cell)
    assert f"worker:{number}:0" in cell.error and host.name in cell.error, str(cell)
    for other in {0, 1, 2} - {number}:
        assert kernel.ok(f"field_{other}.sum_with(&[1]).result().await?").result == "56", other


def named(host, *words):
    """The processes of a host whose command line contains these words."""
    found = []
    for process in host.processes():
        with contextlib.suppress(Exception):
            line = " ".join(process.cmdline())
            found += [process] if all(word in line for word in words) else []
    return found


@pytest.fixture
def slurm(start):
    kernel = start(MOSAIC_ON="slurm:--nodelist=h1,h2,h3")
    assert start_workers(kernel) == {0: "h1", 1: "h2", 2: "h3"}
    return kernel


def test_a_killed_slurmd_costs_nothing(cluster, slurm):
    (daemon,) = [it for it in cluster[2].processes() if it.name() == "slurmd"]
    (node,) = node_processes(cluster[2])
    daemon.kill()
    daemon.wait(10)
    assert slurm.ok("field_1.sum_with(&[1]).result().await?").result == "56"
    assert node_processes(cluster[2]) == [node]
    # The host comes back as a whole for the next test. Until then the step is lost, as without power.
    cluster[2].power_off()


def test_a_killed_srun_costs_nothing(cluster, slurm):
    """Slurm does not end a step because its srun is gone. A child of srun's would do that, so it is killed first."""
    (node,) = node_processes(cluster[2])
    sruns = named(cluster[0], "srun", "--nodelist=h2")
    assert sruns
    for srun in reversed(sruns):
        srun.kill()
    assert not psutil.wait_procs(sruns, timeout=10)[1]
    assert slurm.ok("field_1.sum_with(&[1]).result().await?").result == "56"
    assert node_processes(cluster[2]) == [node]
    slurm.ok("mosaic::interactive(Off).await?;")
    assert wait_until(lambda: not cluster[2].leaks(), 30), cluster[2].leaks()


def test_a_killed_step_takes_its_host_along(cluster, slurm):
    cell = wait_on(slurm, 1)
    (node,) = node_processes(cluster[2])
    next(it for it in node.parents() if it.name() == "slurmstepd").kill()
    is_lost_alone(slurm, cell, 1, cluster[2])
    assert wait_until(lambda: not cluster[2].leaks(), 30), cluster[2].leaks()


def test_a_cancelled_allocation_is_named(cluster, slurm):
    cell = wait_on(slurm, 1)
    cluster[0].run("scancel", "--user=root")
    slurm.finish(cell)
    assert "worker:1:0" in cell.error, str(cell)
    assert slurm.ok("1 + 1").result == "2", "the notebook goes on"
    assert wait_until(lambda: not cluster[2].leaks(), 30), cluster[2].leaks()


@pytest.mark.core
def test_a_killed_kernel_gives_its_allocation_back(cluster, slurm):
    """Also where a node process is slow to end: it is stopped until Slurm asks it to end."""
    wait_on(slurm, 1)
    (node,) = node_processes(cluster[2])
    node.suspend()
    os.kill(slurm.pid, signal.SIGKILL)
    assert wait_until(lambda: not cluster.leaks(), 30), cluster.leaks()
    assert wait_until(lambda: cluster[0].run("squeue", "--noheader") == "", 30)


def are_gone(hosts):
    return not any(node_processes(host) for host in hosts)


@pytest.fixture
def on_ray(ray_cluster, world):
    with contextlib.closing(HostKernel(world, ray_cluster[0], **RAY)) as kernel:
        names = start_workers(kernel)
        hosts = {number: next(it for it in ray_cluster.hosts if it.name == name) for number, name in names.items()}
        yield kernel, hosts
    on = [host for host in ray_cluster.hosts if host.is_on]
    assert wait_until(lambda: are_gone(on), 15), "node processes are left on the hosts of Ray"


def test_a_killed_worker_is_lost_alone_on_ray(on_ray):
    kernel, hosts = on_ray
    pid = kernel.ok("field_1.pid().result().await?").result
    cell = wait_on(kernel, 1)
    process_of(hosts[1], pid).kill()
    kernel.finish(cell)
    assert "worker:1:0" in cell.error and "SIGKILL" in cell.error, str(cell)
    assert kernel.ok("field_2.sum_with(&[1]).result().await?").result == "56"


def test_a_killed_raylet_takes_its_host_along(on_ray):
    kernel, hosts = on_ray
    cell = wait_on(kernel, 1)
    (raylet,) = [it for it in hosts[1].processes() if it.name() == "raylet"]
    raylet.kill()
    is_lost_alone(kernel, cell, 1, hosts[1])
    assert wait_until(lambda: not node_processes(hosts[1]), 30)


def test_a_cut_link_takes_its_host_along_on_ray(on_ray):
    kernel, hosts = on_ray
    cell = wait_on(kernel, 2)
    hosts[2].cut()
    is_lost_alone(kernel, cell, 2, hosts[2])
    assert wait_until(lambda: not node_processes(hosts[2]), 30)


def test_a_killed_kernel_leaves_no_actor(ray_cluster, on_ray):
    kernel, hosts = on_ray
    wait_on(kernel, 1)
    os.kill(kernel.pid, signal.SIGKILL)
    assert wait_until(lambda: are_gone(hosts.values()), 30)
    assert wait_until(lambda: not named(ray_cluster[0], "mosaic_ray"), 30), "the program that talks to Ray"
