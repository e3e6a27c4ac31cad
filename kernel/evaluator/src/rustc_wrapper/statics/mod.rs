//! Statics that exist once for all cells of a notebook.
//!
//! evcxr compiles all items again with each cell, so each cell's library would have statics of its own. The wrapper
//! gives every static an exported symbol, by an attribute that it [inserts](super::edits). The library of the first cell
//! defines the symbol. For a later cell, the [`linker`](mod@crate::linker) drops the cell's own definition and links the
//! library that has the static. A worker that loads only the later cell loads that library with it.
//!
//! A static keeps its value as long as its definition stays and nothing changes that its type and its initial value
//! depend on. Otherwise it is another static, with a new symbol: what has the old type must not be read as the new.
//! So to run its cell again does not reset a static. The code of earlier cells may still be running and use it.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`find`] | the statics of a source |
//! | [`calls`] | the functions that an initial value calls |
//! | [`macros`] | `thread_local!` and `lazy_static!` |

mod calls;
mod find;
mod macros;

use crate::{
    linker::elf,
    rustc_wrapper::edits::Edits,
    session::{
        digest,
        files::{SHARED_STATICS, SharedStatic, SharedStatics},
    },
    source::{fingerprint::changed, fingerprints::Definitions},
};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs, io,
    path::{Path, PathBuf},
};

/// Begins the symbol of a static. A number follows.
const SYMBOL: &str = "__mosaic_static_";
/// The attribute of a static in a macro that gets no symbol.
const NO_SYMBOL: &str = "#[allow(unused)] ";
/// Macros whose values can change although no text of the notebook does.
const READ_FILES: [&str; 4] = ["include ! (", "include_bytes ! (", "include_str ! (", "env ! ("];
/// Whether the linker can import symbols from earlier libraries.
const IS_SUPPORTED: bool = cfg!(all(
    target_os = "linux",
    target_endian = "little",
    target_pointer_width = "64"
));

/// All items of a notebook with those of the cell, on which the statics of the cell depend.
pub(super) struct Notebook<'a> {
    pub(super) session: &'a Path,
    pub(super) source: &'a str,
    pub(super) definitions: &'a Definitions,
}

/// The statics of one cell.
#[derive(Debug, Default)]
pub(super) struct Statics {
    /// What is inserted into the source.
    pub(super) edits: Edits,
    /// The symbols that earlier libraries define.
    imports: BTreeMap<String, PathBuf>,
    /// The statics that the cell defines, by their places. Their library is not known yet.
    new: BTreeMap<String, SharedStatic>,
    /// The fingerprints of imported statics that new definitions have joined, by the place of the static.
    joined: BTreeMap<String, String>,
}

impl<'a> Notebook<'a> {
    /// Finds the statics of a source that consists of items of the notebook, and which of them exist in libraries of
    /// earlier cells. rustc has `refused` to give those at these places a symbol, as `#[forbid(unsafe_code)]` asks for.
    pub(super) fn statics_of(&self, source: &str, refused: &BTreeSet<usize>) -> Statics {
        let mut statics = Statics::default();
        if !IS_SUPPORTED || !may_have_statics(source) {
            return statics;
        }
        let shared = SHARED_STATICS.read(self.session).unwrap_or_default();
        let found = find::find(source);
        for (at, text) in found.insertions {
            statics.edits.insert(at, text);
        }
        let functions = match source == self.source {
            true => found.functions,
            false => find::find(self.source).functions,
        };
        let names: HashSet<String> = found.statics.iter().map(|it| it.name.clone()).collect();
        for (number, it) in (shared.count..).zip(found.statics) {
            let called = functions.called_by(&it.ty, &it.value);
            if refused.contains(&it.at) || reads_files(&format!("{} {called}", it.value)) {
                if it.in_macro {
                    // The macro expects an attribute.
                    statics.edits.insert(it.at, NO_SYMBOL);
                }
                continue;
            }
            let definition = digest::of(format!("{} {called}", it.definition), 16);
            let depends_on = without_names(&format!("{} {} {called}", it.ty, it.value), &names);
            let fingerprint = self.definitions.fingerprint_in(&it.module, &depends_on);
            let existing = shared.by_place.get(&it.place).filter(|existing| {
                existing.definition == definition && changed(&existing.fingerprint, &fingerprint).is_empty()
            });
            if let Some(existing) = existing {
                let SharedStatic { symbol, library, .. } = existing;
                statics.edits.insert(it.at, attribute(symbol));
                statics.imports.insert(symbol.clone(), library.clone());
                if existing.fingerprint != fingerprint {
                    statics.joined.insert(it.place, fingerprint);
                }
                continue;
            }
            let symbol = format!("{SYMBOL}{number}");
            statics.edits.insert(it.at, attribute(&symbol));
            let new = SharedStatic {
                definition,
                fingerprint,
                symbol,
                library: PathBuf::new(),
            };
            statics.new.insert(it.place, new);
        }
        statics
    }
}

impl Statics {
    /// Returns the symbols that libraries of earlier cells define, each with its library.
    pub(super) fn imports(&self) -> &BTreeMap<String, PathBuf> {
        &self.imports
    }

    /// Keeps the statics that the library of the cell defines, so that later cells import them. evcxr renames the
    /// library, so it gets a second name.
    pub(super) fn keep(&self, session: &Path, library: &Path) -> Result<()> {
        if self.new.is_empty() && self.joined.is_empty() {
            return Ok(());
        }
        let mut shared = SHARED_STATICS.read(session).unwrap_or_default();
        if !self.new.is_empty() {
            let content = fs::read(library).context("the cell's library is gone")?;
            let exported = elf::exported_symbols(&content).context("cannot read the cell's library")?;
            let library = link_lasting_name(library, shared.count)?;
            self.record(&mut shared, &exported, &library);
        }
        // A later change of what has joined is a change of the static.
        for (place, fingerprint) in &self.joined {
            if let Some(it) = shared.by_place.get_mut(place) {
                it.fingerprint.clone_from(fingerprint);
            }
        }
        SHARED_STATICS
            .write(session, &shared)
            .context("cannot remember the statics")
    }

    /// Records the new statics that a library exports. `cfg` may have removed the others.
    fn record(&self, shared: &mut SharedStatics, exported: &[String], library: &Path) {
        for (place, new) in self.new.iter().filter(|(_, new)| exported.contains(&new.symbol)) {
            let library = library.to_owned();
            let new = new.clone();
            shared.by_place.insert(place.clone(), SharedStatic { library, ..new });
        }
        shared.count += (self.new.len() + self.imports.len()) as u64;
    }
}

/// Reports whether a source may have statics. Most have none, and need not be parsed.
pub(super) fn may_have_statics(source: &str) -> bool {
    const KEYWORD: &str = "static";
    source.match_indices(KEYWORD).any(|(at, _)| {
        let (before, after) = (&source[..at], &source[at + KEYWORD.len()..]);
        let is_lifetime_or_name = before.ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == '\'');
        !is_lifetime_or_name && after.starts_with(char::is_whitespace)
    })
}

/// Returns a text with `_` in place of some names. The names of statics are no types, and so none that a macro or a glob
/// may have defined.
fn without_names(text: &str, names: &HashSet<String>) -> String {
    let words = text
        .split(' ')
        .map(|word| if names.contains(word) { "_" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Reports whether the compiler reads files or its environment for a value. Such a value is computed in each cell.
fn reads_files(value: &str) -> bool {
    READ_FILES.iter().any(|it| value.contains(it))
}

/// Returns the attribute that gives a static its symbol.
fn attribute(symbol: &str) -> String {
    format!("#[unsafe(export_name = \"{symbol}\")] ")
}

/// Gives a library a second name that no other library of the session gets.
fn link_lasting_name(library: &Path, mut number: u64) -> Result<PathBuf> {
    loop {
        let name = library.with_file_name(format!("{DLL_PREFIX}statics-{number}{DLL_SUFFIX}"));
        match fs::hard_link(library, &name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            linked => {
                linked.with_context(|| format!("cannot name {}", name.display()))?;
                return Ok(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statics(session: &Path, whole: &str, source: &str) -> Statics {
        let notebook = Notebook {
            session,
            source: whole,
            definitions: &Definitions::new(whole, BTreeMap::new()),
        };
        notebook.statics_of(source, &BTreeSet::new())
    }

    /// Acts as if a library had all statics of a source.
    fn keep(session: &Path, source: &str, library: &str) {
        let statics = statics(session, source, source);
        let mut shared = SHARED_STATICS.read(session).unwrap_or_default();
        let exported: Vec<String> = statics.new.values().map(|it| it.symbol.clone()).collect();
        statics.record(&mut shared, &exported, Path::new(library));
        SHARED_STATICS.write(session, &shared).unwrap();
    }

    #[test]
    fn a_source_without_the_keyword_is_not_parsed() {
        for (source, expected) in [
            ("static A: u8 = 1;", true),
            ("pub static mut A: u8 = 1;", true),
            ("thread_local! { static A: u8 = 1 }", true),
            ("static\nA: u8 = 1;", true),
            ("fn f(a: &'static str) {}", false),
            ("let statics = non_static ;", false),
            ("", false),
        ] {
            assert_eq!(may_have_statics(source), expected, "{source}");
        }
    }

    #[test]
    fn a_static_is_the_same_as_long_as_nothing_changes_that_it_depends_on() {
        const FIRST: &str = "struct P { a: u8 } const N: u8 = 1; fn f() -> u8 { N } fn g() {} \
             static A: Mutex<Vec<P>> = Mutex::new(Vec::new()); static B: [u8; 1] = [N]; static C: fn() -> u8 = f; \
             static D: &Mutex<Vec<P>> = &A;";
        for (old, new, changed) in [
            ("", "", &[][..]),
            (
                "fn g() {}",
                "fn g() { h() } fn h() {} struct Q; impl P { fn new() {} }",
                &[],
            ),
            (
                "fn g() {}",
                "impl Clone for P { fn clone(&self) -> P { P { a: 1 } } } thread_local! {}",
                &[],
            ),
            ("a: u8", "a: u16", &["::A", "::D"]),
            ("N: u8 = 1", "N: u8 = 2", &["::B", "::C"]),
            ("-> u8 { N }", "-> u8 { N + 1 }", &["::C"]),
            ("Vec::new()", "Vec::with_capacity(1)", &["::A"]),
            ("static A", "pub static A", &[]),
        ] {
            let session = tempfile::tempdir().unwrap();
            keep(session.path(), FIRST, "/s/first.so");
            let second = FIRST.replace(old, new);
            let found = statics(session.path(), &second, &second);
            assert_eq!(found.new.keys().collect::<Vec<_>>(), changed, "{new}");
            assert_eq!(found.imports.len(), 4 - changed.len(), "{new}");
        }
    }

    #[test]
    fn a_definition_that_joins_counts_from_then_on() {
        let session = tempfile::tempdir().unwrap();
        let session = session.path();
        const FIRST: &str = "static A: Mutex<Vec<Box<dyn Any>>> = Mutex::new(Vec::new());";
        keep(session, FIRST, "/s/first.so");
        let second = format!("{FIRST} struct P {{ a: u8 }}");
        let joined = statics(session, &second, &second);
        assert_eq!((joined.imports.len(), joined.joined.len()), (1, 1));
        joined.keep(session, Path::new("/not/read.so")).unwrap();
        assert!(statics(session, &second, &second).joined.is_empty());
        let third = second.replace("u8", "u16");
        assert_eq!(statics(session, &third, &third).new.len(), 1);
    }

    #[test]
    fn a_static_that_was_changed_back_is_new() {
        let session = tempfile::tempdir().unwrap();
        let [first, second] = ["static A: u8 = 1;", "static A: u8 = 2;"];
        for source in [first, second] {
            keep(session.path(), source, "/s/library.so");
        }
        assert_eq!(statics(session.path(), second, second).imports.len(), 1);
        let again = statics(session.path(), first, first);
        assert!(again.imports.is_empty());
        assert_eq!(again.new["::A"].symbol, "__mosaic_static_2");
    }

    #[test]
    fn items_that_are_left_out_change_nothing() {
        let session = tempfile::tempdir().unwrap();
        let whole = "struct P; impl P { fn go(&self) {} } static A: L = L::new(|| x().go()); static B: u8 = 1;";
        keep(session.path(), whole, "/s/first.so");
        let found = statics(session.path(), whole, "static A: L = L::new(|| x().go());");
        assert_eq!((found.imports.len(), found.new.len()), (1, 0));
    }

    #[test]
    fn a_static_gets_its_symbol_on_its_line() {
        let session = tempfile::tempdir().unwrap();
        let edited = |source: &str, refused: &[usize]| {
            let definitions = Definitions::default();
            let notebook = Notebook {
                session: session.path(),
                source,
                definitions: &definitions,
            };
            let refused = refused.iter().copied().collect();
            notebook.statics_of(source, &refused).edits.apply(source)
        };
        const FIRST: &str = "#[unsafe(export_name = \"__mosaic_static_0\")] ";
        for (source, expected) in [
            (
                "/// d\npub static A: u8 = 1;",
                format!("/// d\n{FIRST}pub static A: u8 = 1;"),
            ),
            (
                "thread_local! { static A: u8 = 1 }",
                format!("::mosaic_cell::shared_thread_local! {{ {FIRST}static A: u8 = 1 }}"),
            ),
            ("fn f() {}", "fn f() {}".to_owned()),
        ] {
            assert_eq!(edited(source, &[]), expected);
        }
        const LAZY: &str = "lazy_static! { static ref A: u8 = 1; }";
        for (source, refused, expected) in [
            ("static A: u8 = 1;", &[0][..], "static A: u8 = 1;"),
            (
                LAZY,
                &[15],
                "::mosaic_cell::shared_lazy_static! { #[allow(unused)] static ref A: u8 = 1; }",
            ),
            (
                "static A: &str = include_str!(\"a\");",
                &[],
                "static A: &str = include_str!(\"a\");",
            ),
            (
                "fn f() -> &'static str { env!(\"A\") } static A: L = L::new(f);",
                &[],
                "fn f() -> &'static str { env!(\"A\") } static A: L = L::new(f);",
            ),
        ] {
            assert_eq!(edited(source, refused), expected);
        }
    }

    #[test]
    fn a_library_gets_a_name_that_stays() {
        let directory = tempfile::tempdir().unwrap();
        let library = directory.path().join("libctx.so");
        let mut names = Vec::new();
        for content in ["first", "second"] {
            let _ = fs::remove_file(&library);
            fs::write(&library, content).unwrap();
            names.push(link_lasting_name(&library, 3).unwrap());
        }
        let contents = names.iter().map(|name| fs::read_to_string(name).unwrap());
        assert_eq!(contents.collect::<Vec<_>>(), ["first", "second"]);
    }
}
