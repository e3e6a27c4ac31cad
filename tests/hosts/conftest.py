"""Fixtures with hosts. The hosts are there for the whole run; each test gets them whole and finds nothing of others."""

import contextlib
import os
import shutil
import tempfile

import pytest

from hosts import namespaces, services
from hosts.notebook import HostKernel
from world import World, wait_until

HERE = os.path.dirname(__file__)


def pytest_collection_modifyitems(items):
    for item in items:
        if str(item.path).startswith(HERE + os.sep):
            item.add_marker("hosts")


def need(reason):
    """Skips the test for this reason, if there is one. In CI, that is a failure."""
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def need_programs(*programs):
    program = services.missing(*programs)
    need(f"no {program}: run `cargo xtask test hosts`, which installs it" if program else None)


@pytest.fixture(scope="session")
def shared():
    """A directory that the tests and h0 see. Short: it is a part of the paths of sockets."""
    path = tempfile.mkdtemp(prefix="mh-", dir="/tmp")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def world(shared):
    """A world whose files the tests and h0 see."""
    world = World(parent=shared)
    yield world
    world.close()


@pytest.fixture(scope="session")
def whole_cluster(tmp_path_factory, shared):
    """A notebook host, h0, and h1 to h4, all with sshd and Slurm."""
    need(namespaces.missing())
    need_programs("sshd", "ssh", "ssh-keygen", "munged", "slurmctld", "slurmd", "srun")
    logs = tmp_path_factory.mktemp("hosts")
    with namespaces.Cluster(5, shared=[shared]) as cluster:
        cluster.add_service(services.Ssh(cluster, logs))
        cluster.add_service(services.Slurm(cluster, logs))
        yield cluster


@pytest.fixture
def cluster(whole_cluster):
    """The hosts, all of them on and connected. The test fails if it leaves a process, a port or a file on them."""
    yield whole_cluster
    whole_cluster.restore()
    nothing_is_left(whole_cluster)


@pytest.fixture
def start(cluster, world):
    """Starts kernels on the notebook host. They live as long as one test."""
    with contextlib.ExitStack() as kernels:
        yield lambda **environment: kernels.enter_context(
            contextlib.closing(HostKernel(world, cluster[0], **environment))
        )


def nothing_is_left(cluster):
    wait_until(lambda: not cluster.leaks(), timeout=15, every=0.1)
    leaks = cluster.leaks()
    for host in cluster.hosts:
        host.kill_leaks()
        # The next test is not to blame.
        host.remember()
    assert not leaks, "left on the hosts:\n" + "\n".join(leaks)


@pytest.fixture(scope="module")
def whole_ray_cluster(tmp_path_factory, shared):
    """A notebook host, h0, and h1 to h3, all with Ray. Ray takes memory and time, so these are hosts of their own."""
    need(namespaces.missing())
    need(None if services.RAY.exists() else f"no Ray in {services.RAY}: run `cargo xtask test hosts`, which installs it")
    with namespaces.Cluster(4, shared=[shared], kept=[services.RAY]) as cluster:
        ray = cluster.ray = cluster.add_service(services.Ray(cluster, tmp_path_factory.mktemp("ray")))
        every = [host.address for host in cluster.hosts]
        assert wait_until(lambda: ray.alive() == every, 60), f"of {every} Ray has {ray.alive()}"
        for host in cluster.hosts:
            host.remember()
        yield cluster


@pytest.fixture
def ray_cluster(whole_ray_cluster):
    """The hosts with Ray, all of them on and connected."""
    cluster = whole_ray_cluster
    yield cluster
    for host in cluster.hosts:
        # Ray never takes a host back that it has given up. It takes a host that has been off.
        if host.is_on and host.address not in cluster.ray.alive():
            host.power_off()
    cluster.restore()
    every = [host.address for host in cluster.hosts]
    assert wait_until(lambda: cluster.ray.alive() == every, 60), f"of {every} Ray has {cluster.ray.alive()}"
