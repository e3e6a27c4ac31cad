//! Calls over many workers compared with calls over two: the cost of more workers than CPUs.

use crate::{PIPELINED, Peer, figure, median_of, on};
use mosaic::prelude::*;
use std::time::Instant;

/// The number of calls that are made one after another in each round.
const IN_TURN: usize = 6_400;
const FEW: usize = 2;

/// The times of one round, in seconds: the median of the calls in turn, and the sum of the pipelined calls.
struct Round {
    in_turn: f64,
    pipelined: f64,
}

/// Measures both in turn, many times, so that other programs on the machine affect both alike.
pub(crate) async fn spread(many: usize, rounds: usize) {
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_few.push(round(FEW).await);
        of_many.push(round(many).await);
    }
    let in_turn = |rounds: &[Round]| median_of(rounds.iter().map(|round| round.in_turn).collect());
    let rate = |rounds: &[Round]| PIPELINED as f64 / median_of(rounds.iter().map(|round| round.pipelined).collect());
    for (workers, rounds) in [(FEW, &of_few), (many, &of_many)] {
        figure(&format!("in_turn_{workers}"), in_turn(rounds));
        figure(&format!("pipelined_{workers}"), rate(rounds));
    }
    figure("in_turn_ratio", in_turn(&of_many) / in_turn(&of_few));
    figure("pipelined_ratio", rate(&of_many) / rate(&of_few));
}

async fn round(workers: usize) -> Round {
    on(workers).await;
    let peers: Vec<_> = (0..workers).map(|_| Peer::remote()).collect();
    for peer in &peers {
        peer.nothing().result().await.expect("it answers");
    }
    let mut times = Vec::with_capacity(IN_TURN);
    for peer in peers.iter().cycle().take(IN_TURN) {
        let before = Instant::now();
        peer.nothing().result().await.expect("it answers");
        times.push(before.elapsed().as_secs_f64());
    }
    let before = Instant::now();
    let tasks: Vec<_> = peers
        .iter()
        .cycle()
        .take(PIPELINED)
        .map(|peer| peer.nothing())
        .collect();
    for task in &tasks {
        task.await.expect("it is done");
    }
    let pipelined = before.elapsed().as_secs_f64();
    drop((tasks, peers));
    mosaic::interactive(Off).await.expect("the workers end");
    Round {
        in_turn: median_of(times),
        pipelined,
    }
}
