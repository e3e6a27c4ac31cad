//! A profile as a flame graph.

use super::{
    Profile,
    stacks::{Owner, Process},
};
use inferno::flamegraph::{self, Options, TextTruncateDirection};
use std::collections::BTreeMap;

/// The width of the picture in pixels, which fits into a notebook beside a file browser.
const WIDTH: usize = 700;
/// How wide a frame has to be at least, as a part of the picture in percent.
const NARROWEST: f64 = 0.1;

/// Draws the flame graph as SVG. A picture that is `interactive` has a script that magnifies frames, for browsers.
/// Returns nothing if there are no samples.
pub(super) fn picture(profile: &Profile, interactive: bool) -> Option<String> {
    let lines = folded(profile);
    if lines.is_empty() {
        return None;
    }
    let mut options = Options::default();
    options.title.clone_from(&profile.title);
    options.image_width = (!interactive).then_some(WIDTH);
    options.no_javascript = !interactive;
    options.min_width = NARROWEST;
    options.count_name = "µs".to_owned();
    options.deterministic = true;
    options.text_truncate_direction = TextTruncateDirection::Right;
    let mut picture = Vec::new();
    let drawn = flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut picture);
    if let Err(error) = drawn {
        tracing::warn!("the flame graph cannot be drawn: {error}");
        return None;
    }
    String::from_utf8(picture).ok()
}

/// Returns the stacks as inferno reads them: names with `;` between them, and the microseconds. The lines are sorted.
pub(super) fn folded(profile: &Profile) -> Vec<String> {
    let mut times: BTreeMap<String, u128> = BTreeMap::new();
    for process in &profile.processes {
        let time = process.time_of_sample().as_nanos();
        for sample in &process.samples.samples {
            *times.entry(names(process, sample.stack)).or_default() += time;
        }
    }
    let lines = times
        .into_iter()
        .map(|(names, time)| format!("{names} {}", (time / 1000).max(1)));
    lines.collect()
}

fn names(process: &Process, stack: u32) -> String {
    let frames = process.stacks.get(stack as usize).into_iter().flatten();
    let names = frames.map(|frame| match frame.owner {
        // inferno colours frames of kernels in another way.
        Owner::Kernel => format!("{}_[k]", frame.name),
        _ => frame.name.replace(';', ","),
    });
    std::iter::once(process.name.clone())
        .chain(names)
        .collect::<Vec<_>>()
        .join(";")
}
