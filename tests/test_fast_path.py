"""What only saves time changes nothing else."""

import os
import platform

import pytest


@pytest.fixture(scope="module", params=["1", "0"], ids=["on", "off"])
def either(world, request):
    """A kernel with the fast path, and one without."""
    from kernels import Kernel

    kernel = Kernel(world, MOSAIC_FAST_PATH=request.param)
    yield kernel
    kernel.close()


def test_cells(either):
    assert either.ok("40 + 2").result == "42"
    either.ok("let lengths = [\"a\", \"bc\"].iter().map(|it| it.len()).collect::<std::collections::BTreeSet<_>>();")
    assert either.ok("lengths").result == "{1, 2}"
    assert either.ok("let later = async { 7 }.await; later").result == "7"
    assert "mismatched types" in either.run('let wrong: i32 = "";').error
    assert "oh" in either.run('panic!("oh")').error
    assert either.ok("lengths.len()").result == "2"


def test_types_of_the_crates(either):
    either.ok("let cube = ndarray::Array3::<f32>::zeros((1, 2, 3)); let (sender, _rest) = tokio::sync::mpsc::channel::<u8>(1);")
    assert either.ok("cube.shape().to_vec()").result == "[1, 2, 3]"
    assert either.ok("sender.capacity()").result == "1"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are x86's intrinsics")
def test_types_of_intrinsics(either):
    either.ok("let ones = unsafe { std::arch::x86_64::_mm_set1_epi32(1) };")
    assert either.ok("unsafe { std::arch::x86_64::_mm_cvtsi128_si32(ones) }").result == "1"


def test_the_path_is_the_users(either):
    path = os.environ["PATH"]
    assert either.ok('println!("{}", std::env::var("PATH").unwrap())').stdout == path + "\n"
    assert either.ok("!echo $PATH").result.strip() == path


def test_completion(either):
    code = "lengths.contai"
    reply = either.request(either.client.complete, code, len(code))
    assert any(match.startswith("contains") for match in reply["matches"])
