//! The timeline as a self-contained page: a row for each method that a worker runs at the same time.

use super::Timeline;
use crate::inspect::html::escaped;
use mosaic_abi::{Span, State, Subject};
use std::{collections::BTreeMap, fmt::Write};

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 110.0;
const ROW: f64 = 18.0;
/// The largest number of bars. More could not be told apart, and slow a browser down.
const MOST: usize = 5000;

pub(super) fn page(timeline: &Timeline) -> String {
    let (start, end) = timeline.limits();
    let scale = WIDTH / (end - start).max(1) as f64;
    let place = |at: u64| MARGIN + at.saturating_sub(start) as f64 * scale;
    let executed = (timeline.spans().iter()).filter(|span| span.subject != Subject::Worker && span.started.is_some());
    let left_out = executed.clone().count().saturating_sub(MOST);
    let rows = rows(executed.skip(left_out), end);
    let height = (rows.values().map(Vec::len).sum::<usize>() + 1) as f64 * ROW;
    let mut page = format!(
        "<figure style=\"margin:0;font:12px sans-serif\"><figcaption>{}{}</figcaption>\
         <svg viewBox=\"0 0 {} {height}\" width=\"100%\" style=\"background:#fff\" font-size=\"11\">\n",
        escaped(&timeline.to_string()),
        match left_out {
            0 => String::new(),
            count => format!(" (without the first {count})"),
        },
        WIDTH + MARGIN
    );
    let mut top = 0.0;
    for (worker, lanes) in &rows {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "<text x=\"2\" y=\"{}\" fill=\"#333\">{}</text>",
            top + 13.0,
            escaped(worker)
        );
        for lane in lanes {
            for span in lane {
                bar(&mut page, span, top, place, end);
            }
            top += ROW;
        }
        let line = format!(
            "<line x1=\"0\" x2=\"{0}\" y1=\"{top}\" y2=\"{top}\" stroke=\"#ddd\"/>",
            WIDTH + MARGIN
        );
        page.push_str(&line);
    }
    axis(&mut page, (end - start) as f64 * 1e-9, top);
    page.push_str("</svg></figure>\n");
    page
}

/// Returns what each worker executed, in as few rows as hold what it executed at the same time.
fn rows<'a>(spans: impl Iterator<Item = &'a Span>, end: u64) -> BTreeMap<String, Vec<Vec<&'a Span>>> {
    let mut spans: Vec<&Span> = spans.collect();
    spans.sort_by_key(|span| span.started);
    let mut rows: BTreeMap<String, Vec<Vec<&Span>>> = BTreeMap::new();
    for span in spans {
        let lanes = rows.entry(span.worker.clone().unwrap_or_default()).or_default();
        let ends = |lane: &Vec<&Span>| lane.last().map_or(0, |last| last.ended.unwrap_or(end));
        match lanes.iter_mut().find(|lane| ends(lane) <= span.started.unwrap_or(end)) {
            Some(lane) => lane.push(span),
            None => lanes.push(vec![span]),
        }
    }
    rows
}

fn bar(page: &mut String, span: &Span, top: f64, place: impl Fn(u64) -> f64, end: u64) {
    let started = span.started.unwrap_or(end);
    let ended = span.ended.unwrap_or(end);
    let (left, right) = (place(started), place(ended));
    let milliseconds = |from: u64, to: u64| to.saturating_sub(from) as f64 * 1e-6;
    let failure = span
        .failure
        .as_ref()
        .map(|failure| format!("\n{failure}"))
        .unwrap_or_default();
    let title = format!(
        "{}\n{}\n{} after {:.3} ms, waited {:.3} ms{failure}",
        span.name,
        span.uid,
        span.state,
        milliseconds(started, ended),
        milliseconds(span.submitted, started),
    );
    let fill = match span.state {
        State::Failed => "#d33".to_owned(),
        _ => format!("hsl({},60%,65%)", hue(&span.name)),
    };
    let _ = writeln!(
        page,
        "<rect x=\"{left:.2}\" y=\"{}\" width=\"{:.2}\" height=\"{}\" fill=\"{fill}\" rx=\"2\"><title>{}</title></rect>",
        top + 1.0,
        (right - left).max(0.5),
        ROW - 2.0,
        escaped(&title)
    );
    // About seven units for each letter.
    if (right - left) > 7.0 * span.name.chars().count() as f64 {
        let _ = writeln!(
            page,
            "<text x=\"{:.2}\" y=\"{}\" pointer-events=\"none\">{}</text>",
            left + 3.0,
            top + 13.0,
            escaped(&span.name)
        );
    }
}

/// Returns the hue of a method's bars, which is the same in every run.
fn hue(name: &str) -> u32 {
    name.bytes()
        .fold(7, |hash: u32, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        % 360
}

fn axis(page: &mut String, seconds: f64, top: f64) {
    for tenth in 0..10 {
        let x = MARGIN + WIDTH * f64::from(tenth) / 10.0;
        let at = seconds * f64::from(tenth) / 10.0;
        let _ = writeln!(
            page,
            "<text x=\"{x}\" y=\"{}\" fill=\"#777\">{at:.3} s</text>",
            top + 13.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_each_method_and_says_why_it_failed() {
        let page = page(&super::super::example());
        assert_eq!(page.matches("<rect").count(), 2);
        assert!(
            page.contains(
                "S::solve\ntask-s-solve-2\nfailed after 2.000 ms, waited 1.000 ms\n&quot;no&quot; &lt;stones&gt;"
            ),
            "{page}"
        );
        assert!(page.contains("fill=\"#d33\""), "{page}");
    }

    #[test]
    fn concurrent_methods_are_in_rows_of_their_own() {
        let mut timeline = super::super::example();
        let mut at_once = timeline.0.spans[1].clone();
        at_once.started = Some(2_500_000);
        timeline.0.spans.push(at_once);
        let rows = rows(timeline.spans().iter().skip(1), 9_000_000);
        let lengths: Vec<usize> = rows["worker:0:0"].iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }
}
