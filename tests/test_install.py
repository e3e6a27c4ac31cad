"""Installing the kernel, and its messages if the Rust toolchain is missing."""

import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from world import KERNEL_NAME, kernel_command, read_json

EXECUTABLE = kernel_command("")[0]


def run(world, *arguments, **environment):
    command = [EXECUTABLE, *map(str, arguments)]
    return subprocess.run(command, env=world.environment(**environment), capture_output=True, text=True, timeout=60)


def spec(prefix, name=KERNEL_NAME):
    return prefix / "share" / "jupyter" / "kernels" / name / "kernel.json"


def test_install_and_uninstall(world, tmp_path):
    done = run(world, "install", "--prefix", tmp_path)
    assert done.returncode == 0 and str(tmp_path) in done.stdout, done
    installed = read_json(spec(tmp_path))
    assert installed["display_name"] == "Rust (mosaic)" and installed["language"] == "rust"
    assert installed["argv"][0] == EXECUTABLE, "the executable's own path, so that PATH does not matter"
    assert run(world, "uninstall", "--prefix", tmp_path).returncode == 0
    assert not spec(tmp_path).parent.exists()
    assert "rust-mosaic" in run(world, "uninstall", "--prefix", tmp_path).stderr


def test_install_under_another_name(world, tmp_path):
    run(world, "install", "--prefix", tmp_path, "--name", "rust-two", "--display-name", "Rust two")
    assert read_json(spec(tmp_path, "rust-two"))["display_name"] == "Rust two"


def test_install_for_the_user(world):
    """The default is Jupyter's own data directory."""
    assert run(world, "install", "--user").returncode == 0
    data = world.python("-m", "jupyter", "--data-dir").strip()
    assert read_json(Path(data) / "kernels" / KERNEL_NAME / "kernel.json")["argv"][0] == EXECUTABLE


def test_static_kernelspec(world, tmp_path):
    world.python("-m", "jupyter", "kernelspec", "install", ROOT / "kernelspec", "--name", KERNEL_NAME, "--prefix", tmp_path)
    assert read_json(spec(tmp_path))["argv"] == ["mosaic-kernel", "run", "-f", "{connection_file}"]


@pytest.fixture
def no_toolchain(tmp_path):
    """An environment without cargo and rustc."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CARGO_HOME": str(tmp_path / "no-cargo")}


def test_install_names_a_missing_toolchain(world, tmp_path, no_toolchain):
    done = run(world, "install", "--prefix", tmp_path, **no_toolchain)
    assert "rustup" in done.stderr, done


def test_the_first_cell_names_a_missing_toolchain(start, no_toolchain):
    error = start(**no_toolchain).run("1 + 1").error
    assert "rustup" in error


def test_missing_sources_are_named(start, tmp_path):
    """The message names the command that adds the sources."""
    kernel = start(RUST_SRC_PATH=str(tmp_path))
    assert "rustup component add rust-src" in kernel.run("1 + 1").error
