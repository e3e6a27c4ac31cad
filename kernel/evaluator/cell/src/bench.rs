//! Measures how long an expression takes, for `:bench`.
//!
//! The kernel turns `:bench EXPRESSION` into `Bench!(EXPRESSION)`, which has the expression in the same column.

use crate::send_text_plain;
use mosaic::__private::checkpoint;
use std::time::{Duration, Instant};

/// How long a round takes at least, so that the clock's resolution and a single interruption do not matter.
const ROUND: Duration = Duration::from_millis(100);
/// How many rounds are measured, if they do not take long.
const ROUNDS: u32 = 7;
/// How many rounds are measured at least.
const MINIMUM_ROUNDS: u32 = 3;
/// How long all rounds may take, unless the minimum takes longer.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs an expression many times, and shows how long it takes. The expression borrows the variables that it names.
#[doc(hidden)]
#[macro_export]
macro_rules! Bench {
    ($expression:expr; await) => {
        $crate::bench::run_async(async || {
            let _ = ::std::hint::black_box($expression);
        })
        .await
    };
    ($expression:expr) => {
        $crate::bench::run(|| {
            let _ = ::std::hint::black_box($expression);
        })
    };
}

/// Measures a function and shows how long one call takes.
pub fn run(mut function: impl FnMut()) {
    let mut rounds = Rounds::default();
    while let Some(loops) = rounds.next() {
        let begun = Instant::now();
        for _ in 0..loops {
            function();
        }
        rounds.took(begun.elapsed());
    }
    rounds.show();
}

/// Measures an async function and shows how long one call takes.
pub async fn run_async(mut function: impl AsyncFnMut()) {
    let mut rounds = Rounds::default();
    while let Some(loops) = rounds.next() {
        let begun = Instant::now();
        for _ in 0..loops {
            function().await;
        }
        rounds.took(begun.elapsed());
    }
    rounds.show();
}

/// The rounds of a measurement: first with more and more loops, until a round takes long enough, and then those that
/// count.
#[derive(Debug, Default)]
struct Rounds {
    /// The number of loops of the round that was begun last.
    loops: u64,
    /// How long the last round took.
    last: Duration,
    /// The seconds that a loop took, in each of the rounds that count.
    measured: Vec<f64>,
    /// How many rounds count, once that is decided.
    wanted: Option<u32>,
}

impl Rounds {
    /// Returns the number of loops of the next round, or nothing if all rounds were measured. An interrupted cell stops
    /// here.
    fn next(&mut self) -> Option<u64> {
        checkpoint();
        if self.wanted.is_none() && self.loops > 0 && self.last >= ROUND {
            let affordable = LONGEST.as_nanos() / self.last.as_nanos().max(1);
            let affordable = u32::try_from(affordable).unwrap_or(ROUNDS);
            self.wanted = Some(affordable.clamp(MINIMUM_ROUNDS, ROUNDS));
        }
        match self.wanted {
            Some(wanted) => (self.measured.len() < wanted as usize).then_some(self.loops),
            None => {
                self.loops = more(self.loops);
                Some(self.loops)
            }
        }
    }

    /// Notes how long a round took.
    fn took(&mut self, time: Duration) {
        self.last = time;
        if self.wanted.is_some() {
            self.measured.push(time.as_secs_f64() / self.loops as f64);
        }
    }

    /// Shows the result of the measurement as the cell's result.
    fn show(&self) {
        send_text_plain(&report(&self.measured, self.loops));
    }
}

/// Returns the next larger number of loops: 1, 2, 5, 10, 20, 50 and so on.
fn more(loops: u64) -> u64 {
    let leading = loops.to_string().starts_with('2');
    match (loops, leading) {
        (0, _) => 1,
        (loops, true) => loops.saturating_mul(5) / 2,
        (loops, false) => loops.saturating_mul(2),
    }
}

/// Describes the seconds that a loop took in each round.
fn report(seconds: &[f64], loops: u64) -> String {
    let count = seconds.len() as f64;
    let mean = seconds.iter().sum::<f64>() / count;
    let squares: f64 = seconds.iter().map(|it| (it - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    };
    let unit = Unit::of(mean);
    let [mean, deviation, median, fastest] = [mean, deviation, median, sorted[0]].map(|it| unit.format(it));
    let rounds = sorted.len();
    let plural = if loops == 1 { "" } else { "s" };
    format!(
        "{mean} ± {deviation} per loop (mean ± standard deviation of {rounds} rounds of {} loop{plural})\n\
         median {median}, fastest {fastest}",
        grouped(loops)
    )
}

/// A unit of time.
struct Unit {
    name: &'static str,
    seconds: f64,
}

impl Unit {
    /// Returns the largest unit of which a time has at least one.
    fn of(seconds: f64) -> Unit {
        let (name, unit) = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)]
            .into_iter()
            .find(|(_, unit)| seconds >= *unit)
            .unwrap_or(("ns", 1e-9));
        Unit { name, seconds: unit }
    }

    /// Formats a time with three digits, or with all digits before the point.
    fn format(&self, seconds: f64) -> String {
        let value = seconds / self.seconds;
        let decimals = match value {
            value if value >= 99.95 => 0,
            value if value >= 9.995 => 1,
            _ => 2,
        };
        format!("{value:.decimals$} {}", self.name)
    }
}

/// Writes a number with a comma between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the loops of all rounds of an expression that takes this long.
    fn rounds_of(expression: Duration) -> (Vec<u64>, usize) {
        let (mut rounds, mut loops) = (Rounds::default(), Vec::new());
        while let Some(next) = rounds.next() {
            loops.push(next);
            rounds.took(expression * u32::try_from(next).unwrap());
        }
        (loops, rounds.measured.len())
    }

    #[test]
    fn rounds_grow_until_they_take_long_enough() {
        let (loops, measured) = rounds_of(Duration::from_millis(8));
        assert_eq!(loops, [1, 2, 5, 10, 20, 20, 20, 20, 20, 20, 20, 20]);
        assert_eq!(measured, 7);
    }

    #[test]
    fn long_expressions_have_fewer_rounds() {
        assert_eq!(rounds_of(Duration::from_secs(2)), (vec![1; 6], 5));
        assert_eq!(rounds_of(Duration::from_secs(100)), (vec![1; 4], 3));
    }

    #[test]
    fn loops_are_round_numbers() {
        let numbers: Vec<u64> = std::iter::successors(Some(0), |loops| Some(more(*loops)))
            .take(8)
            .collect();
        assert_eq!(numbers, [0, 1, 2, 5, 10, 20, 50, 100]);
    }

    #[test]
    fn a_report_has_the_mean_and_its_spread_in_one_unit() {
        for (seconds, loops, expected) in [
            (
                &[1.0e-6, 3.0e-6, 2.0e-6][..],
                50_000,
                "2.00 µs ± 1.00 µs per loop (mean ± standard deviation of 3 rounds of 50,000 loops)\n\
                 median 2.00 µs, fastest 1.00 µs",
            ),
            (
                &[0.9e-3, 1.3e-3, 1.0e-3, 1.2e-3],
                1,
                "1.10 ms ± 0.18 ms per loop (mean ± standard deviation of 4 rounds of 1 loop)\n\
                 median 1.10 ms, fastest 0.90 ms",
            ),
        ] {
            assert_eq!(report(seconds, loops), expected);
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (seconds, expected) in [
            (2.5, "2.50 s"),
            (0.25, "250 ms"),
            (0.0125, "12.5 ms"),
            (3.141e-6, "3.14 µs"),
            (3e-10, "0.30 ns"),
        ] {
            assert_eq!(Unit::of(seconds).format(seconds), expected);
        }
    }
}
