//! Reads the cells of a notebook, by [nbformat 4](https://nbformat.readthedocs.io/en/latest/format_description.html).

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{fs, path::Path};

/// A notebook, as far as a program needs it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notebook {
    /// The name of the file, without its extension.
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// Markdown.
    Text(String),
    Code(CodeCell),
}

/// A cell with code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CodeCell {
    /// The cell's number when all cells run in order.
    pub(super) number: usize,
    pub(super) source: String,
    /// The cell is meant to fail, or has failed when the notebook was saved.
    pub(super) fails: bool,
}

/// The tag with which nbconvert lets a cell fail.
const MAY_FAIL: &str = "raises-exception";

impl Notebook {
    /// Reads a notebook from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no Rust notebook of format 4.
    pub(super) fn read(path: &Path) -> Result<Notebook> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let json: Value = serde_json::from_str(&text).with_context(|| format!("{shown} is no notebook"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Notebook::of_json(&json, name).with_context(|| format!("cannot export {shown}"))
    }

    fn of_json(json: &Value, name: String) -> Result<Notebook> {
        if json["nbformat"] != 4 {
            bail!("the notebook is not of format 4: open it in JupyterLab and save it");
        }
        let metadata = &json["metadata"];
        let language = [&metadata["kernelspec"]["language"], &metadata["language_info"]["name"]];
        let language = language.into_iter().find_map(Value::as_str).unwrap_or("rust");
        if !language.eq_ignore_ascii_case("rust") {
            bail!("the notebook's language is {language}, not Rust");
        }
        let mut number = 0;
        let all = json["cells"].as_array().context("the notebook has no cells")?;
        let cells = all.iter().filter_map(|cell| match cell["cell_type"].as_str() {
            Some("code") => {
                number += 1;
                Some(Cell::Code(CodeCell {
                    number,
                    source: source(cell),
                    fails: fails(cell),
                }))
            }
            Some("markdown") => Some(Cell::Text(source(cell))),
            // Raw cells are for nbconvert.
            _ => None,
        });
        Ok(Notebook {
            name,
            cells: cells.collect(),
        })
    }
}

/// Returns the text of a cell, which is a text or a list of lines.
fn source(cell: &Value) -> String {
    match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().unwrap_or_default().to_owned(),
    }
}

fn fails(cell: &Value) -> bool {
    let mut tags = cell["metadata"]["tags"].as_array().into_iter().flatten();
    let mut outputs = cell["outputs"].as_array().into_iter().flatten();
    tags.any(|tag| tag == MAY_FAIL) || outputs.any(|output| output["output_type"] == "error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_read_in_their_order() {
        let json = json!({
            "nbformat": 4,
            "metadata": { "kernelspec": { "language": "rust" } },
            "cells": [
                { "cell_type": "markdown", "source": ["# A\n", "b"] },
                { "cell_type": "code", "source": "let x = 1;", "outputs": [] },
                { "cell_type": "raw", "source": "raw" },
                { "cell_type": "code", "source": [], "metadata": { "tags": ["raises-exception"] } },
                { "cell_type": "code", "source": "y", "outputs": [{ "output_type": "error" }] },
            ],
        });
        let code = |number, source: &str, fails| {
            Cell::Code(CodeCell {
                number,
                source: source.to_owned(),
                fails,
            })
        };
        let expected = [
            Cell::Text("# A\nb".to_owned()),
            code(1, "let x = 1;", false),
            code(2, "", true),
            code(3, "y", true),
        ];
        assert_eq!(Notebook::of_json(&json, String::new()).unwrap().cells, expected);
    }

    #[test]
    fn other_files_are_refused() {
        for (json, part) in [
            (json!({}), "format 4"),
            (json!({ "nbformat": 3, "worksheets": [] }), "format 4"),
            (json!({ "nbformat": 4 }), "no cells"),
            (
                json!({ "nbformat": 4, "cells": [], "metadata": { "language_info": { "name": "python" } } }),
                "python",
            ),
        ] {
            let error = Notebook::of_json(&json, String::new()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
