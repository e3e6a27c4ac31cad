"""Programs outside notebooks on several hosts: one executable, which only the notebook host has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hosts import services
from hosts.conftest import need
from hosts.notebook import FIELD, field_on, node_processes
from world import wait_until

LENGTHS = (10, 1 << 20, 1 << 23)


@pytest.fixture(scope="session")
def program(target):
    """The executable of `runtime/engine/examples/hosts.rs`, which all tests of the workspace build."""
    path = target / "release" / "examples" / "hosts"
    need(None if path.exists() else f"no {path}: run `cargo build --release --locked --workspace --examples`")
    return path


def install(program, host):
    """Copies the program to a directory of the host that all its users can read."""
    copy = host.path("/run/programs/hosts")
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(program, copy)
    return "/run/programs/hosts"


def check(printed, hosts):
    """Checks what the program has printed. A launcher may number the hosts in any order."""
    name_of = dict(re.findall(r"^node:(\d) on (h\d): 2 workers", printed, re.MULTILINE))
    assert sorted(name_of.values()) == hosts, printed
    runs = dict(re.findall(r"^(worker:\d:\d) runs on (h\d)$", printed, re.MULTILINE))
    assert runs == {f"worker:{number}:{it}": name_of[number] for number in name_of for it in range(2)}, printed
    here = re.findall(r"WORKER:(\d):\d +here is (h\d)$", printed, re.MULTILINE)
    assert len(here) == 2 * len(hosts) and all(name_of[number] == host for number, host in here), printed
    for length in LENGTHS:
        total = length * (length - 1)
        assert re.search(rf"^{length}: {total} {length}\nstored: {total}$", without_workers(printed), re.MULTILINE), printed


def without_workers(printed):
    return "".join(line for line in printed.splitlines(True) if not line.startswith("WORKER"))


@pytest.fixture
def installed(cluster, program):
    yield install(program, cluster[0])
    shutil.rmtree(cluster[0].path("/run/programs"))


@pytest.mark.core
def test_two_users_have_runtimes_on_the_same_hosts(cluster, start, installed):
    kernel = start(MOSAIC_ON="ssh:h1,h2")
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    kernel.ok("let field = " + field_on('"worker:1:0"', 10, 1) + ".await?;")
    env = cluster[0].environment("alice", MOSAIC_ON="ssh:h1,h2")
    done = cluster[0].attempt(installed, user="alice", env=env)
    check(done.stdout, ["h1", "h2"])
    said = [line for line in done.stderr.splitlines() if "copying the program" not in line]
    # The workers end with the program, which is nothing to be told.
    assert (done.returncode, said) == (0, []), done.stderr
    assert kernel.ok("field.sum_with(&[1]).result().await?").result == "56"
    # What root's node process keeps is root's alone: its key, its sockets, and the code of the cells.
    (node,) = node_processes(cluster[1])
    (directory,) = {Path(it).parent for it in unix_sockets(cluster[1]) if it.endswith("/monitor.sock")}
    assert cluster[1].path(directory).stat().st_uid == node.uids().real == 0
    assert cluster[1].attempt("ls", directory, user="alice").returncode != 0
    assert cluster[1].attempt("ls", directory).returncode == 0


def unix_sockets(host):
    """The paths of the Unix sockets on which processes of the host listen."""
    lines = Path(f"/proc/{host.pid}/net/unix").read_text().splitlines()[1:]
    return [fields[7] for fields in map(str.split, lines) if len(fields) == 8]


def test_nothing_is_left_of_a_killed_program(cluster, installed):
    env = cluster[0].environment("alice", MOSAIC_ON="ssh:h1,h2")
    with cluster[0].start(installed, user="alice", env=env, stdout=subprocess.PIPE, text=True) as process:
        next(line for line in process.stdout if line.startswith("WORKER:1:"))
        next(it for it in cluster[0].processes() if it.name() == "hosts").kill()
    assert wait_until(lambda: not left_of_programs(cluster), 15), left_of_programs(cluster)


def left_of_programs(cluster):
    return [it for it in cluster.leaks() if "/run/programs/" not in it]


def test_a_place_that_is_none_is_refused(cluster, installed):
    done = cluster[0].attempt(installed, env=cluster[0].environment(MOSAIC_ON="rsh:h1"))
    assert done.returncode == 1
    for possible in ("rsh:h1", "ssh:HOST", "slurm", "ray"):
        assert possible in done.stderr, done.stderr


@pytest.mark.core
def test_a_batch_job_of_slurm(cluster, program):
    # The first node of the job has the program. No directory is shared.
    script = install(program, cluster[1])
    out = cluster[1].path("/tmp/out")
    env = cluster[0].environment(MOSAIC_ON="slurm")
    options = ("--nodes=2", "--nodelist=h1,h2", "--chdir=/tmp", "--output=/tmp/out")
    cluster[0].run("sbatch", *options, f"--wrap=exec {script}", env=env)
    assert wait_until(lambda: cluster[0].run("squeue", "--noheader") == "", 60)
    printed = out.read_text()
    out.unlink()
    shutil.rmtree(cluster[1].path("/run/programs"))
    check(printed, ["h1", "h2"])


def test_a_job_of_ray(ray_cluster, program):
    host, ray = ray_cluster[0], ray_cluster.ray
    directory = host.path("/tmp/job")
    directory.mkdir()
    shutil.copy(program, directory / "hosts")
    variables = f'{{"env_vars": {{"MOSAIC_ON": "ray", "MOSAIC_PYTHON": "{services.RAY}/bin/python"}}}}'
    submit = ("ray", "job", "submit", "--working-dir=/tmp/job", f"--runtime-env-json={variables}", "--", "./hosts")
    env = {**ray.environment(), "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:8265"}
    printed = host.run(*submit, env=env, timeout=180)
    shutil.rmtree(directory)
    check(printed, ["h1", "h2", "h3"])
