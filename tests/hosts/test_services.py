"""The services of the hosts themselves, as launchers use them."""

import contextlib
import subprocess

import psutil
import pytest

from world import wait_until


def programs(host):
    names = []
    for process in host.processes():
        # A process may end while it is looked at.
        with contextlib.suppress(psutil.NoSuchProcess):
            names.append(process.name())
    return names


@pytest.mark.core
def test_ssh_between_all_hosts(cluster):
    for host in cluster.hosts:
        assert cluster[0].run("ssh", host.name, "hostname; id -un") == f"{host.name}\nroot\n"
    assert cluster[3].run("ssh", "h0", "hostname") == "h0\n"
    assert cluster[0].run("ssh", "h2", "id -un; pwd", user="alice") == "alice\n/home/alice\n"
    # The lifeline of a node process: the standard input of a command ends with its ssh.
    with cluster[0].start("ssh", "h1", "cat", stdin=subprocess.PIPE) as ssh:
        assert wait_until(lambda: "cat" in programs(cluster[1]), 10)
        next(it for it in cluster[0].processes() if it.name() == "ssh").kill()
        assert wait_until(lambda: "cat" not in programs(cluster[1]), 10)
        ssh.wait()


def idle_nodes(cluster):
    lines = cluster[0].run("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines()
    return [line.split()[0] for line in lines if line.endswith(" idle")]


@pytest.mark.core
def test_slurm_runs_commands_on_its_nodes(cluster):
    assert wait_until(lambda: idle_nodes(cluster) == ["h1", "h2", "h3", "h4"], 20)
    assert sorted(cluster[0].run("srun", "-N4", "hostname").split()) == ["h1", "h2", "h3", "h4"]
    inside = "scontrol show hostnames; srun --overlap -N1 -n1 -w h2 --no-kill hostname; srun -n1 id -un"
    lines = cluster[0].run("salloc", "-w", "h2,h3", "sh", "-c", inside, user="alice").splitlines()
    assert lines == ["h2", "h3", "h2", "alice"]
    # The lifeline again: a step ends with the standard input of its srun.
    with cluster[0].start("srun", "-w", "h1", "cat", stdin=subprocess.PIPE) as srun:
        assert wait_until(lambda: "cat" in programs(cluster[1]), 10)
        srun.stdin.close()
        assert wait_until(lambda: "cat" not in programs(cluster[1]), 10)
        assert srun.wait(10) == 0


def test_slurm_comes_back_with_a_host(cluster):
    cluster[2].power_off()
    cluster.restore()
    assert wait_until(lambda: "h2" in idle_nodes(cluster), 40)
    assert cluster[0].run("srun", "-w", "h2", "hostname") == "h2\n"


def test_ray_sees_all_hosts(ray_cluster):
    ray = ray_cluster.ray
    # Not the notebook host: it offers no CPU.
    where = (
        "import ray, socket; ray.init('auto', log_to_driver=False);"
        "from ray.util.placement_group import placement_group as group;"
        "placed = group([{'CPU': 1}] * 3, strategy='STRICT_SPREAD'); ray.get(placed.ready());"
        "at = ray.remote(num_cpus=1)(lambda: socket.gethostname());"
        "in_bundle = lambda it: at.options(placement_group=placed, placement_group_bundle_index=it).remote();"
        "print(*sorted(ray.get([in_bundle(it) for it in range(3)])))"
    )
    assert ray_cluster[0].run("python", "-c", where, env=ray.environment()).split() == ["h1", "h2", "h3"]
    ray_cluster[3].cut()
    addresses = [it.address for it in ray_cluster.hosts]
    assert wait_until(lambda: ray.alive() == addresses[:3], 30)
