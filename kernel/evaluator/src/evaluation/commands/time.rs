//! `:time`.

use crate::{
    evaluation::{Evaluation, commands::command::Runner},
    mime_bundle::MimeBundle,
    prebuilt::requested_dependency::Versions,
    session::cpu_time::CpuTime,
};
use std::time::Duration;

/// How long the last code of a cell took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How long the cell took to compile.
    pub(crate) compiled: Duration,
    /// How long the cell ran.
    pub(crate) ran: Duration,
    /// The processor time that the cell process used meanwhile.
    pub(crate) cpu: CpuTime,
}

/// Decides on `:time`, whose code stands below it.
pub(super) fn time(arguments: Option<&str>, _: &Versions) -> Result<Runner, String> {
    match arguments {
        None => Ok(Runner::Kernel(|evaluation, _, _| {
            evaluation.measures.time = true;
            Ok(MimeBundle::new())
        })),
        Some(_) => Err(
            "`:time` measures the code below it: write the code on the next line. `:bench` takes an expression"
                .to_owned(),
        ),
    }
}

impl Evaluation<'_> {
    /// Shows how long the code of the cell took, if `:time` asks for it.
    pub(in crate::evaluation) fn show_time(&self) {
        if self.measures.time {
            let timing = self.measures.timing.as_ref();
            let text = timing.map_or_else(|| NO_CODE.to_owned(), describe);
            self.show(mosaic_message::MimeBundle::new().with_text("text/plain", text));
        }
    }
}

/// Says that there was nothing to measure.
const NO_CODE: &str = "`:time` measured nothing: no code of this cell has run";

fn describe(timing: &Timing) -> String {
    let CpuTime { user, system } = timing.cpu;
    let [ran, cpu, user, system, compiled] = [timing.ran, user + system, user, system, timing.compiled].map(written);
    format!("wall time: {ran}\nCPU time: {cpu} (user {user}, system {system})\ncompiled in {compiled}\n")
}

/// Writes a time with three digits.
fn written(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        seconds if seconds >= 1.0 => (seconds, "s"),
        seconds if seconds >= 1e-3 => (seconds * 1e3, "ms"),
        seconds => (seconds * 1e6, "µs"),
    };
    let decimals = match value {
        value if value >= 99.95 || value == 0.0 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timing_tells_the_run_from_the_compilation() {
        let timing = Timing {
            compiled: Duration::from_millis(312),
            ran: Duration::from_micros(1_234_567),
            cpu: CpuTime {
                user: Duration::from_millis(2400),
                system: Duration::from_micros(50),
            },
        };
        assert_eq!(
            describe(&timing),
            "wall time: 1.23 s\nCPU time: 2.40 s (user 2.40 s, system 50.0 µs)\ncompiled in 312 ms\n"
        );
        assert_eq!(written(Duration::ZERO), "0 µs");
    }
}
