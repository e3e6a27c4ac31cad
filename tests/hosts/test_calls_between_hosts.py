"""What a notebook does with workers on three hosts that share no file. One kernel for all of it."""

import contextlib
import re

import pytest

from hosts.conftest import nothing_is_left
from hosts.notebook import FIELD, HostKernel, field_on

WORKERS = [f"worker:{host}:{number}" for host in range(3) for number in range(2)]

LISTED = ", ".join(f'"{uid}"' for uid in WORKERS)
FIRST, SECOND = '"worker:0:0"', '"worker:1:1"'


@pytest.fixture(scope="module")
def started(whole_cluster, world):
    """A kernel with two workers on each of h1, h2 and h3, and the cell that started them."""
    with contextlib.closing(HostKernel(world, whole_cluster[0], MOSAIC_ON="ssh:h1,h2,h3")) as kernel:
        kernel.ok(FIELD)
        yield kernel, kernel.ok("mosaic::interactive(On).num_workers(2).await?;")
    nothing_is_left(whole_cluster)


@pytest.fixture(scope="module")
def kernel(started):
    kernel, _ = started
    # One field on each worker.
    made = field_on("*uid", 10, "n")
    kernel.ok(f"let fields: Vec<_> = [{LISTED}].iter().zip(0..).map(|(uid, n)| {made}).collect();")
    return kernel


def of_each(kernel, expression):
    """The list of what an expression gives for the field of each worker."""
    code = f"let mut all = vec![]; for field in &fields {{ all.push({expression}); }} all"
    return kernel.ok(code).result


@pytest.mark.core
def test_the_start_names_hosts_and_workers(started):
    kernel, cell = started
    listening = re.findall(r"^(NODE|WORKER|HEAD|MONITOR)\S*.* uid=([a-z0-9:]+),", cell.text, re.MULTILINE)
    uids = ["head", "monitor", "node:0", "node:1", "node:2", *WORKERS]
    assert [uid for _, uid in listening] == uids, str(cell)
    assert "run already" not in cell.text
    code = "for worker in &mosaic::workers().await? { println!(\"{}\", worker.uid); }"
    assert kernel.ok(code).stdout.split() == WORKERS
    shown = kernel.ok("mosaic::status().await?").result
    for number in range(3):
        assert f"node:{number} on h{number + 1}" in shown, shown
    assert all(uid in shown for uid in WORKERS), shown


@pytest.mark.core
def test_each_worker_runs_on_its_host(kernel):
    assert of_each(kernel, "field.host().result().await?") == '["h1", "h1", "h2", "h2", "h3", "h3"]'
    # A function without a tessera.
    code = """let there = mosaic::with(Options::new().worker("worker:2:1"));
        there.spawn(|| std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), ()).result().await?"""
    assert kernel.ok(code).result == r'"h3\n"'


@pytest.mark.core
def test_every_line_of_every_worker_comes_in_order_before_the_cell_ends(kernel):
    lines = 500
    # All at once, and in the same cell.
    submit = f"let tasks: Vec<_> = fields.iter().map(|field| field.say({lines})).collect();"
    cell = kernel.ok(f"{submit} for task in tasks {{ task.await?; }}")
    assert not cell.late
    for uid in WORKERS:
        said = re.findall(rf"^{uid.upper()} +line (\d+)$", cell.stdout, re.MULTILINE)
        assert said == [str(it) for it in range(lines)], (uid, len(said))


@pytest.mark.core
def test_arrays_go_there_and_back_and_between_hosts(kernel):
    for mebibytes in (0, 1, 8, 64):
        count = mebibytes * (1 << 17) or 100
        # What goes and what comes differ, and each value counts.
        kernel.ok(f"let a = {field_on(FIRST, count, 7)}; let b = {field_on(SECOND, count, '1 << 40')};")
        ours, of_a, of_b = f"(0..{count}u64)", f"(7..7 + {count}u64)", f"((1 << 40)..(1 << 40) + {count}u64)"
        total = "fold(0, u64::wrapping_add)"
        for expression in (
            f"a.sum_with({ours}.collect::<Vec<u64>>()).result().await? == {of_a}.chain({ours}).{total}",
            f"b.values().result().await? == {of_b}.collect::<Vec<u64>>()",
            f"b.sum_with(&a.values()).result().await? == {of_a}.chain({of_b}).{total}",
        ):
            assert kernel.ok(expression).result == "true", (mebibytes, expression)


@pytest.mark.core
def test_a_stored_value_is_the_same_on_every_host(kernel):
    kernel.ok("let stored = mosaic::put(&(1..=1_000_000u64).collect::<Vec<u64>>()).await?;")
    own = "field.sum_with(&[]).result().await?"
    assert of_each(kernel, f"field.sum_with(&stored).result().await? - {own}") == str([500_000_500_000] * 6)
    assert kernel.ok("mosaic::exec(&stored, |stored| stored[999_999]).result().await?").result == "1000000"
    kernel.ok("let same = stored.clone(); stored.drop();")
    assert "was dropped" in kernel.run("fields[3].sum_with(&same).await?;").error
    # A parameter: what is pushed is what every host reads from then on.
    kernel.ok("let mut parameter = mosaic::parameter(vec![0u64; 300_000]).await?;")
    for value in (1, 2):
        kernel.ok(f"parameter.fill({value}); parameter.push().await?;")
        read = of_each(kernel, f"field.sum_with(&parameter).result().await? - {own}")
        assert read == str([300_000 * value] * 6)


@pytest.mark.core
def test_the_code_of_a_later_cell_reaches_every_host(kernel):
    kernel.ok(
        "static FACTOR: u64 = 3;\nfn scaled(x: u64) -> u64 { x * FACTOR }\n#[tessera]\nstruct Late;\n"
        "#[tessera]\nimpl Late { fn new() -> Self { Late } fn scaled(&self, x: u64) -> u64 { scaled(x) } }"
    )
    kernel.ok(f"let late: Vec<_> = [{LISTED}].iter().map(|uid| Late::with(Options::new().worker(*uid)).remote()).collect();")
    code = "let mut all = vec![]; for late in &late { all.push(late.scaled(14).result().await?); } all"
    assert kernel.ok(code).result == str([42] * 6)
    # The same name again, with other code.
    kernel.ok("fn scaled(x: u64) -> u64 { x + 1 }")
    code = """let there = mosaic::with(Options::new().worker("worker:1:0")); there.spawn(scaled, (1,)).result().await?"""
    assert kernel.ok(code).result == "2"


def test_tasks_depend_on_each_other_over_hosts(kernel):
    code = """let first = fields[0].values();
        let second = fields[2].sum_with(&first);
        let third = fields[5].after(&second).sum_with(&first);
        (second.result().await?, third.result().await?)"""
    assert kernel.ok(code).result == str((sum(range(2, 12)) + 45, sum(range(5, 15)) + 45))


def test_an_error_names_the_worker(kernel):
    there = 'mosaic::with(Options::new().worker("worker:1:1"))'
    error = kernel.run(f'{there}.spawn(|| -> u64 {{ panic!("no stones left") }}, ()).await?').error
    assert "no stones left" in error and "worker:1:1" in error


def test_loops_use_every_host(kernel):
    kernel.ok('fn host_name() -> String { std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap() }')
    code = """let mut at = mosaic::for_each(0..12u32).run(|worker, _| {
            let task = mosaic::with(Options::new().worker(worker)).spawn(host_name, ());
            async move { task.result().await }
        }).await?;
        at.sort(); at.dedup(); at.concat()"""
    assert kernel.ok(code).result == r'"h1\nh2\nh3\n"'
