"""Processes that cells and methods start, processes that stand still, and files of other users."""

import fcntl
import itertools
import os
import random
import shutil
import signal
import stat
from pathlib import Path

import psutil
import pytest
from kernels import Kernel
from wire import WireKernel
from world import in_cache, wait_until

RUNNER = """
use mosaic::prelude::*;
fn run(script: &str) {
    use std::process::{Command, Stdio};
    let mut shell = Command::new("sh");
    // A child that holds the streams would hold up whoever reads them.
    let shell = shell.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(shell.status().unwrap().success());
}
#[tessera]
struct Runner;
#[tessera]
impl Runner {
    fn new() -> Self { Runner }
    fn run(&self, script: &str) -> u32 { run(script); std::process::id() }
}
"""
COMPUTE = 'println!("begun"); loop { std::hint::black_box(1); }'
# Each is a process that could be missed: a child, a grandchild, one that has left its process group, its session and
# its parent, one that does not end at SIGTERM, and one that is stopped.
SLEEPERS = """
sleep {0} &
sh -c "sleep {0} & wait" &
setsid sh -c "setsid sleep {0} & sleep {0} &" &
sh -c 'trap "" TERM; sleep {0}; sleep {0}' &
sleep {0} &
until test $(pgrep -fx "sleep {0}" | wc -l) -ge 6; do sleep 0.01; done
kill -STOP $!
"""
# A child that has cleared its environment is found while its parent lives.
CLEARED = "std::process::Command::new(\"sleep\").arg(\"{0}\").env_clear().spawn().unwrap();"
# No other process sleeps this long.
NUMBERS = itertools.count(random.randrange(10**8, 2 * 10**8))


class Sleepers:
    """Processes that end only if they are ended, told from all others by how long they sleep."""

    def __init__(self):
        self.number = next(NUMBERS)
        self.script = SLEEPERS.format(self.number)
        self.cleared = CLEARED.format(self.number)

    def count(self):
        def sleeps(process):
            try:
                return process.cmdline() == ["sleep", str(self.number)] and process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                return False

        return sum(map(sleeps, psutil.process_iter()))

    def gone(self):
        assert wait_until(lambda: self.count() == 0, 20), f"{self.count()} of {self.number} are left"


def directories(world, kernel):
    """The run directory and the session directory of a kernel that has run a cell."""
    marks = cell_process_of(kernel).environ()["MOSAIC_STARTED_BY"]
    name = marks.split(",")[-1].split("/")[0]
    run_directory = next(it for it in (world.run / name, Path("/tmp") / name) if it.exists())
    return run_directory, (run_directory / "session").resolve()


def interrupt(kernel):
    assert kernel.control("interrupt_request")["status"] == "ok"


def cell_process(kernel):
    return psutil.Process(int(kernel.ok("std::process::id()").result))


@pytest.fixture(scope="module")
def kernel(world):
    kernel = Kernel(world)
    kernel.ok(RUNNER)
    yield kernel
    kernel.close()


def in_a_cell(kernel):
    """Starts sleepers in a cell."""
    sleepers = Sleepers()
    kernel.ok(f'run(r#"{sleepers.script}"#); {sleepers.cleared}')
    assert sleepers.count() == 7
    return sleepers


def in_a_method(kernel):
    """Starts sleepers in a method."""
    sleepers = Sleepers()
    kernel.ok("mosaic::interactive(On).num_workers(1).await?; let runner = Runner::remote();")
    pid = kernel.ok(f'let pid = runner.run(r#"{sleepers.script}"#).result().await?; pid').result
    assert sleepers.count() == 6
    return sleepers, psutil.Process(int(pid))


def test_what_cells_have_started_ends_with_their_process(kernel):
    sleepers = in_a_cell(kernel)
    assert kernel.ok("1 + 1").result == "2"
    assert sleepers.count() == 7, "they end with the process and not before"
    kernel.ok(":restart")
    sleepers.gone()

    sleepers = in_a_cell(kernel)
    cell = kernel.submit(COMPUTE)
    kernel.read_until(lambda: "begun" in cell.stdout)
    interrupt(kernel)
    assert "replaced" in kernel.finish(cell).error
    sleepers.gone()

    sleepers = Sleepers()
    kernel.ok(f'run(r#"{sleepers.script}"#);')
    assert "SIGABRT" in kernel.run("std::process::abort();").error
    sleepers.gone()


def test_what_methods_have_started_ends_with_their_worker(kernel):
    sleepers, _ = in_a_method(kernel)
    kernel.ok("mosaic::interactive(Off).await?;")
    assert sleepers.count() == 0

    sleepers, worker = in_a_method(kernel)
    worker.kill()
    sleepers.gone()
    kernel.ok("mosaic::interactive(Off).await?;")


SLOW = "#[allow(long_running_const_eval)] const SLOW: u32 = { let mut n = 0; while n < 9_000_000 { n += 1; } n };"


def test_an_interrupt_spares_commands_of_earlier_cells(kernel):
    sleepers = Sleepers()
    kernel.ok(f"!sleep {sleepers.number} >/dev/null 2>&1 &")
    cell = kernel.submit(f"{SLOW} SLOW")
    kernel.read_until(lambda: kernel.programs("rustc"), timeout=60)
    interrupt(kernel)
    assert kernel.finish(cell).errors[0]["ename"] == "Interrupted"
    assert sleepers.count() == 1
    foreground = kernel.submit("!sleep 1000")
    kernel.read_until(lambda: [it for it in kernel.programs("sleep") if it.cmdline()[-1] == "1000"], timeout=60)
    interrupt(kernel)
    kernel.finish(foreground)
    assert sleepers.count() == 1


def test_nothing_is_left_at_the_end(world, start):
    for end in ("shutdown", "kill"):
        kernel = start()
        kernel.ok(RUNNER)
        sleepers = [in_a_cell(kernel), in_a_method(kernel)[0], Sleepers()]
        kernel.ok(f"!sleep {sleepers[2].number} >/dev/null 2>&1 &")
        left = directories(world, kernel)
        if end == "shutdown":
            kernel.control("shutdown_request", {"restart": False})
        else:
            process = cell_process(kernel)
            # Whatever stands still cannot clean up after the kernel. The child that has cleared its environment is not
            # found then.
            psutil.Process(next(it.pid for it in psutil.process_iter() if it.ppid() == process.pid)).kill()
            stopped = [it for it in psutil.Process(kernel.pid).children() if "guard" not in it.cmdline()]
            for it in stopped:
                it.suspend()
            os.kill(kernel.pid, signal.SIGKILL)
        for it in sleepers:
            it.gone()
        assert wait_until(lambda: not kernel.processes(), 20), kernel.processes()
        assert not [it for it in left if it.exists()]


def test_a_process_that_stands_still_is_replaced(kernel):
    kernel.ok(
        "use notebook::{prelude::*, comm};\n"
        'comm::register_target("large", |comm, _| comm.on_message(|_, _| {}));'
    )
    client = kernel.client
    send = lambda kind, content, buffers=None: client.session.send(
        client.shell_channel.socket, kind, {"comm_id": "it", **content}, buffers=buffers
    )
    send("comm_open", {"target_name": "large", "data": {}})

    def interrupted(cell):
        """Fails unless all channels answer and the interrupt ends the cell."""
        assert client.hb_channel.is_beating()
        assert kernel.control("kernel_info_request")["status"] == "ok"
        interrupt(kernel)
        error = kernel.finish(cell, timeout=60).error
        assert kernel.control("kernel_info_request")["status"] == "ok"
        return error

    def replaced(cell):
        """Fails unless an interrupt replaces the process."""
        error = interrupted(cell)
        assert kernel.ok("1 + 1").result == "2"
        return error

    # While a cell runs.
    process = cell_process(kernel)
    cell = kernel.submit('println!("begun"); std::thread::sleep(std::time::Duration::from_secs(1000));')
    kernel.read_until(lambda: "begun" in cell.stdout)
    process.suspend()
    for _ in range(4):
        send("comm_msg", {"data": "x" * 1000}, [bytes(4 << 20)])
    assert "replaced" in replaced(cell)
    assert not psutil.pid_exists(process.pid)

    # Before a cell runs, but when it has been compiled.
    session = Path(kernel.ok(":last_compile_dir").result.strip())
    libraries = lambda: set(session.rglob("libcode_*.so"))
    before = libraries()
    process = cell_process(kernel)
    process.suspend()
    cell = kernel.submit("2 + 2")
    assert wait_until(lambda: libraries() - before, 60)
    interrupted(cell)
    # An interrupt that still meets the compilation ends nothing else. The next cell waits for the process, then.
    while is_stopped(process):
        interrupted(kernel.submit("1 + 1"))
    # evcxr has not talked to the process yet, and may notice its end only now.
    kernel.run("1 + 1")
    assert kernel.ok("1 + 1").result == "2"

    # While the library of a cell is loaded.
    constructor = '#[used] #[unsafe(link_section = ".init_array")] static BEGIN: extern "C" fn() = begin;'
    kernel_code = f'extern "C" fn begin() {{ loop {{ std::hint::black_box(1); }} }} {constructor}'
    cell = kernel.submit(kernel_code)
    kernel.read_until(lambda: any(it.cpu_percent(0.05) > 20 for it in [cell_process_of(kernel)]), timeout=60)
    replaced(cell)


def is_stopped(process):
    try:
        return process.status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def cell_process_of(kernel):
    """The cell process: the child without arguments."""
    return next(it for it in psutil.Process(kernel.pid).children() if len(it.cmdline()) == 1)


def foreign(directory):
    """Makes a directory and in it a named pipe, of another user if the test may do that."""
    pipe, file = directory
    pipe.mkdir()
    os.mkfifo(pipe / file)
    if os.geteuid() == 0:
        for path in (pipe / file, pipe):
            os.chown(path, 65534, -1)
            path.chmod(0o755 if path == pipe else 0o644)
    return pipe


def test_files_of_others_hold_up_nobody(world, start, tmp_path):
    """A named pipe where a lock is expected would never open."""
    left = [foreign((world.run / "mosaic-x", "kernel.lock")), foreign((tmp_path / "mosaic-warehouse-x", "lock"))]
    link = world.run / "mosaic-link"
    target = tmp_path / "target"
    target.mkdir()
    (target / "kernel.lock").touch()
    link.symlink_to(target)
    try:
        kernel = start(MOSAIC_MEMORY_DIR=str(tmp_path))
        kernel.ok(RUNNER)
        kernel.ok("mosaic::interactive(On).num_workers(1).await?; mosaic::put(&vec![1_u64]).await?;")
        kernel.control("shutdown_request", {"restart": False})
        assert wait_until(lambda: not kernel.processes(), 20), kernel.processes()
        assert all(it.is_dir() for it in left) and (target / "kernel.lock").exists()
        assert {it.name for it in tmp_path.iterdir()} == {"mosaic-warehouse-x", "target"}
    finally:
        link.unlink()
        shutil.rmtree(left[0])


@pytest.mark.parametrize("length", [85, 200])
def test_a_long_path_for_temporary_files(world, start, length):
    long = world.temporary / ("x" * (length - len(str(world.temporary)) - 1))
    long.mkdir()
    try:
        kernel = start(TMPDIR=str(long), XDG_RUNTIME_DIR=str(long))
        kernel.ok(RUNNER)
        run_directory, _ = directories(world, kernel)
        assert stat.S_IMODE(run_directory.stat().st_mode) == 0o700
        kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
        kernel.control("shutdown_request", {"restart": False})
        assert wait_until(lambda: not kernel.processes(), 20), kernel.processes()
        assert not run_directory.exists() and not list(long.iterdir())
    finally:
        long.rmdir()


@pytest.fixture
def empty_cache(tmp_path):
    """A cache of all toolchains in which nothing is built."""
    for template in in_cache("template"):
        (tmp_path / template.parent.name).mkdir(mode=0o700)
    return tmp_path


def test_a_cache_that_others_may_write_is_refused(world, empty_cache):
    for directory in empty_cache.iterdir():
        directory.chmod(0o777)
    kernel = WireKernel(world, MOSAIC_CACHE_DIR=str(empty_cache))
    try:
        client = kernel.client()
        client.wait_for_welcome()
        reply = client.request("shell", "execute_request", {"code": "1"})["content"]
        assert reply["status"] == "error" and "chmod go-w " in reply["evalue"], reply
    finally:
        kernel.close()


def test_a_kernel_that_waits_for_another_says_so(world, empty_cache):
    locks = []
    for directory in empty_cache.iterdir():
        locks.append(open(directory / "template.lock", "w"))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
    kernel = WireKernel(world, MOSAIC_CACHE_DIR=str(empty_cache))
    try:
        client = kernel.client()
        client.wait_for_welcome()
        client.send("shell", "execute_request", {"code": "1"})
        said = ""
        while "another kernel is building" not in said:
            message = client.receive("iopub")
            assert message, f"only: {said}"
            said += message["content"].get("text", "")
        client.send("control", "shutdown_request", {"restart": False})
        assert kernel.process.wait(20) == 0
    finally:
        kernel.close()


def test_secrets_stay_out_of_the_cache(world, start):
    secret = f"secret-{random.randrange(10**12)}"
    kernel = start(CARGO_REGISTRY_TOKEN=secret, MY_PASSWORD=secret)
    assert kernel.ok('std::env::var("MY_PASSWORD").unwrap() == env!("MY_PASSWORD")').result == "true"
    kernel.ok("2 + 2")
    _, session = directories(world, kernel)
    assert list(session.glob("mosaic-rustc-invocation-*")), "cargo's call is recorded"
    texts = [*session.glob("*.json"), *session.parent.glob("pool/*/*.json"), *session.parent.glob("answers/*")]
    assert not [it for it in texts if secret.encode() in it.read_bytes()]
