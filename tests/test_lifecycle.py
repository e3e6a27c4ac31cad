"""How kernels end, and that no process or file outlives them. The world checks that at the end of the module."""

import os
import signal
import subprocess
import time

import pytest
from wire import WireKernel
from world import wait_until

BUSY = """
use mosaic::prelude::*;
use std::{thread::sleep, time::Duration};
#[tessera]
struct Sleeper;
#[tessera]
impl Sleeper {
    fn new() -> Self { Sleeper }
    fn nap(&self) { println!("napping"); sleep(Duration::from_secs(100)); }
}
mosaic::interactive(On).num_workers(2).await?;
"""


def assert_gone(kernel, timeout=30):
    assert wait_until(lambda: not kernel.processes(), timeout), kernel.processes()


@pytest.fixture
def busy(start):
    """A kernel with two workers. One runs a task, and a cell waits for the task."""
    kernel = start()
    kernel.ok(BUSY)
    cell = kernel.submit("let sleeper = Sleeper::remote(); sleeper.nap().await?;")
    kernel.read_until(lambda: "napping" in cell.text)
    assert len(kernel.processes()) >= 5, "kernel, guardian, cell process, two workers"
    return kernel


def test_sigkill_of_the_kernel(world, busy):
    os.kill(busy.pid, signal.SIGKILL)
    assert_gone(busy)
    assert wait_until(lambda: not world.leaks(), 30), world.leaks()


def test_sigkill_while_a_cell_compiles(start):
    kernel = start()
    kernel.submit("let a = 1;")
    time.sleep(1)
    os.kill(kernel.pid, signal.SIGKILL)
    assert_gone(kernel)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end(busy, number):
    os.kill(busy.pid, number)
    assert_gone(busy)


def test_shutdown_while_busy(busy):
    """On an idle machine, a kernel ends within five seconds. jupyter_client kills it after that."""
    assert busy.control("shutdown_request", {"restart": False})["status"] == "ok"
    assert_gone(busy)


def test_shutdown_when_idle(start):
    kernel = start()
    kernel.ok("1 + 1")
    kernel.control("shutdown_request", {"restart": False})
    assert_gone(kernel)


def test_the_clients_death(world):
    """A kernel ends when the process that started it does."""
    parent = subprocess.Popen(["sleep", "1000"])
    kernel = WireKernel(world, JPY_PARENT_PID=str(parent.pid))
    try:
        kernel.client().request("shell", "kernel_info_request", timeout=60)
        parent.kill()
        parent.wait()
        kernel.process.wait(30)
    finally:
        parent.kill()
        kernel.close()


def test_restart_reuses_the_connection(start):
    kernel = start()
    kernel.ok("let before = 1;")
    old = kernel.pid
    kernel.client.stop_channels()
    kernel.manager.restart_kernel(now=False)
    kernel.connect()
    assert kernel.pid != old
    assert "before" in kernel.run("before").error
    assert kernel.ok("1 + 1").result == "2"


def test_two_kernels_side_by_side(start):
    kernels = [start(), start()]
    for number, kernel in enumerate(kernels):
        kernel.ok(f"let mine = {number};")
        kernel.ok(BUSY)
    for number, kernel in enumerate(kernels):
        assert kernel.ok("mine").result == str(number)
    kernels[0].control("shutdown_request", {"restart": False})
    assert_gone(kernels[0])
    assert kernels[1].ok("let sleeper = Sleeper::remote(); mine + 1").result == "2"


def interrupt_by_message(kernel):
    assert kernel.control("interrupt_request")["status"] == "ok"


def interrupt_by_signal(kernel):
    os.kill(kernel.pid, signal.SIGINT)


def interrupt_by_group_signal(kernel):
    os.killpg(os.getpgid(kernel.pid), signal.SIGINT)


@pytest.mark.parametrize("interrupt", [interrupt_by_message, interrupt_by_signal, interrupt_by_group_signal])
def test_interrupt(start, interrupt):
    kernel = start()
    cell = kernel.submit('println!("looping"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }')
    kernel.read_until(lambda: cell.stdout == "looping\n", timeout=60)
    queued = kernel.submit('println!("must not run")')
    # The answer to a later request on the same socket: a signal could overtake the cell.
    assert kernel.request(kernel.client.is_complete, "1")["status"] == "complete"
    interrupt(kernel)
    assert kernel.finish(cell, timeout=30).error
    assert kernel.finish(queued).reply["status"] == "aborted"
    assert kernel.ok("1 + 1").result == "2"


def test_interrupt_when_idle(start):
    kernel = start()
    kernel.ok("let kept = 1;")
    interrupt_by_message(kernel)
    interrupt_by_signal(kernel)
    # A signal may take longer than a message. The round trip lets it arrive first.
    kernel.control("kernel_info_request")
    assert kernel.ok("kept").result == "1"


def test_the_cell_process_dies(start):
    """An abort in a cell is an error of the cell; the kernel goes on with a new cell process."""
    kernel = start()
    assert kernel.run('println!("last words"); std::process::abort()').error
    assert kernel.ok("1 + 1").result == "2"
    assert kernel.run("std::process::exit(0)").error
    assert kernel.ok("1 + 1").result == "2"
