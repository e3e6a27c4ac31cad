"""Where tesserae are placed, what methods report, and how they are stopped, on three hosts. One kernel for all of it."""

import contextlib
import re
import shutil

import pytest

from hosts.conftest import need, nothing_is_left
from hosts.notebook import FIELD, HostKernel, field_on

# The directory on h2 with the stand-in for NVIDIA's library.
GPUS = "/run/gpus"

STEPS = """
#[tessera]
struct Walk;

#[tessera]
impl Walk {
    fn new() -> Self { Walk }
    fn steps(&self) -> u32 { mosaic::track(1..4).sum() }
    fn until_cancelled(&self) {
        println!("waiting");
        while !mosaic::cancelled() { std::thread::sleep(std::time::Duration::from_millis(5)); }
    }
}

async fn keep() -> String {
    let stored = mosaic::put(&vec![1u64; 1000]).await.unwrap();
    let uid = stored.uid();
    std::mem::forget(stored);
    uid
}

fn host_name() -> String { std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned() }

/// The hosts of tesserae and functions with these options, each once.
async fn hosts_of(options: Options) -> Vec<String> {
    let fields = [1, 2, 3].map(|n| Field::with(options.clone()).remote(10, n));
    let mut hosts = vec![mosaic::with(options).spawn(host_name, ()).result().await.unwrap()];
    for field in &fields { hosts.push(field.host().result().await.unwrap()); }
    hosts.dedup();
    hosts
}

fn variable(name: String) -> Option<String> { std::env::var(name).ok() }
"""


@pytest.fixture(scope="module")
def kernel(whole_cluster, world, target):
    library = target / "release" / "examples" / "libgpus.so"
    need(None if library.exists() else f"no {library}: run `cargo build --release --locked --workspace --examples`")
    directory = whole_cluster[2].path(GPUS)
    directory.mkdir()
    shutil.copy(library, directory / "libnvidia-ml.so.1")
    environment = {
        "MOSAIC_ON": "ssh:h1,h2,h3",
        "MOSAIC_ENV": "SURVEY, LD_LIBRARY_PATH, MOSAIC_TEST_*, MOSAIC_TEST_SCRATCH",
        "SURVEY": "the 'north' $HOME",
        "UNNAMED": "1",
        "RAYON_NUM_THREADS": "3",
        "LD_LIBRARY_PATH": GPUS,
        "MOSAIC_TEST_SCRATCH": GPUS,
    }
    with contextlib.closing(HostKernel(world, whole_cluster[0], **environment)) as kernel:
        kernel.ok(FIELD)
        kernel.ok(STEPS)
        yield kernel
    shutil.rmtree(directory)
    nothing_is_left(whole_cluster)


@contextlib.contextmanager
def on(kernel, placement):
    kernel.ok(f"mosaic::interactive(On).num_workers(2).placement(mosaic::Placement::{placement}).await?;")
    yield
    kernel.ok("mosaic::interactive(Off).await?;")


@pytest.fixture(scope="module")
def running(kernel):
    """The kernel with its runtime on, and a field on one worker of each host."""
    with on(kernel, "RoundRobin"):
        made = ", ".join(field_on(f'"worker:{host}:0"', 10, 1) for host in range(3))
        kernel.ok(f"let fields = [{made}];")
        yield kernel


def tesserae(kernel):
    """The number of tesserae on each worker, by host."""
    code = 'for worker in &mosaic::workers().await? { println!("{} {}", worker.uid, worker.tesserae); }'
    counts = re.findall(r"worker:(\d):\d (\d+)", kernel.ok(code).stdout)
    return [[int(count) for host, count in counts if int(host) == number] for number in range(3)]


def make(kernel, name, count):
    """Makes fields wherever the strategy places them."""
    kernel.ok(f"let {name}: Vec<_> = (0..{count}).map(|n| Field::remote(10, n)).collect();")
    kernel.ok(f"for field in &{name} {{ field.await?; }}")


# These come first: they turn the runtime on and off.
@pytest.mark.core
def test_tesserae_are_spread_or_packed(kernel):
    with on(kernel, "Spread"):
        kernel.ok("let two = [0, 1].map(|n| " + field_on('"worker:0:0"', 10, "n") + "); for field in &two { field.await?; }")
        make(kernel, "spread", 7)
        assert [sorted(host) for host in tesserae(kernel)] == [[1, 2]] * 3
    with on(kernel, "Pack"):
        make(kernel, "first", 3)
        assert tesserae(kernel) == [[1, 1], [1, 0], [0, 0]]
        make(kernel, "second", 4)
        assert tesserae(kernel) == [[2, 1], [1, 1], [1, 1]]


@pytest.mark.core
def test_a_tessera_is_placed_near_what_it_needs(running):
    there = 'mosaic::with(Options::new().worker("worker:2:1"))'
    running.ok(f"let uid = {there}.spawn_async(keep, ()).result().await?;")
    running.ok("let stored = Stored::<Vec<u64>>::attach(&uid).await?; let workers = mosaic::workers().await?;")
    running.ok('let values = fields[1].values(); let named = mosaic::with(Options::new().worker("worker:0:1")).spawn(host_name, ());')
    places = {
        "&fields[1]": "h2",
        "fields[0].uid()": "h1",
        "&stored": "h3",
        "&values": "h2",
        "&named": "h1",
        '"node:1"': "h2",
        "&workers.hosts()[2]": "h3",
        "&workers[1]": "h1",
    }
    calls = ", ".join(f"hosts_of(Options::new().near({place})).await" for place in places)
    assert running.ok(f"[{calls}].concat()").result == str(list(places.values())).replace("'", '"')
    running.ok("stored.drop();")


@pytest.mark.core
def test_variables_that_are_named_travel(running):
    there = 'mosaic::with(Options::new().worker("worker:1:0"))'
    names = ("SURVEY", "RAYON_NUM_THREADS", "UNNAMED", "MOSAIC_ON")
    read = ", ".join(f'{there}.spawn(variable, ("{name}".to_owned(),)).result().await?' for name in names)
    assert running.ok(f"[{read}]").result == """[Some("the 'north' $HOME"), Some("3"), None, None]"""


@pytest.mark.core
def test_the_gpus_of_a_host_are_known(whole_cluster, running):
    pid = running.ok("fields[1].pid().result().await?").result
    whole_cluster[2].path(f"{GPUS}/pid").write_text(pid)
    code = """let workers = mosaic::workers().await?;
        let gpus: Vec<_> = workers.hosts().iter().map(|host| host.gpus.len()).collect();
        (gpus, workers.gpus()[0].name.clone(), workers.iter().map(|worker| worker.gpu_memory >> 30).collect::<Vec<_>>())"""
    assert running.ok(code).result == '([0, 1, 0], "Made <Up>", [0, 0, 2, 0, 0, 0])'
    shown = running.ok("mosaic::status().await?").result
    assert "gpu:1: Made <Up>, 35 % busy" in shown, shown


@pytest.mark.core
def test_a_bar_shows_how_far_a_method_on_another_host_is(running):
    cell = running.ok('Walk::with(Options::new().worker("worker:2:1")).remote().steps().result().await?')
    shown = [content["data"]["text/plain"] for kind, content in cell.messages if "display_data" in kind]
    assert "Walk::steps on worker:2:1: 0 of 3" in shown[0] and "3 of 3" in shown[-1], shown
    assert cell.result == "6" and not cell.late


@pytest.mark.core
def test_a_method_on_another_host_is_cancelled(running):
    running.ok('let walk = Walk::with(Options::new().worker("worker:1:1")).remote();')
    running.ok("let never = walk.until_cancelled();")
    cell = running.submit('println!("begun"); (&never).await?;')
    running.read_until(lambda: "begun" in cell.stdout)
    assert running.control("interrupt_request")["status"] == "ok"
    running.finish(cell)
    assert "nterrupt" in cell.error, str(cell)
    # An interrupt ends the wait, and not the method.
    running.ok("let (queued, steps) = (walk.steps(), walk.steps()); queued.cancel();")
    assert running.ok("never.state()").result == "Running"
    assert "was cancelled" in running.run("queued.await?;").error
    running.ok("never.cancel(); never.await?;")
    assert running.ok("steps.result().await?").result == "6"
