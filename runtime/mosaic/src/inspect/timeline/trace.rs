//! The timeline in Chrome's trace-event format, which Perfetto also reads.

use mosaic_abi::{Span, Subject, Timeline};
use std::{collections::HashMap, fmt::Write};

/// Returns the trace. Each worker is a process, and each tessera a thread in it. The warehouse is one more process,
/// with a thread for each type.
pub(super) fn json(timeline: &Timeline) -> String {
    let mut workers: HashMap<&str, usize> = HashMap::new();
    let mut lanes: HashMap<(usize, &str), usize> = HashMap::new();
    let mut events = Vec::new();
    for span in &timeline.spans {
        let worker = match span.subject {
            Subject::Stored => "warehouse",
            _ => span.worker.as_deref().unwrap_or("not placed"),
        };
        let count = workers.len();
        let process = *workers.entry(worker).or_insert_with(|| {
            events.push(named("process_name", count, 0, worker));
            count
        });
        let started = match span.subject {
            Subject::Worker => None,
            Subject::Stored => Some(span.submitted),
            Subject::Tessera | Subject::Task => span.started,
        };
        let Some(started) = started else {
            continue;
        };
        let type_name = span.name.split("::").next().unwrap_or_default();
        let count = lanes.len();
        let lane = *lanes.entry((process, type_name)).or_insert_with(|| {
            events.push(named("thread_name", process, count, type_name));
            count
        });
        events.push(complete(span, started, timeline.now, process, lane));
        events.extend(span.freed.map(|at| freed(span, at, process, lane)));
    }
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n",
        events.join(",\n")
    )
}

fn named(what: &str, process: usize, thread: usize, name: &str) -> String {
    let name = quoted(name);
    format!(r#"{{"ph":"M","name":"{what}","pid":{process},"tid":{thread},"args":{{"name":{name}}}}}"#)
}

fn complete(span: &Span, started: u64, now: u64, process: usize, lane: usize) -> String {
    let ended = span.ended.unwrap_or(now);
    let (at, took) = (micros(started), micros(ended.saturating_sub(started)));
    let waited = micros(started.saturating_sub(span.submitted));
    let (name, subject, uid) = (quoted(&span.name), span.subject, quoted(&span.uid));
    let failure = span
        .failure
        .as_deref()
        .map(|failure| format!(r#","failure":{}"#, quoted(failure)));
    format!(
        r#"{{"ph":"X","name":{name},"cat":"{subject}","ts":{at},"dur":{took},"pid":{process},"tid":{lane},"args":{{"uid":{uid},"state":"{}","waited_us":{waited}{}}}}}"#,
        span.state,
        failure.unwrap_or_default()
    )
}

fn freed(span: &Span, at: u64, process: usize, lane: usize) -> String {
    let (name, subject, uid, at) = (quoted(&span.name), span.subject, quoted(&span.uid), micros(at));
    format!(
        r#"{{"ph":"i","s":"t","name":{name},"cat":"{subject}","ts":{at},"pid":{process},"tid":{lane},"args":{{"uid":{uid},"state":"freed"}}}}"#
    )
}

fn micros(nanos: u64) -> String {
    format!("{}.{:03}", nanos / 1000, nanos % 1000)
}

/// Quotes a text for JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            character if character < ' ' => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_a_process_for_each_worker() {
        let trace = json(&super::super::example().0);
        let expected = r#"{"displayTimeUnit":"ms","traceEvents":[
{"ph":"M","name":"process_name","pid":0,"tid":0,"args":{"name":"worker:0:0"}},
{"ph":"M","name":"thread_name","pid":0,"tid":0,"args":{"name":"S"}},
{"ph":"X","name":"S::new","cat":"tessera","ts":2000.000,"dur":1000.000,"pid":0,"tid":0,"args":{"uid":"tess-s-1","state":"done","waited_us":1000.000}},
{"ph":"i","s":"t","name":"S::new","cat":"tessera","ts":7000.000,"pid":0,"tid":0,"args":{"uid":"tess-s-1","state":"freed"}},
{"ph":"M","name":"process_name","pid":1,"tid":0,"args":{"name":"warehouse"}},
{"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"u8"}},
{"ph":"X","name":"u8","cat":"stored value","ts":2000.000,"dur":1000.000,"pid":1,"tid":1,"args":{"uid":"ware-u8-3","state":"done","waited_us":0.000}},
{"ph":"i","s":"t","name":"u8","cat":"stored value","ts":7000.000,"pid":1,"tid":1,"args":{"uid":"ware-u8-3","state":"freed"}},
{"ph":"X","name":"S::solve","cat":"task","ts":3000.000,"dur":2000.000,"pid":0,"tid":0,"args":{"uid":"task-s-solve-2","state":"failed","waited_us":1000.000,"failure":"\"no\" <stones>\n"}}
]}
"#;
        assert_eq!(trace, expected);
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a\"b\\c\u{1}"), r#""a\"b\\c\u0001""#);
    }
}
