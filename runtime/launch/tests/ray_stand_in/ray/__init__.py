"""A stand-in for Ray in tests of the program that talks to Ray: its actors live in the same process.

It has only what that program uses. The real thing is tested on hosts of its own, in `tests/hosts`.
"""

import asyncio
import os
import threading
from concurrent.futures import Future
from contextlib import suppress

from . import exceptions, util  # noqa: F401

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()


def init(address, **_options):
    # Ray prints to file descriptor 1, whatever it is told.
    os.write(1, b"(raylet) something that is no event\n")
    if address == "missing":
        raise ConnectionError("nothing listens")


def is_initialized():
    return True


def shutdown():
    pass


def nodes():
    host = {"Alive": True, "Resources": {"CPU": 2.0}}
    return [host, {"Alive": True, "Resources": {}}, {"Alive": False, "Resources": {"CPU": 2.0}}, host]


def put(value):
    return value


def remote(**_options):
    return _ActorClass


def kill(actor):
    actor._die()


class _ActorClass:
    def __init__(self, kind):
        self._kind = kind

    def options(self, **_options):
        return self

    def remote(self):
        return _Actor(self._kind)


class _Actor:
    def __init__(self, kind):
        self._instance = asyncio.run_coroutine_threadsafe(_make(kind), _loop).result()
        self._pending = set()
        self._is_dead = False

    def __getattr__(self, name):
        return _Method(self, getattr(self._instance, name))

    def _die(self):
        self._is_dead = True
        if self._instance.process is not None:
            _loop.call_soon_threadsafe(self._instance.process.stdin.close)
        for future in list(self._pending):
            with suppress(Exception):
                future.set_exception(exceptions.ActorDiedError("The actor died."))


async def _make(kind):
    return kind()


class _Method:
    def __init__(self, actor, method):
        self._actor = actor
        self._method = method

    def remote(self, *arguments):
        return _Reference(self._actor, self._method(*arguments))


class _Reference:
    def __init__(self, actor, coroutine):
        self._future = Future()
        actor._pending.add(self._future)
        if actor._is_dead:
            actor._die()
        running = asyncio.run_coroutine_threadsafe(coroutine, _loop)
        running.add_done_callback(self._copy)

    def _copy(self, done):
        # The actor may have died meanwhile.
        with suppress(Exception):
            if (error := done.exception()) is not None:
                self._future.set_exception(error)
            else:
                self._future.set_result(done.result())

    def future(self):
        return self._future
