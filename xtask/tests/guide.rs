//! The guide and the README as texts: links, completeness and length.

#[path = "../src/docs/links.rs"]
mod links;

use std::{fs, path::Path};

/// How many words the README may have, as `wc -w` counts them.
const README_WORDS: usize = 900;
/// How many bytes its picture may have.
const PICTURE_BYTES: u64 = 120 << 10;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn no_link_is_dead() {
    let problems = links::problems(root());
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let words = fs::read_to_string(root().join("README.md"))
        .unwrap()
        .split_whitespace()
        .count();
    assert!(
        words <= README_WORDS,
        "README.md has {words} words: the guide in docs/src has room"
    );
    let picture = fs::metadata(root().join("docs/src/images/notebook.png")).unwrap();
    assert!(
        picture.len() <= PICTURE_BYTES,
        "the picture has {} bytes",
        picture.len()
    );
}

/// A repository of these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

const SUMMARY: (&str, &str) = ("docs/src/SUMMARY.md", "- [One](one.md)\n");

#[test]
fn live_links_are_no_problem() {
    let root = repository(&[
        SUMMARY,
        (
            "docs/src/one.md",
            "# One\n\n## How `T` is made\n\n[a](#how-t-is-made), [b](https://example.org/#c), ![d](images/d.png)\n\n\
             ## Twice\n\n## Twice\n\n[e](one.md#twice-1), `docs/src/one.md`, `cargo run docs/x`\n\n\
             ```rust\n{{#include ../../examples/e.rs}}\n```\n",
        ),
        ("docs/src/images/d.png", ""),
        ("examples/e.rs", ""),
        (
            "README.md",
            "[the guide](docs/src/one.md#how-t-is-made) and `examples/`",
        ),
    ]);
    assert_eq!(links::problems(root.path()), Vec::<String>::new());
}

#[test]
fn dead_links_are_told_with_their_place() {
    for (page, text, expected) in [
        (
            "docs/src/one.md",
            "a\n\n[b](two.md)",
            "docs/src/one.md:3: two.md: there is no such file",
        ),
        (
            "docs/src/one.md",
            "[b](#none)",
            "docs/src/one.md:1: #none: there is no such section",
        ),
        (
            "docs/src/one.md",
            "![b](c.png)",
            "docs/src/one.md:1: c.png: there is no such file",
        ),
        (
            "docs/src/one.md",
            "[b](../../src/main.rs)",
            "docs/src/one.md:1: ../../src/main.rs: the built guide does not have it: name the file as code instead",
        ),
        (
            "docs/src/one.md",
            "`src/lib.rs`",
            "docs/src/one.md:1: src/lib.rs: there is no such file",
        ),
        (
            "docs/src/one.md",
            "```rust\n{{#include ../none.rs}}\n```",
            "docs/src/one.md:2: docs/src/../none.rs: there is no such file",
        ),
        (
            "README.md",
            "[b](docs/src/one.md#x)",
            "README.md:1: docs/src/one.md#x: there is no such section",
        ),
        (
            "docs/src/two.md",
            "",
            "docs/src/two.md: it is not in docs/src/SUMMARY.md",
        ),
        ("docs/src/images/e.png", "", "docs/src/images/e.png: no page shows it"),
    ] {
        let root = repository(&[SUMMARY, ("docs/src/one.md", "# One"), ("src/main.rs", ""), (page, text)]);
        assert_eq!(links::problems(root.path()), [expected], "{page}: {text}");
    }
}
