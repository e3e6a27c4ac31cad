//! `:vars`.

use crate::{
    errors::cell_error::CellError,
    evaluation::{
        Evaluation,
        commands::{escaped, text, text_and_html},
    },
    evcxr_text::{displayed_paths::as_written, store_calls::TELL_SIZES},
    mime_bundle::MimeBundle,
    session::link::Report,
};
use std::{collections::HashMap, fmt::Write};

/// The MIME type under which the cells' store reports the sizes of variables.
const SIZES: &str = "application/x-mosaic-sizes";

/// The size of a variable, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    /// The bytes of the value itself.
    own: u64,
    /// The bytes that the value owns on the heap, if they are known.
    heap: Option<u64>,
}

/// Lists the variables with their types and sizes. Runs a cell, since the sizes are known to the cells' store.
pub(super) fn list_variables(
    evaluation: &mut Evaluation,
    _arguments: Option<&str>,
    execution: u64,
) -> Result<MimeBundle, CellError> {
    let (result, outcome) = evaluation.evaluate(TELL_SIZES, execution)?;
    let shown = outcome.reports.iter().filter_map(|report| match report {
        Report::Result { mime, content } if result.is_ok() => Some((mime.as_str(), content.as_str())),
        _ => None,
    });
    let sizes = sizes(shown);
    let missing = evaluation.missing_variables();
    let mut variables = evaluation.session()?.variables_and_types();
    variables.retain(|(name, _)| !missing.contains(name));
    Ok(table(variables, &sizes))
}

/// Finds the sizes of the variables among what a cell showed.
fn sizes<'a>(shown: impl IntoIterator<Item = (&'a str, &'a str)>) -> HashMap<String, Size> {
    let found = shown.into_iter().find(|(mime, _)| *mime == SIZES);
    let lines = found.map(|(_, content)| content).unwrap_or_default().lines();
    let size = |line: &str| {
        let mut fields = line.split('\t');
        let name = fields.next()?.to_owned();
        let own = fields.next()?.parse().ok()?;
        let heap = fields.next().and_then(|heap| heap.parse().ok());
        Some((name, Size { own, heap }))
    };
    lines.filter_map(size).collect()
}

/// Shows variables, each a name and a type, with their sizes.
fn table(mut variables: Vec<(String, String)>, sizes: &HashMap<String, Size>) -> MimeBundle {
    variables.sort();
    if variables.is_empty() {
        return text("there are no variables\n");
    }
    let rows: Vec<[String; 3]> = variables
        .into_iter()
        .map(|(name, type_name)| {
            let size = sizes.get(&name).map(show).unwrap_or_default();
            [name, as_written(&type_name), size]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, types) = (width(0).max(8), width(1).max(4));
    let mut plain = format!("{:<names$}  {:<types$}  Size\n", "Variable", "Type");
    let mut html = String::from("<table>\n<tr><th>Variable</th><th>Type</th><th>Size</th></tr>\n");
    for [name, type_name, size] in &rows {
        // Writing to a text does not fail.
        let _ = writeln!(plain, "{name:<names$}  {type_name:<types$}  {size}");
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{size}</td></tr>",
            escaped(name),
            escaped(type_name)
        );
    }
    html.push_str("</table>");
    text_and_html(plain, html)
}

fn show(size: &Size) -> String {
    match size.heap {
        None | Some(0) => bytes(size.own),
        Some(heap) => format!("{} + {} on the heap", bytes(size.own), bytes(heap)),
    }
}

fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count as f64 / 1024.0;
    if scaled < 1.0 {
        return format!("{count} B");
    }
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < units.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_for_people() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (3 << 50, "3072.0 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn variables_are_listed_by_name() {
        let sizes = sizes([("text/plain", "x"), (SIZES, "v\t24\t4096\np\t16\t\n")]);
        let shown = table(
            vec![
                ("v".into(), "Vec<f64>".into()),
                ("p".into(), "__mosaic_P::PProxy".into()),
                ("new".into(), "i32".into()),
            ],
            &sizes,
        );
        let text = shown["text/plain"].as_str().unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "Variable  Type      Size",
                "new       i32",
                "p         PProxy    16 B",
                "v         Vec<f64>  24 B + 4.0 KiB on the heap",
            ]
        );
        assert!(
            shown["text/html"]
                .as_str()
                .unwrap()
                .contains("<code>Vec&lt;f64&gt;</code>")
        );
        assert!(
            table(Vec::new(), &sizes)["text/plain"]
                .as_str()
                .unwrap()
                .contains("no variables")
        );
    }
}
