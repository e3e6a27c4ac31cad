"""What a user would pick instead of our runtime, measured as `runtime/engine/examples/measure` measures ours.

Runs in the virtual environment of the peer: takes the peer's name and that of one measurement, and prints a line of JSON
for each of its figures. Times are in seconds.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

SIZES = (4, 64, 256)
LONG_ENOUGH = 1.0
# Of the 10,000 that ours makes, a tenth: all of them take the peers minutes, in which each takes no less than here.
MANY, TIMES = 1_000, 10


class Actor:
    def nothing(self):
        pass

    def echo(self, array):
        return array

    def make(self, mebibytes):
        return array(mebibytes)

    def look(self, array):
        return float(array[0] + array[-1])


class Ray:
    """An actor is a process, so that there are not many."""

    pipelined = 10_000

    async def start(self, workers):
        import ray

        self.ray = ray
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
        self.actor = ray.remote(num_cpus=0)(Actor)

    async def create(self):
        return self.actor.remote()

    def call(self, actor, method, *arguments):
        return getattr(actor, method).remote(*arguments)

    async def wait(self, tasks):
        self.ray.wait(tasks, num_returns=len(tasks))

    async def result(self, task):
        return self.ray.get(task)

    async def put(self, value):
        return self.ray.put(value)

    async def get(self, stored):
        return self.ray.get(stored)

    async def stop(self):
        self.ray.shutdown()


class Dask:
    """What an actor returns comes back at once, and is no reference that another one could be given."""

    pipelined = 2_000

    async def start(self, workers):
        from distributed import Client

        self.client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50)

    async def create(self):
        return self.client.submit(Actor, actor=True, pure=False)

    def call(self, actor, method, *arguments):
        actor = actor.result()
        return getattr(actor, method)(*arguments)

    async def wait(self, tasks):
        for task in tasks:
            task.result()

    async def result(self, task):
        return task.result()

    async def put(self, value):
        return self.client.scatter(value, hash=False)

    async def get(self, stored):
        return stored.result()

    async def stop(self):
        self.client.close()


class PythonMosaic:
    """Calls are sent when they are awaited, and a result that is there already cannot be an argument."""

    pipelined = 500

    async def start(self, workers):
        import mosaic

        await mosaic.interactive("on", num_workers=workers, log_level="error")
        self.mosaic = mosaic
        self.actor = mosaic.tessera(Actor)

    async def create(self):
        return self.actor.remote()

    def call(self, actor, method, *arguments):
        return getattr(actor, method)(*arguments)

    async def wait(self, tasks):
        await asyncio.gather(*tasks)

    async def result(self, task):
        await task
        return await task.result()

    async def put(self, value):
        return await self.mosaic.runtime().put(value)

    async def get(self, stored):
        return await self.mosaic.runtime().get(stored, cache=False)

    async def stop(self):
        await self.mosaic.interactive("off")


def array(mebibytes):
    return np.ones(mebibytes << 18, dtype=np.float32)


def figure(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


async def times(run):
    begun, samples = time.perf_counter(), []
    while len(samples) < 5 or time.perf_counter() - begun < LONG_ENOUGH:
        before = time.perf_counter()
        value = await run()
        samples.append(time.perf_counter() - before)
        del value
    return sorted(samples)


async def median(run):
    return statistics.median(await times(run))


async def ready(peer):
    """An actor that has answered."""
    actor = await peer.create()
    await peer.result(peer.call(actor, "nothing"))
    return actor


async def start(peer):
    before = time.perf_counter()
    await peer.start(2)
    await ready(peer)
    figure("start", time.perf_counter() - before)


async def calls(peer):
    await peer.start(2)
    actors = [await ready(peer), await ready(peer)]
    samples = await times(lambda: peer.result(peer.call(actors[0], "nothing")))
    figure("call", samples[len(samples) // 2])
    figure("call_p99", samples[len(samples) * 99 // 100])
    for name, callees in (("pipelined_one", actors[:1]), ("pipelined_all", actors)):
        before = time.perf_counter()
        await peer.wait([peer.call(callees[i % len(callees)], "nothing") for i in range(peer.pipelined)])
        figure(name, peer.pipelined / (time.perf_counter() - before))


async def create(peer):
    await peer.start(2)
    await ready(peer)
    figure("create", await median(lambda: ready(peer)))


async def echo(peer):
    await peer.start(2)
    actor = await ready(peer)
    for size in SIZES:
        value = array(size)
        seconds = await median(lambda: peer.result(peer.call(actor, "echo", value)))
        figure(f"echo_{size}", seconds)
        if isinstance(peer, Ray):
            # What it gives is a view, which cannot be written to.
            figure(f"echo_view_{size}", seconds)
    both = (array(64), 1.0)
    figure("echo_inside", await median(lambda: peer.result(peer.call(actor, "echo", both))))


async def lent(peer):
    await peer.start(2)
    actor = await ready(peer)
    for size in SIZES:
        value = array(size)
        figure(f"lent_{size}", await median(lambda: peer.result(peer.call(actor, "look", value))))
    if isinstance(peer, Ray):
        # The others' actors get no stored values by reference.
        stored = await peer.put(array(256))
        figure("lent_stored", await median(lambda: peer.result(peer.call(actor, "look", stored))))


async def pass_on(peer):
    """Between actors of one machine, in different processes."""
    await peer.start(2)
    a, b = await ready(peer), await ready(peer)
    made = peer.call(a, "make", 64)
    await peer.wait([made])
    figure("pass_lent", await median(lambda: peer.result(peer.call(b, "look", made))))


async def store(peer):
    await peer.start(2)
    value = array(256)
    figure("put", 0.268435456 / await median(lambda: peer.put(value)))
    stored = await peer.put(value)
    seconds = await median(lambda: peer.get(stored))
    if isinstance(peer, Ray):
        figure("get_view", seconds)
    else:
        figure("get", 0.268435456 / seconds)


async def many(peer):
    await peer.start(2)
    await ready(peer)
    before = time.perf_counter()
    actors = [await peer.create() for _ in range(MANY)]
    await peer.wait([peer.call(actor, "nothing") for actor in actors])
    figure("many", TIMES * (time.perf_counter() - before))


async def idle(peer):
    """Says its proportional memory before it starts the rest; who measures looks at all of them then, and ends them."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    figure("before", 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:")))
    await peer.start(2)
    for _ in range(2):
        await ready(peer)
    print("idle", flush=True)
    await asyncio.Event().wait()


PEERS = {"ray": Ray, "dask": Dask, "mosaic": PythonMosaic}
MEASUREMENTS = {it.__name__: it for it in (start, calls, create, echo, lent, store, many, idle)} | {"pass": pass_on}


async def main():
    peer, measurement = PEERS[sys.argv[1]](), sys.argv[2]
    await MEASUREMENTS[measurement](peer)
    await peer.stop()


if __name__ == "__main__":
    asyncio.run(main())
