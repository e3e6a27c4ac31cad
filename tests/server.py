"""A Jupyter server in a test's world."""

import contextlib
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from world import wait_until


@contextlib.contextmanager
def jupyter_server(world, module, *options, directory=None, **environment):
    """Runs jupyter_server or JupyterLab. Yields a function from paths to addresses."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port = it.getsockname()[1]
    token = secrets.token_hex()
    fixed = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    command = [sys.executable, "-m", module, *fixed, *options, f"--IdentityProvider.token={token}"]

    def address(path):
        return f"http://127.0.0.1:{port}/{path}?token={token}"

    def answers():
        try:
            return urllib.request.urlopen(address("api/status"), timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    with open(world.home / f"{module}.log", "w+") as log:
        server = world.start(
            *command, cwd=directory or world.home, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            assert wait_until(answers, timeout=120), (world.home / f"{module}.log").read_text()
            yield address
        finally:
            server.terminate()
            server.wait(60)
