"""Values that live in the runtime: stored once, used like any value, and freed with their last reference."""

import pytest
from kernels import Kernel
from world import wait_until

ADDER = """
use mosaic::prelude::*;

#[tessera]
struct Adder { offset: u64 }

#[tessera]
impl Adder {
    fn new(offset: u64) -> Self { Adder { offset } }
    fn sum(&self, values: &[u64]) -> u64 { self.offset + values.iter().sum::<u64>() }
}
"""


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    """The directory of stored values. It is the test's own, so that the test can count them."""
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="module")
def kernel(world, memory):
    kernel = Kernel(world, MOSAIC_MEMORY_DIR=str(memory))
    kernel.ok(ADDER)
    kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    yield kernel
    kernel.close()


def stored(memory):
    """The names of stored values. Memory that is kept for reuse has a name with a suffix, and does not count."""
    return [file for file in memory.glob("mosaic-warehouse-*/*") if file.name != "lock" and not file.suffix]


def test_a_stored_value_is_used_by_reference_and_freed_by_name(kernel, memory):
    kernel.ok("let values = mosaic::put(&vec![1_u64, 2, 39]).await?;")
    assert kernel.ok("values").result.startswith("<Stored object, uid=ware-vec-")
    assert kernel.ok("values.get().await?").result == "[1, 2, 39]"
    kernel.ok("let (a, b) = (Adder::remote(0), Adder::remote(100));")
    sums = "(a.sum(&values).result().await?, b.sum(&values).result().await?)"
    assert kernel.ok(sums).result == "(42, 142)"
    largest = "mosaic::exec(&values, |values| *values.iter().max().unwrap()).result().await?"
    assert kernel.ok(largest).result == "39"
    assert len(stored(memory)) == 1
    kernel.ok("let copy = values.clone(); values.drop();")
    assert wait_until(lambda: not stored(memory), timeout=10)
    assert "was dropped" in kernel.run("copy.get().await?").error


# The copies stay when the value is dropped.
def test_views_are_variables_like_others(kernel, memory):
    kernel.ok("use ndarray::Array1; let stored = mosaic::put(&Array1::<f64>::from_elem(1 << 20, 0.5)).await?;")
    kernel.ok("let wavefield = stored.view().await?; let sum = a.sum(vec![1_u64; 1 << 20]).view().await?;")
    kernel.ok("stored.drop();")
    assert kernel.ok("(wavefield.sum(), *sum, wavefield.len())").result == "(524288.0, 1048576, 1048576)"
    assert wait_until(lambda: not stored(memory), timeout=10)
    assert kernel.ok("wavefield[0]").result == "0.5"


def test_a_parameter_is_changed_here_and_read_everywhere(kernel, memory):
    kernel.ok("let mut model = mosaic::parameter(vec![1_u64, 2]).await?;")
    kernel.ok("model[0] = 10;")
    assert kernel.ok("a.sum(&model).result().await?").result == "3"
    kernel.ok("model.push().await?;")
    assert kernel.ok("a.sum(&model).result().await?").result == "12"
    kernel.ok("model.set(|model| model[1] = 5).await?;")
    assert kernel.ok("(model.get(|model| model[1]).await?, model[1])").result == "(5, 5)"
    assert len(stored(memory)) == 1


def test_values_go_with_the_process_of_the_cells(kernel, memory):
    kernel.ok("let kept = mosaic::put(&1_u64).await?;")
    assert "SIGABRT" in kernel.run("std::process::abort();").error
    assert wait_until(lambda: not stored(memory), timeout=10)
    kernel.ok("mosaic::interactive(Off).await?;")
    assert not list(memory.iterdir())
