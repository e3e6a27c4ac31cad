"""The runtime on several hosts, beside plain Ray actors on the same hosts. Called by `cargo xtask bench hosts`.

The hosts are network namespaces of this machine. A round brings the hosts of each party up, has each measurement run by a
process on the first host, and takes the hosts down. So no party waits while another one is measured.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from comparison import OURS, medians, table  # noqa: E402
from hosts import namespaces, services  # noqa: E402
from world import wait_until  # noqa: E402

HOSTS = 3
PATIENCE = 300
MEBIBYTE = 1 << 20
# Room for what is measured, and for what Ray has not freed yet.
OBJECT_STORE = 4096 * MEBIBYTE

MEASUREMENTS = ["start", "calls", "echo", "between", "flow", "code"]

# The rows of the table: a figure's name, what it is called, its unit, and whether more is better.
ROWS = [
    ("up", "start of Ray on 3 hosts", "s", False),
    ("start_first", "start to the first result of every host, first time", "s", False),
    ("start", "the same again", "s", False),
    ("call", "empty call, result fetched", "s", False),
    ("call_p99", "the same, 99th percentile", "s", False),
    ("pipelined_one", "empty calls pipelined, one host", "/s", True),
    ("pipelined_all", "the same, two hosts", "/s", True),
    *((f"echo_{size}", f"{size} MiB to a host and back", "s", False) for size in (1, 64, 256)),
    *((f"echo_view_{size}", f"the same, {size} MiB looked at", "s", False) for size in (1, 64, 256)),
    *((f"between_{size}", f"result of {size} MiB as an argument on another host", "s", False) for size in (1, 64, 256)),
    ("flow", "1 GiB to a host, while calls are made", "s", False),
    ("flow_call", "empty call while 1 GiB flows", "s", False),
    ("flow_call_p99", "the same, 99th percentile", "s", False),
    ("code", "first call of new code", "s", False),
]


class Mosaic:
    """Our runtime, with sshd as its launcher. It always uses TLS."""

    name = OURS

    def __init__(self, options):
        self._program = options.measure.resolve()

    def bring_up(self, directory):
        cluster = namespaces.Cluster(HOSTS)
        cluster.add_service(services.Ssh(cluster, directory))
        return cluster

    def command(self, cluster, measurement):
        names = ",".join(it.name for it in cluster.hosts[1:])
        return [self._program, measurement], cluster[0].environment(MOSAIC_ON=f"ssh:{names}")


class Ray:
    """Ray, whose head is on the first host."""

    def __init__(self, name, with_tls):
        self.name = name
        self._with_tls = with_tls
        self._ray = None

    def bring_up(self, directory):
        cluster = namespaces.Cluster(HOSTS, kept=[services.RAY], shared=[directory])
        try:
            settings = tls_settings(cluster, directory) if self._with_tls else {}
            self._ray = services.Ray(cluster, directory, OBJECT_STORE, settings)
            cluster.add_service(self._ray)
            every = [host.address for host in cluster.hosts]
            assert wait_until(lambda: self._ray.alive() == every, 120), f"{self.name}: not all hosts have joined"
        except BaseException:
            cluster.close()
            raise
        return cluster

    def command(self, cluster, measurement):
        script = Path(__file__).with_name("hosts_ray.py")
        addresses = [it.address for it in cluster.hosts[1:]]
        return ["python", script, *addresses, measurement], self._ray.environment()


def tls_settings(cluster, directory):
    """Makes a certificate for all hosts, and returns the environment with which Ray uses it."""
    names = ",".join(f"IP:{host.address}" for host in cluster.hosts)
    # Ray's processes also connect to each other at this address.
    names += ",IP:127.0.0.1,DNS:localhost"
    certificate, key = (directory / it for it in ("certificate.pem", "key.pem"))
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ray"]
    words += ["-addext", f"subjectAltName={names}", "-keyout", key, "-out", certificate]
    subprocess.run(words, check=True, capture_output=True)
    settings = {"RAY_USE_TLS": "1", "RAY_TLS_SERVER_CERT": "certificate.pem", "RAY_TLS_SERVER_KEY": "key.pem"}
    settings["RAY_TLS_CA_CERT"] = "certificate.pem"
    for host in cluster.hosts:
        there = host.path("/etc/ssh")
        for file in (certificate, key):
            (there / file.name).write_bytes(file.read_bytes())
    return {name: value if value == "1" else f"/etc/ssh/{value}" for name, value in settings.items()}


def measure(party, measurements):
    """The figures of one party in one round."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as directory:
        begun = time.perf_counter()
        with party.bring_up(Path(directory)) as cluster:
            if party.name != OURS:
                figures["up"] = time.perf_counter() - begun
            if "start" in measurements:
                first = run(party, cluster, "start")
                figures |= {f"{name}_first": value for name, value in first.items()}
            for measurement in measurements:
                figures |= run(party, cluster, measurement)
    return figures


def run(party, cluster, measurement):
    begun = time.perf_counter()
    command, environment = party.command(cluster, measurement)
    figures = {}
    try:
        done = cluster[0].attempt(*command, env=environment, timeout=PATIENCE)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        figures = {it["name"]: it["value"] for it in lines}
        if done.returncode:
            print(f"{party.name}: {measurement} ended with {done.returncode}:\n{done.stderr}", file=sys.stderr)
    except subprocess.TimeoutExpired:
        print(f"{party.name}: {measurement} gave no figures within {PATIENCE} s", file=sys.stderr)
    print(f"{party.name}, {measurement}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return figures


def disturbed(samples):
    """The figures whose rounds differ by more than a factor of 2, as text: their medians say little."""
    for name, of in samples.items():
        for party, values in of.items():
            if min(values) > 0 and max(values) / min(values) > 2:
                yield f"{name}, {party}: {min(values):.3g} to {max(values):.3g}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--measure", required=True, type=Path, help="the executable that measures ours")
    arguments.add_argument("--output", required=True, type=Path, help="the directory for the results")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", nargs="*", choices=MEASUREMENTS, default=MEASUREMENTS)
    arguments.add_argument("--parties", nargs="*", help="the names of the parties to measure; default: all")
    options = arguments.parse_args()
    if reason := namespaces.missing():
        sys.exit(f"no hosts: {reason}")
    if program := services.missing("sshd", "ssh", "ssh-keygen", "openssl"):
        sys.exit(f"no {program}: install the packages openssh-server and openssl")

    everyone = [Mosaic(options), Ray("Ray with TLS", True), Ray("Ray", False)]
    everyone = [it for it in everyone if not options.parties or it.name in options.parties]
    chosen, samples, loads = [it for it in MEASUREMENTS if it in options.only], {}, {}
    for number in range(options.rounds):
        for party in everyone if number % 2 else everyone[::-1]:
            load = os.getloadavg()[0]
            loads.setdefault(party.name, []).append(load)
            print(f"round {number + 1}: {party.name}, the load before is {load:.1f}", file=sys.stderr)
            for name, value in measure(party, chosen).items():
                samples.setdefault(name, {}).setdefault(party.name, []).append(value)
    figures, names = medians(samples), [it.name for it in everyone]
    options.output.mkdir(parents=True, exist_ok=True)
    report = {"machine": platform.platform(), "cpus": os.cpu_count(), "loads_before": loads, "samples": samples}
    (options.output / "hosts.json").write_text(json.dumps(report, indent=1))
    result = table(ROWS, figures, names)
    (options.output / "hosts.md").write_text(result + "\n")
    print(f"{result}\n\nIn brackets: how many times better {OURS} is; medians of {options.rounds} rounds.")
    if doubtful := list(disturbed(samples)):
        print("The rounds differ by more than a factor of 2, and ratios with these figures mean little:")
        print("\n".join(f"- {it}" for it in doubtful))
    print(f"figures: {options.output / 'hosts.json'}")


if __name__ == "__main__":
    main()
