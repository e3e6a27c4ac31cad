"""Each process of a kernel is killed and stopped once, at a random moment. `cargo xtask faults` does it more often."""

import random

import faults


def test_each_process_is_killed_and_stopped():
    hits = faults.run(len(faults.TABLE), random.SystemRandom().randrange(1 << 32))
    assert sum(hits.values()) >= len(faults.TABLE) // 2
