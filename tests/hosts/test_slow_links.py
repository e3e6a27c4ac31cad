"""Links that are slow: what is small does not wait behind what is large."""

import pytest

from hosts.notebook import FIELD, field_on

LENGTH = 8 << 20

# Calls one after the other while something large is on its way. Gives what that is and the number of calls.
MEANWHILE = """{{
    let large = async {{ {large} }};
    tokio::pin!(large);
    let mut calls = 0;
    let large = loop {{
        let call = async {{ small.sum_with(&[1]).result().await }};
        tokio::select! {{
            biased;
            large = &mut large => break large?,
            done = call => {{ assert_eq!(done?, 56); calls += 1; }}
        }}
    }};
    (large, calls)
}}"""


@pytest.mark.parametrize(
    ("large", "result"),
    [
        ("values.result().await.map(|values| values.len())", LENGTH),
        ("field.sum_with(vec![1u64; 8 << 20]).result().await", LENGTH * (LENGTH + 1) // 2 + LENGTH),
    ],
    ids=["result", "argument"],
)
def test_calls_do_not_wait_behind_an_array(cluster, start, large, result):
    kernel = start(MOSAIC_ON="ssh:h1,h2")
    kernel.ok(FIELD)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    kernel.ok("let field = " + field_on('"worker:1:0"', LENGTH, 1) + ".await?; let values = field.values().await?;")
    kernel.ok("let small = " + field_on('"worker:1:0"', 10, 1) + ".await?;")
    # At this rate, 64 MiB take at least 2.5 s, whatever the machine does. A call that waits behind them takes as long.
    cluster[2].limit("200mbit")
    came, calls = kernel.ok(MEANWHILE.format(large=large)).result.strip("()").split(", ")
    assert int(came) == result and int(calls) >= 3, (came, calls)
