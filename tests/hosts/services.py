"""What runs on the hosts for the launchers: sshd, Slurm with munge, and Ray.

A service is set up once for a cluster, with keys and passwords of its own. `start` starts it on one host, also after
the host was off.
"""

import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from hosts.namespaces import LOGIN, ROOT, USERS
from world import wait_until

SSH_PORT = 22

SSH_CONFIG = """\
Host *
    IdentityFile /etc/ssh/identity/%u
    GlobalKnownHostsFile /etc/ssh/ssh_known_hosts
    StrictHostKeyChecking yes
    SendEnv {variables}
"""

# As Debian has it, without PAM, and with no file in a home directory.
SSHD_CONFIG = """\
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
AcceptEnv {variables}
"""

SLURMCTLD_PORT, SLURMD_PORT = 6817, 6818

# `config_overrides`: the hosts have more CPUs than the machine, so that several jobs fit on each.
SLURM_CONFIG = """\
ClusterName=tests
SlurmctldHost=h0
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=/run/slurm/state
SlurmdSpoolDir=/run/slurm/spool
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
MessageTimeout=5
NodeName=h[1-{last}] CPUs=16
PartitionName=all Nodes=ALL Default=YES
"""

RAY_PORT, RAY_CLIENT_PORT = 6379, 10001
# Where `cargo xtask test hosts` installs Ray. Every host of a cluster with Ray has to see this directory.
RAY = Path(os.environ.get("MOSAIC_TEST_TARGET", ROOT / "target")) / "peers" / "ray"

# Without these settings, Ray notices a cut link after a minute.
RAY_SETTINGS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_USAGE_STATS_ENABLED": "0",
    # The notebooks of the tests are quick. Ray gives its own environment to what it runs.
    "MOSAIC_NOTEBOOK_SPEED": "20",
    "PATH": f"{RAY}/bin:{LOGIN['PATH']}",
}


def missing(*programs):
    """The first of these programs that is not installed, or None."""
    # Not every user has the directory in PATH.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return next((it for it in programs if not shutil.which(it, path=path)), None)


class Ssh:
    """sshd on every host, and a key with which each user of a host may log in on every host.

    `variables` are the variables of the environment that ssh takes along.
    """

    def __init__(self, cluster, directory, variables="MOSAIC_NOTEBOOK_SPEED"):
        self.directory = directory
        self._variables = variables
        self._identity = self._make_key("identity")
        self._host_keys = {host.number: self._make_key(f"host_key_{host.name}") for host in cluster.hosts}
        lines = [f"{it.name},{it.address} {self._public(self._host_keys[it.number])}" for it in cluster.hosts]
        self._known_hosts = "\n".join([*lines, ""])

    def _make_key(self, name):
        path = self.directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path

    @staticmethod
    def _public(key):
        return key.with_name(key.name + ".pub").read_text().strip()

    def start(self, host):
        """Puts the keys and the configuration on the host and starts sshd."""
        files = {
            "ssh_config": SSH_CONFIG.format(variables=self._variables),
            "ssh_known_hosts": self._known_hosts,
            "sshd_config": SSHD_CONFIG.format(variables=self._variables),
            "authorized_keys": self._public(self._identity) + "\n",
        }
        directory = host.path("/etc/ssh")
        for name, text in files.items():
            (directory / name).write_text(text)
        _write_secret(directory / "host_key", self._host_keys[host.number].read_text(), 0)
        (directory / "identity").mkdir()
        for user, number in {"root": 0, **USERS}.items():
            _write_secret(directory / "identity" / user, self._identity.read_text(), number)
        for user, number in USERS.items():
            home = host.path(f"/home/{user}")
            home.mkdir(mode=0o700)
            os.chown(home, number, number)
        host.path("/run/sshd").mkdir(mode=0o755)
        with open(self.directory / f"sshd_{host.name}.log", "a") as log:
            host.service("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config", log=log)
        assert wait_until(lambda: host.listens(SSH_PORT), 10, every=0.01), f"{log.name}: no sshd"


class Slurm:
    """Slurm: its controller on h0, which is none of its nodes, and the other hosts as nodes. munge on every host."""

    def __init__(self, cluster, directory):
        self.directory = directory
        self._config = SLURM_CONFIG.format(last=len(cluster.hosts) - 1)
        self._munge_key = secrets.token_hex(64)

    def start(self, host):
        """Puts the key and the configuration on the host and starts munge and the daemon of Slurm."""
        self._start_munge(host)
        for name in ("state", "spool"):
            host.path(f"/run/slurm/{name}").mkdir(parents=True)
        host.path("/etc/slurm/slurm.conf").write_text(self._config)
        program, port = ("slurmctld", SLURMCTLD_PORT) if host.number == 0 else ("slurmd", SLURMD_PORT)
        with open(self.directory / f"{program}_{host.name}.log", "a") as log:
            host.service(f"/usr/sbin/{program}", "-D", log=log)
        assert wait_until(lambda: host.listens(port), 20, every=0.01), f"{log.name}: no {program}"

    def _start_munge(self, host):
        munge = pwd.getpwnam("munge").pw_uid
        directory = host.path("/run/munge")
        directory.mkdir(mode=0o755)
        os.chown(directory, munge, munge)
        _write_secret(directory / "munge.key", self._munge_key, munge)
        files = ("key-file=munge.key", "pid-file=munged.pid", "log-file=munged.log", "seed-file=munged.seed")
        options = [f"--{it.replace('=', '=/run/munge/')}" for it in files]
        host.run("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "/usr/sbin/munged", *options)


class Ray:
    """Ray: its head on h0, which offers no CPU, and four CPUs on each other host.

    `memory` is the size of each host's object store in bytes. `settings` are environment variables for all of Ray's
    processes.
    """

    def __init__(self, cluster, directory, memory=100_000_000, settings=None):
        self.directory = directory
        self._notebook = cluster[0]
        self._memory = memory
        self._settings = {**RAY_SETTINGS, **(settings or {})}

    def start(self, host):
        """Starts the host's raylet, and on h0 the services of the head. `alive` says when Ray has it."""
        options = ["--block", f"--object-store-memory={self._memory}", f"--node-ip-address={host.address}"]
        if host.number == 0:
            options += ["--head", f"--port={RAY_PORT}", f"--ray-client-server-port={RAY_CLIENT_PORT}", "--num-cpus=0"]
        else:
            options += [f"--address={self._notebook.address}:{RAY_PORT}", "--num-cpus=4"]
        with open(self.directory / f"ray_{host.name}.log", "a") as log:
            host.service("ray", "start", *options, log=log, **self._settings)
        if host.number == 0:
            assert wait_until(lambda: self._notebook.listens(RAY_PORT), 30), f"{log.name}: no head"

    def environment(self):
        """The environment of a program on h0 that uses Ray."""
        return self._notebook.environment(**self._settings)

    def alive(self):
        """The addresses of the hosts that Ray says are alive."""
        query = "import ray; ray.init('auto', log_to_driver=False, logging_level='ERROR');"
        query += "print('alive', *[it['NodeManagerAddress'] for it in ray.nodes() if it['Alive']])"
        done = self._notebook.attempt("python", "-c", query, env=self.environment())
        lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("alive ")]
        return sorted(lines[-1]) if lines else []


def _write_secret(path, text, owner):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    os.chown(path, owner, owner)
