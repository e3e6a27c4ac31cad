"""Hosts that cannot take part, and strangers."""

import pytest

from hosts.namespaces import PYTHON
from hosts.notebook import FIELD, field_on
from world import wait_until

START = "mosaic::interactive(On).num_workers(1).await?;"


def pretend(host, program, text):
    """Puts a program early in the host's PATH."""
    path = host.path(f"/usr/local/bin/{program}")
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.core
def test_a_host_that_cannot_run_the_program_is_refused(cluster, start):
    kernel = start(MOSAIC_ON="ssh:h1,h2")
    kernel.ok("use mosaic::prelude::*;")
    for program, text, words in [
        ("getconf", "echo glibc 2.17", ("h2", "glibc 2.17", "needs")),
        ("uname", 'case "$1" in -m) echo riscv64;; *) exec /usr/bin/uname "$@";; esac', ("h2", "riscv64", "x86_64")),
    ]:
        fake = pretend(cluster[2], program, text)
        error = kernel.run(START).error
        fake.unlink()
        assert all(word in error for word in words), error
        # The other host was on its way already.
        assert wait_until(lambda: not cluster[1].leaks(), 15), cluster[1].leaks()
    kernel.ok(START)
    assert kernel.ok("mosaic::workers().await?.len()").result == "2"


def test_a_host_that_cannot_be_reached_is_named(cluster, start):
    kernel = start(MOSAIC_ON="ssh:h1,nohost")
    kernel.ok("use mosaic::prelude::*;")
    assert "nohost" in kernel.run(START).error
    # A key that ssh does not know: no question is asked, and what to do is said.
    known = cluster[0].path("/etc/ssh/ssh_known_hosts")
    text = known.read_text()
    known.write_text(text.replace("h1,", "other,").replace(f",{cluster[1].address}", ""))
    error = kernel.run('mosaic::interactive(On).on("ssh:h1").num_workers(1).await?;').error
    known.write_text(text)
    assert "h1" in error and "key" in error, error


# What a stranger says to a gate: nothing, text, zeros, much, and the greeting of a TLS client.
STRANGER = """
import socket, ssl, sys
address, port = sys.argv[1], int(sys.argv[2])
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing)
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
answered = 0
for said in (b"", b"GET / HTTP/1.0\\r\\n\\r\\n", bytes(64), bytes(1 << 16), outgoing.read(), b"mosaic" * 20):
    with socket.create_connection((address, port), 5) as stranger:
        try:
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
        except OSError:
            # The gate has closed the connection already. What it sent before can still be read.
            pass
        try:
            answered += len(stranger.recv(100))
        except ConnectionError:
            pass
print(answered)
"""


@pytest.mark.core
def test_a_stranger_gets_no_byte(cluster, start):
    before = [host.listening_ports() for host in cluster.hosts]
    kernel = start(MOSAIC_ON="ssh:h1,h2")
    kernel.ok(FIELD)
    kernel.ok(START)
    kernel.ok("let field = " + field_on('"worker:1:0"', 10, 1) + ".await?;")
    gates = [host.listening_ports() - ports for host, ports in zip(cluster.hosts, before)]
    assert [len(it) for it in gates] == [1, 1, 1, 0, 0], "one port for each host that takes part"
    for host, ports in zip(cluster.hosts, gates):
        for port in ports:
            said = cluster[4].run(PYTHON, "-I", "-c", STRANGER, host.address, port)
            assert said == "0\n", (host.name, said)
    assert kernel.ok("field.sum_with(&[1]).result().await?").result == "56"


def test_two_runtimes_of_one_user_share_the_hosts(cluster, world, start):
    kernels = [start(MOSAIC_ON="ssh:h1,h2") for _ in range(2)]
    for number, kernel in enumerate(kernels):
        kernel.ok(FIELD)
        kernel.ok(START)
        kernel.ok("let field = " + field_on('"worker:1:0"', 10, number) + ".await?;")
    kernels[1].ok("mosaic::interactive(Off).await?;")
    assert kernels[0].ok("field.values().result().await?").result == str(list(range(10)))
