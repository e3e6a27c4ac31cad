"""The history, which all kernels keep in one database."""

import sqlite3

import pytest
from world import wait_until


def history(kernel, access, **options):
    """The entries of the reply to a request with these fields and no others."""
    content = {"hist_access_type": access, "raw": True, "output": False, **options}
    message = kernel.client.session.msg("history_request", content)

    def send():
        kernel.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    reply = kernel.request(send)
    assert reply["status"] == "ok"
    return [tuple(entry) for entry in reply["history"]]


def sources(entries):
    return [source for _, _, source in entries]


@pytest.fixture(scope="module")
def database(world):
    return world.home / "mosaic-kernel" / "history.sqlite"


def test_across_kernels(start):
    """Runs three kernels, the second and third at the same time."""
    first = start()
    first.ok("let a = 1;")
    first.ok("a + 41")
    first.run("let hidden = 1;", silent=True)
    first.run("let unstored = 1;", store_history=False)
    assert sources(history(first, "tail")) == ["let a = 1;", "a + 41"]
    first.control("shutdown_request", {"restart": False})
    assert wait_until(lambda: not first.processes(), 15)

    second, third = start(), start()
    assert sources(history(second, "tail", n=1)) == ["a + 41"], "before it has run anything itself"
    second.ok("let b = 2;")
    third.ok("let a = 1;")
    second.ok("b")
    assert sources(history(second, "range", session=0, start=1)) == ["let b = 2;", "b"]
    assert sources(history(second, "range")) == ["let b = 2;", "b"], "the current one by default"
    assert sources(history(second, "range", session=-1, start=1, stop=2)) == ["let a = 1;"]
    assert sources(history(third, "range", session=-2, start=1)) == ["let a = 1;", "a + 41"]
    session = history(third, "range")[0][0]
    assert sources(history(second, "range", session=session, start=0, stop=9)) == ["let a = 1;"]

    assert sources(history(third, "search", pattern="let a*")) == ["let a = 1;", "let a = 1;"]
    assert sources(history(third, "search", pattern="let a*", unique=True)) == ["let a = 1;"]
    assert sources(history(third, "search", pattern="let ? = ?;", n=2)) == ["let b = 2;", "let a = 1;"]
    assert not history(third, "search", pattern="let")
    assert ("a + 41", "42") in [tuple(source) for _, _, source in history(third, "tail", output=True)]


def test_a_locked_file_holds_up_no_cell(start, database):
    kernel = start()
    kernel.ok("let before = 1;")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    kernel.ok("let locked = 1;")
    assert kernel.ok("1 + 1").result == "2"
    other.execute("ROLLBACK")
    other.close()
    kernel.ok("let after = 1;")
    entries = sources(history(kernel, "range"))
    assert entries == ["let before = 1;", "let locked = 1;", "1 + 1", "let after = 1;"]


def test_a_broken_file(start, tmp_path):
    broken = tmp_path / "history.sqlite"
    broken.write_bytes(b"no database" * 1000)
    kernel = start(MOSAIC_HISTORY=str(broken))
    kernel.ok("let a = 1;")
    assert sources(history(kernel, "tail")) == ["let a = 1;"]
    assert broken.read_bytes() == b"no database" * 1000


def test_turned_off(start, database):
    kernel = start(MOSAIC_HISTORY="off")
    kernel.ok("let private = 1;")
    assert sources(history(kernel, "tail")) == ["let private = 1;"]
    with sqlite3.connect(database) as it:
        assert not it.execute("SELECT * FROM input WHERE source LIKE '%private%'").fetchall()
