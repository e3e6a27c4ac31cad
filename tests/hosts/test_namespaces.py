"""The hosts of the tests themselves: what they share, what they do not, and that nothing is left of them."""

import os
import subprocess
import sys

import psutil
import pytest
from conftest import ROOT

from hosts.conftest import need
from hosts.namespaces import PYTHON, Cluster, missing
from world import wait_until


@pytest.mark.core
def test_hosts_share_neither_files_nor_processes(cluster):
    first, second = cluster[1], cluster[2]
    for directory in ("/tmp", "/var/tmp", "/run", "/dev/shm", os.path.expanduser("~")):
        first.run("touch", f"{directory}/mark")
        for other in (cluster[0], second):
            assert other.attempt("test", "-e", f"{directory}/mark").returncode == 1, (other.name, directory)
        first.run("rm", f"{directory}/mark")
    assert first.run("ls", ROOT) == "", "the repository"
    assert "Cargo.toml" in cluster[0].run("ls", ROOT)
    assert [it.run("hostname").strip() for it in cluster.hosts] == ["h0", "h1", "h2", "h3", "h4"]
    with first.start("sleep", "1000") as process:
        assert wait_until(lambda: "sleep" in [it.name() for it in first.processes()], 10)
        assert "sleep" not in [it.name() for it in second.processes()]
        process.kill()
        # The command outlives the death of the `nsenter` that started it.
        first.kill_leaks()


@pytest.mark.core
def test_links_are_cut_and_healed_and_hosts_are_off_and_on(cluster):
    notebook, first, second = cluster[0], cluster[1], cluster[2]
    assert notebook.reaches(first) and first.reaches(second) and second.reaches(notebook)
    first.cut()
    assert not notebook.reaches(first) and not first.reaches(second) and second.reaches(notebook)
    first.heal()
    assert notebook.reaches(first) and first.reaches(second)
    first.path("/tmp/mark").touch()
    first.power_off()
    assert not notebook.reaches(first) and notebook.reaches(second)
    cluster.restore()
    assert notebook.reaches(first) and not first.path("/tmp/mark").exists()
    assert notebook.run("ssh", "h1", "hostname") == "h1\n", "services are there again"


def test_a_limited_link_is_slow(cluster):
    receive = (
        "import socket; connection = socket.create_server(('', 99)).accept()[0]\n"
        "while connection.recv(65536): pass"
    )
    send = (
        "import socket, time; connection = socket.create_connection(('h1', 99)); start = time.monotonic();"
        "connection.sendall(bytes(4 << 20)); connection.shutdown(1); connection.recv(1); print(time.monotonic() - start)"
    )
    python = (PYTHON, "-I", "-S", "-c")
    # 4 MiB take at least 0.3 s at 100 Mbit/s, whatever the machine does.
    cluster[1].limit("100mbit")
    with cluster[1].start(*python, receive) as receiver:
        assert wait_until(lambda: cluster[1].listens(99), 10)
        assert float(cluster[0].run(*python, send)) > 0.3
        assert receiver.wait(10) == 0


HOLD = """
import sys
sys.path.insert(0, {tests!r})
from hosts.namespaces import Cluster
cluster = Cluster(2)
sleeper = cluster[1].start("sleep", "1000")
print(*[host.pid for host in cluster.hosts], cluster.switch.pid, sleeper.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.core
def test_nothing_is_left_when_the_tests_are_killed():
    need(missing())
    # Two at once also do not collide.
    with Cluster(1) as other:
        script = HOLD.format(tests=str(ROOT / "tests"))
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            pids = [int(it) for it in holder.stdout.readline().split()]
            assert len(pids) == 4 and all(map(psutil.pid_exists, pids))
            holder.kill()
            assert wait_until(lambda: not any(map(psutil.pid_exists, pids)), 10), pids
        assert other[0].run("hostname") == "h0\n"
