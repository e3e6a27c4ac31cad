//! The functions and lines that take most of the time.

use super::{
    Profile,
    stacks::{Owner, ShownFrame},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::Duration,
};

/// How many functions are listed.
const FUNCTIONS: usize = 12;
/// How many lines of cells are listed.
const LINES: usize = 8;

/// A function or a line, and the parts of the time that are spent in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    /// In the function itself and in what it calls of the standard library and the system, in percent.
    pub(super) own: f64,
    /// In the function and in what it calls, in percent.
    pub(super) total: f64,
}

/// What a table shows.
#[derive(Debug)]
pub(super) struct Table {
    heading: String,
    pub(super) functions: Vec<Row>,
    /// Lines of cells; `total` includes what is called there.
    pub(super) lines: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    pub(super) fn new(profile: &Profile) -> Table {
        let samples: usize = profile.processes.iter().map(|it| it.samples.samples.len()).sum();
        let cpu: Duration = profile.processes.iter().map(|it| it.samples.cpu).sum();
        let took = profile
            .processes
            .iter()
            .map(|it| it.samples.took)
            .max()
            .unwrap_or_default();
        let lost: u64 = profile.processes.iter().map(|it| it.samples.lost).sum();
        let heading = format!(
            "{}: {samples} samples of {:.3} s of CPU time, in {:.3} s",
            profile.title,
            cpu.as_secs_f64(),
            took.as_secs_f64()
        );
        let mut notes = profile.problems.clone();
        if samples == 0 {
            notes.push("no sample was taken: the code used almost no CPU time".to_owned());
        }
        if lost > 0 {
            notes.push(format!("{lost} samples were lost"));
        }
        Table {
            heading,
            functions: rows(profile, function, FUNCTIONS),
            lines: rows(profile, |frame| frame.line.as_deref(), LINES),
            notes,
        }
    }
}

/// Returns the function in which the time of a frame counts: closures count for the function around them.
fn function(frame: &ShownFrame) -> Option<&str> {
    match frame.owner {
        Owner::System => None,
        _ => Some(&frame.function),
    }
}

/// Returns the rows with the largest parts of the time, grouped by what `key` picks of a frame.
fn rows(profile: &Profile, key: impl Fn(&ShownFrame) -> Option<&str>, most: usize) -> Vec<Row> {
    let mut all = 0.0;
    let mut times: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for process in &profile.processes {
        let time = process.time_of_sample().as_secs_f64();
        for sample in &process.samples.samples {
            all += time;
            let Some(frames) = process.stacks.get(sample.stack as usize) else {
                continue;
            };
            if let Some(own) = frames.iter().rev().find_map(&key) {
                times.entry(own).or_default().0 += time;
            }
            // A function that calls itself counts once.
            for key in frames.iter().filter_map(&key).collect::<BTreeSet<_>>() {
                times.entry(key).or_default().1 += time;
            }
        }
    }
    let mut rows: Vec<Row> = times
        .into_iter()
        .map(|(name, (own, total))| Row {
            name: name.to_owned(),
            own: own / all * 100.0,
            total: total / all * 100.0,
        })
        .collect();
    rows.sort_by(|a, b| b.own.total_cmp(&a.own).then(b.total.total_cmp(&a.total)));
    rows.truncate(most);
    rows
}

/// Returns the table as text.
pub(super) fn text(profile: &Profile) -> String {
    let table = Table::new(profile);
    let mut text = format!("{}\n", table.heading);
    for (title, rows) in [("function", &table.functions), ("line", &table.lines)] {
        if !rows.is_empty() {
            // Writing to a text does not fail.
            let _ = writeln!(text, "\n   self   total  {title}");
        }
        for row in rows {
            let _ = writeln!(text, "{:5.1} %  {:5.1} %  {}", row.own, row.total, row.name);
        }
    }
    for note in &table.notes {
        let _ = write!(text, "\n{note}\n");
    }
    text
}

/// Returns the table as HTML.
pub(super) fn html(profile: &Profile) -> String {
    let table = Table::new(profile);
    let mut html = format!("<p>{}</p>", escaped(&table.heading));
    for (title, rows) in [("function", &table.functions), ("line", &table.lines)] {
        if rows.is_empty() {
            continue;
        }
        let left = "style=\"text-align: left\"";
        // Writing to a text does not fail.
        let _ = write!(
            html,
            "<table><tr><th>self</th><th>total</th><th {left}>{title}</th></tr>"
        );
        for row in rows {
            let _ = write!(
                html,
                "<tr><td>{:.1} %</td><td>{:.1} %</td><td {left}><code>{}</code></td></tr>",
                row.own,
                row.total,
                escaped(&row.name)
            );
        }
        html.push_str("</table>");
    }
    for note in &table.notes {
        let _ = write!(html, "<p>{}</p>", escaped(note));
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
