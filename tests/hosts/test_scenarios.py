"""The runtime's scenarios with their workers behind a node process.

The one host is the notebook host itself, reached by ssh. So the programs, workers and scenarios see the same files and
processes as they do without hosts, while everything that they say to each other goes through the network.
"""

import re

import pytest

from hosts import namespaces, services
from hosts.conftest import need, need_programs

# These scenarios are about the memory of one machine. Between hosts, large values are copied.
ABOUT_SHARED_MEMORY = {
    # A result of another host is a copy for each view.
    "arrays::views_share_the_memory_of_their_values_and_outlive_them",
    # Both make sure that a process without descriptors loses large values. A copy needs none.
    "descriptors::a_head_without_descriptors_loses_large_results_alone",
    "descriptors::a_worker_without_descriptors_loses_large_arguments_alone",
}


# A tenth of the tasks: each call is encrypted.
VARIABLES = {"MOSAIC_ON": "ssh:h0", "MOSAIC_TEST_TASKS": "100000"}


@pytest.fixture
def programs(target):
    """The executable of `runtime/engine/tests/programs`: the newest one, since cargo keeps older ones."""
    built = (target / "release" / "deps").glob("programs-*")
    built = sorted((it for it in built if not it.suffix), key=lambda it: it.stat().st_mtime)
    need(None if built else "no tests of the runtime: run `cargo test --release --locked --workspace --no-run`")
    return built[-1]


@pytest.mark.timeout(600)
def test_scenarios_of_the_runtime(programs, tmp_path):
    need(namespaces.missing())
    need_programs("sshd", "ssh", "ssh-keygen")
    with namespaces.Cluster(1) as cluster:
        host = cluster[0]
        cluster.add_service(services.Ssh(cluster, tmp_path, "MOSAIC_* XDG_RUNTIME_DIR LD_LIBRARY_PATH"))
        done = host.attempt(programs, env=host.environment(**VARIABLES), timeout=500)
    verdicts = dict(re.findall(r"^test programs::(\S+) \.\.\. (ok|FAILED)$", done.stdout, re.MULTILINE))
    assert len(verdicts) > 150, done.stdout[-4000:] + done.stderr[-4000:]
    failed = {name for name, verdict in verdicts.items() if verdict == "FAILED"} - ABOUT_SHARED_MEMORY
    reports = re.split(r"^test programs::", done.stdout, flags=re.MULTILINE)
    assert not failed, "\n".join(it for it in reports if it.split(" ")[0] in failed)
