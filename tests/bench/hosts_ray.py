"""Plain Ray actors on several hosts, measured as `runtime/engine/examples/measure_hosts.rs` measures ours.

Runs on the head's host, in the virtual environment with Ray. Takes the addresses of two other hosts and the name of a
measurement, and prints a line of JSON for each of its figures. Times are in seconds.
"""

import json
import statistics
import sys
import time

import numpy as np
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SIZES = (1, 64, 256)
FLOW, FLOWS = 1024, 3
LONG_ENOUGH = 1.0
OFTEN_ENOUGH = 5
NEW_FUNCTIONS = 7
PIPELINED = 10_000


@ray.remote(num_cpus=0)
class Peer:
    def nothing(self):
        pass

    def echo(self, array):
        return array

    def make(self, mebibytes):
        return array(mebibytes)

    def look(self, array):
        return float(array[0] + array[-1])


def array(mebibytes):
    return np.ones(mebibytes << 18, dtype=np.float32)


def figure(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def place(address):
    """The option that places something on a host."""
    (node,) = (it["NodeID"] for it in ray.nodes() if it["Alive"] and it["NodeManagerAddress"] == address)
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


def on_host(address):
    """An actor that has answered."""
    peer = Peer.options(**place(address)).remote()
    ray.get(peer.nothing.remote())
    return peer


def seconds(operation):
    before = time.perf_counter()
    value = operation()
    after = time.perf_counter()
    # Dropping the value is not timed, as for ours.
    del value
    return after - before


def times(run):
    begun, samples = time.perf_counter(), []
    while len(samples) < OFTEN_ENOUGH or time.perf_counter() - begun < LONG_ENOUGH:
        samples.append(seconds(run))
    return samples


def quantile(samples, fraction):
    return sorted(samples)[int((len(samples) - 1) * fraction)]


def calls(addresses):
    peers = [on_host(it) for it in addresses]
    samples = times(lambda: ray.get(peers[0].nothing.remote()))
    figure("call", quantile(samples, 0.5))
    figure("call_p99", quantile(samples, 0.99))
    for name, callees in (("pipelined_one", peers[:1]), ("pipelined_all", peers)):
        before = time.perf_counter()
        tasks = [callees[i % len(callees)].nothing.remote() for i in range(PIPELINED)]
        ray.wait(tasks, num_returns=len(tasks), fetch_local=False)
        figure(name, PIPELINED / (time.perf_counter() - before))


def echo(addresses):
    peer = on_host(addresses[0])
    for size in SIZES:
        value = array(size)
        viewed = statistics.median(times(lambda: ray.get(peer.echo.remote(value))))
        # What Ray gives is a view, which cannot be written to.
        figure(f"echo_{size}", viewed)
        figure(f"echo_view_{size}", viewed)


def between(addresses):
    source, target = (on_host(it) for it in addresses)
    for size in SIZES:
        samples = []
        for _ in range(OFTEN_ENOUGH):
            # A new value each time, because a host keeps what it has fetched.
            made = source.make.remote(size)
            ray.wait([made], fetch_local=False)
            samples.append(seconds(lambda: ray.get(target.look.remote(made))))
        figure(f"between_{size}", quantile(samples, 0.5))


def flow(addresses):
    peer, other, large = on_host(addresses[0]), on_host(addresses[0]), array(FLOW)
    flows, samples = [], []
    for _ in range(FLOWS):
        before = time.perf_counter()
        flowing = other.look.remote(large)
        while not ray.wait([flowing], timeout=0)[0]:
            samples.append(seconds(lambda: ray.get(peer.nothing.remote())))
        flows.append(time.perf_counter() - before)
        ray.get(flowing)
    figure("flow", quantile(flows, 0.5))
    figure("flow_call", quantile(samples, 0.5))
    figure("flow_call_p99", quantile(samples, 0.99))


def code(addresses):
    options = {"num_cpus": 0, **place(addresses[0])}

    def new(number):
        @ray.remote(**options)
        def greet(name):
            return f"hello {number}, {name}"

        return greet

    # Two functions in a row, so that the second finds a process that waits.
    for number in range(2):
        ray.get(new(-1 - number).remote("world"))
    functions = [new(number) for number in range(NEW_FUNCTIONS)]
    samples = [seconds(lambda: ray.get(it.remote("world"))) for it in functions]
    figure("code", quantile(samples, 0.5))


MEASUREMENTS = {it.__name__: it for it in (calls, echo, between, flow, code)}


def main():
    *addresses, measurement = sys.argv[1:]
    before = time.perf_counter()
    ray.init("auto", log_to_driver=False, logging_level="ERROR")
    if measurement == "start":
        for address in addresses:
            on_host(address)
        figure("start", time.perf_counter() - before)
    else:
        MEASUREMENTS[measurement](addresses)
    ray.shutdown()


if __name__ == "__main__":
    main()
