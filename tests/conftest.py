"""Fixtures. Each test module has a world of its own, and fails if it leaves a process or file behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from kernels import Kernel
from promises import Record
from world import KERNEL_NAME, OWN_KERNEL, World

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_addoption(parser):
    parser.addoption("--promises", metavar="FILE", help="runs the tests of promises alone; writes what came of each")


def pytest_configure(config):
    config.addinivalue_line("markers", "promise(text): proves what the kernel promises")
    config.addinivalue_line("markers", "hosts: needs several hosts; all tests in `tests/hosts`")
    config.addinivalue_line("markers", "core: one of the tests with several hosts that run with all other tests")
    if file := config.getoption("--promises"):
        config.pluginmanager.register(Record(file))


def pytest_sessionstart(session):
    try:
        executable = KernelSpecManager().get_kernel_spec(KERNEL_NAME).argv[0]
    except NoSuchKernel:
        pytest.exit(f"the kernel {KERNEL_NAME} is not installed for this Python: run `cargo xtask test`", 2)
    if not shutil.which(executable):
        pytest.exit(f"the installed kernel is gone ({executable}): run `cargo xtask test`", 2)


@pytest.fixture(scope="module")
def world():
    world = World()
    yield world
    world.close()


def kernel_scope(fixture_name, config):
    """Another project's kernel may hang or lose its state, so each test gets a fresh one."""
    return "module" if KERNEL_NAME == OWN_KERNEL else "function"


@pytest.fixture(scope=kernel_scope)
def kernel(world):
    """A kernel for the whole module."""
    kernel = Kernel(world)
    yield kernel
    kernel.close()


@pytest.fixture
def start(world):
    """Starts kernels that live as long as one test."""
    kernels = []

    def start(**options):
        kernels.append(Kernel(world, **options))
        return kernels[-1]

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture(scope="session")
def target():
    """The directory for results that people look at: executed notebooks, screenshots."""
    return Path(os.environ.get("MOSAIC_TEST_TARGET", ROOT / "target"))


@pytest.fixture(scope="session")
def browser():
    """The path of a Chromium that starts."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    missing = "no Chromium on PATH: install the package chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
