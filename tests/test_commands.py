"""Commands, the lines that begin with `:`: those of evcxr's tour, and the kernel's own."""

import promises
import pytest

from kernels import ANSI

# Each of evcxr's commands, and its output.
TOUR = {
    ":version": "0.22.0",
    ":show_deps": "serde",
    ":offline 0": "Offline mode: false",
    ":cache": "MiB",
    ":cache 0": "cache: 0 MiB",
    ":clear_cache": "from cache",
    ":type toured": "toured: Vec<i32>",
    ":t toured": "toured: Vec<i32>",
    ":doc Vec": "contiguous growable array",
    ":preserve_vars_on_panic 1": "Preserve vars on panic: true",
    ":fmt {:?}": "Output format: {:?}",
    ":efmt {}": "Error format: {}",
    ":build_env TOURED=1": "Set TOURED=1",
    ":env TOURED=1": "Set TOURED=1",
    ":last_compile_dir": "session-",
    ":toolchain": "Toolchain",
    ":linker": "linker: ",
    ":codegen_backend": "codegen backend: default",
    ":allow_static_linking 1": "Static linking: true",
    ":load_config --quiet": "",
    ":debug": "debugger",
    ":opt 2": "Optimization: 2",
    ":release": "Optimization: 3, overflow checks: off",
    ":overflow_checks 1": "Overflow checks: on",
    ":target_cpu native": "Target CPU: native",
    ":target_cpu generic": "Target CPU: generic",
    ":edition 2024": "Edition: 2024",
}

REFUSED = {
    ":quit": "shut it down",
    ":edition 2018": "2021 or 2024",
    ":opt fast": "optimisation level",
    ":overflow_checks": "0 or 1",
    ":target_cpu": "`native`",
    ":target_cpu 8086": "rustc --print target-cpus",
}

UNKNOWN = {
    ":varz": "`:vars`",
    ":hepl": "`:help`",
    ":no_such_command_at_all": "`:help` lists them",
}


def text_of(cell):
    return "".join(it["data"].get("text/plain", "") for it in cell._contents("execute_result"))


@pytest.mark.parametrize("command", TOUR)
def test_tour(kernel, command):
    kernel.ok("let toured = vec![1, 2];")
    shown = kernel.ok(command, timeout=200)
    assert TOUR[command] in text_of(shown), str(shown)
    # The kernel goes on as before.
    assert kernel.ok("toured.len()").result == "2"
    assert kernel.ok("std::future::ready(1).await").result == "1"


@pytest.mark.parametrize("command", REFUSED)
def test_refused_with_a_reason(kernel, command):
    cell = kernel.run(f"{command}\nlet never_set = 1;")
    assert REFUSED[command] in cell.error and "CommandError" in cell.error, cell.error
    assert command in cell.error and "^" in cell.error
    assert "never_set" in kernel.run("never_set").error


@promises.COMMANDS
@pytest.mark.parametrize("command", UNKNOWN)
def test_unknown(kernel, command):
    cell = kernel.run(f"{command}\nlet never_set = 1;")
    assert UNKNOWN[command] in cell.error
    assert "never_set" in kernel.run("never_set").error


@promises.COMMANDS
def test_help_shows_every_command_in_groups(kernel):
    (shown,) = kernel.ok(":help")._contents("execute_result")
    for command in (*TOUR, *REFUSED, ":dep", ":vars", ":clear", ":timing", ":types", ":explain", ":internal_debug"):
        name = command.split()[0]
        assert f"  {name}" in shown["data"]["text/plain"] and f"<code>{name}" in shown["data"]["text/html"], name
    assert "\nVariables and types\n" in shown["data"]["text/plain"] and "<th" in shown["data"]["text/html"]


@promises.COMMANDS
def test_vars_is_a_table_with_types_and_sizes(kernel):
    kernel.ok("let counted: Vec<f64> = Vec::with_capacity(512); let small = 7u8;")
    (shown,) = kernel.ok(":vars")._contents("execute_result")
    lines = [line.split("  ") for line in shown["data"]["text/plain"].splitlines()]
    rows = {line[0].strip(): [it.strip() for it in line[1:] if it.strip()] for line in lines}
    assert rows["Variable"] == ["Type", "Size"]
    assert rows["counted"] == ["Vec<f64>", "24 B + 4.0 KiB on the heap"] and rows["small"] == ["u8", "1 B"]
    assert "<td><code>Vec&lt;f64&gt;</code></td>" in shown["data"]["text/html"]


def test_commands_and_code_in_their_order(kernel):
    kernel.ok("let ordered = 1;")
    cell = kernel.ok(":version\n// then\n:type ordered\n:opt 2\nordered + 1")
    text = text_of(cell)
    assert text.index("0.22.0") < text.index("ordered: i32") < text.index("Optimization: 2") < text.rindex("2")


def test_timing_tells_how_long_cells_take(kernel):
    kernel.ok(":timing")
    assert "took " in kernel.ok("1 + 1").stderr
    kernel.ok(":timing")
    assert kernel.ok("1 + 1").stderr == ""


def test_formats_of_results(kernel):
    kernel.ok(":fmt {:#?}")
    assert kernel.ok("vec![1]").result == "[\n    1,\n]"
    kernel.ok(":fmt")
    assert kernel.ok("vec![1]").result == "[1]"
    kernel.ok(":types")
    assert kernel.ok("vec![1]").result == ": Vec<i32> = [1]"
    kernel.ok(":types")
    assert kernel.ok("vec![1]").result == "[1]"


def test_errors_are_explained(kernel):
    kernel.run('let wrong: u32 = "text";')
    assert "E0308" in text_of(kernel.ok(":explain")) or "type" in text_of(kernel.ok(":explain"))
    assert "E0308" in ANSI.sub("", str(kernel.run(":last_error_json")))


def test_internal_debug_is_switched(kernel):
    assert "true" in text_of(kernel.ok(":internal_debug"))
    assert "false" in text_of(kernel.ok(":internal_debug"))


def test_shell_commands(kernel):
    assert kernel.ok("!echo from the shell").result == "from the shell\n"
    assert "exit code 3" in kernel.run("!exit 3").error


def test_dep(kernel):
    kernel.ok(':dep itoa = "1"\nlet digits = itoa::Buffer::new().format(42).to_owned();', timeout=200)
    assert kernel.ok("digits").result == '"42"'
    error = kernel.run(':dep no_such_crate_of_mosaic_tests = "1"', timeout=200).error
    assert "CommandError" in error and "no_such_crate_of_mosaic_tests" in error


def test_built_in_crates_serve_their_dep(kernel):
    kernel.ok("let kept = tokio::sync::Mutex::new(1);")
    before = text_of(kernel.ok(":show_deps"))
    for wanted in ('tokio = { version = "1", features = ["full"] }', 'serde = "1.0"', 'ndarray = "0.17"', "mosaic"):
        assert kernel.ok(f":dep {wanted}").stderr == ""
    assert text_of(kernel.ok(":show_deps")) == before
    assert kernel.ok("*kept.lock().await").result == "1"
    assert "other_tokio" in kernel.run(':dep tokio = "0.2"').error


def test_features_of_a_built_in_crate_can_be_added(start):
    """The crates that depend on the new feature are built again. Variables are kept."""
    kernel = start()
    kernel.ok("#[tessera] struct Far;\n#[tessera] impl Far { fn new() -> Self { Far } fn one(&self) -> u8 { 1 } }")
    kernel.ok("mosaic::interactive(mosaic::prelude::On).num_workers(1).await?; let far = Far::remote();")
    kernel.ok("let own = vec![1.5];")
    kernel.ok(':dep ndarray = { version = "0.17", features = ["rayon", "serde"] }', timeout=230)
    assert kernel.ok("own[0]", timeout=200).result == "1.5"
    assert kernel.ok("far.one().await?.result().await?").result == "1"


def test_restart_keeps_definitions_and_takes_variables(start):
    kernel = start()
    kernel.ok("fn kept() -> i32 { 5 }\nlet gone = 1;")
    kernel.ok(":restart")
    assert kernel.ok("kept()").result == "5"
    assert "gone" in kernel.run("gone").error
    assert kernel.ok("println!(\"heard\");").stdout == "heard\n"


def test_clear_keeps_the_built_in_crates(start):
    kernel = start()
    kernel.ok("fn cleared() -> i32 { 5 }\nlet variable = 1;")
    kernel.ok(":clear\nlet after = 2;")
    assert kernel.ok("after").result == "2"
    for name in ("cleared()", "variable"):
        assert "E0425" in kernel.run(name).error
    assert kernel.ok("tokio::time::sleep(std::time::Duration::from_millis(1)).await; 3").result == "3"
    assert kernel.ok("ndarray::array![1, 2].sum()").result == "3"
    assert text_of(kernel.ok(":vars")) and "after" in text_of(kernel.ok(":vars"))
