"""Deeply nested code: an answer or an error, and the kernel lives on with its variables."""

import pytest

from test_completion import complete

COUNT = 200_000

# What is repeated before and after the middle.
WAYS = {
    "brackets": ("let x = ", "[", "1", "]", ";"),
    "blocks": ("", "{", "1", "}", ";"),
    "calls": ("let x = 1u8", ".min(1)", "", "", ";"),
    "negations": ("let x = ", "!", "true", "", ";"),
    "references": ("let x = ", "&", "1", "", ";"),
    "sums": ("let x = 1u64", "+1", "", "", ";"),
    "closures": ("let x = ", "|_: u8, _: u8| ", "1", "", ";"),
    "generics": ("type T = ", "Option<", "u8", ">", ";"),
    "conditions": ("if false {}", " else if false {}", "", "", ""),
    "patterns": ("let ", "&(", "x", ")", " = y;"),
    "types": ("type T = ", "fn() -> ", "u8", "", ";"),
    "token trees": ("stringify!(", "(", "", ")", ");"),
    "comments": ("", "/*", "x", "*/", ""),
    "negations that look like a command": ("", "!", "kept", "", ";"),
}


def nested(way, count):
    before, opens, middle, closes, after = way
    return before + opens * count + middle + closes * count + after


def test_nesting_kills_neither_the_kernel_nor_code_help(kernel):
    kernel.ok("let kept = true; let text = String::new();")
    pid = kernel.pid
    for way in WAYS.values():
        for code in [nested(way, COUNT), way[0] + way[1] * COUNT, nested(way, 300)]:
            reply = kernel.request(kernel.client.is_complete, code)
            assert reply["status"] in ("complete", "incomplete", "invalid")
            assert len(reply.get("indent", "")) <= 4_000
            kernel.request(kernel.client.complete, code, len(code))
        kernel.request(kernel.client.inspect, nested(way, COUNT), 10)
    assert kernel.control("kernel_info_request")["status"] == "ok"
    # rust-analyzer answers after all of these.
    assert "push_str" in " ".join(complete(kernel, "text.push_s")["matches"])
    assert kernel.pid == pid and kernel.ok("kept").result == "true"


@pytest.mark.parametrize("name", WAYS)
def test_a_cell_that_nests_too_deep_says_so(kernel, name):
    kernel.ok("let kept = true;")
    cell = kernel.run(nested(WAYS[name], COUNT))
    if name == "comments":
        assert cell.reply["status"] == "ok", cell
    elif name == "negations that look like a command":
        assert cell.reply["status"] == "ok" or "command" in cell.error, cell
    else:
        assert "nest" in cell.error and "cell [" in cell.error, cell
        assert len(cell.error) < 5_000
    assert kernel.ok("kept").result == "true"


# Each is as deep as a cell may be. rustc and the rustc wrapper, which is a process of its own, have the stack for it.
def test_cells_within_the_limits_compile(kernel):
    for name, count in [
        ("brackets", 100),
        ("blocks", 400),
        ("calls", 1_500),
        ("negations", 4_000),
        ("references", 1_000),
        ("sums", 3_000),
        ("closures", 500),
        ("generics", 1_000),
        ("conditions", 1_000),
        ("types", 1_500),
        ("token trees", 450),
    ]:
        cell = kernel.run(nested(WAYS[name], count))
        # Some types are more than rustc can handle. It says so.
        error = "" if cell.reply["status"] == "ok" else cell.error[:500]
        assert "SIGSEGV" not in error and "KernelError" not in error, f"{name}: {error}"
    assert kernel.ok("1 + 1").result == "2"
