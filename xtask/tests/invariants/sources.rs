//! The paths that sources of this repository name in their code, tests left out.

use std::{
    fs,
    path::{Path, PathBuf},
};
use syn::{
    Attribute, File, Item, ItemUse, UseTree,
    visit::{self, Visit},
};

/// One file of Rust code.
pub(crate) struct Source {
    /// The path, relative to the repository.
    pub(crate) file: String,
    code: File,
}

/// Returns the root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Lists the Rust files of a directory and of those inside it, except files named `tests.rs`, or the one file that `place`
/// names. Paths are relative to the root of the workspace.
///
/// # Panics
///
/// Nothing lies there.
pub(crate) fn rust_files(place: &Path) -> Vec<PathBuf> {
    let path = root().join(place);
    if path.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut inside: Vec<PathBuf> = entries.map(|entry| place.join(entry.unwrap().file_name())).collect();
    inside.sort();
    let is_source = |path: &PathBuf| path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs");
    inside.retain(|path| root().join(path).is_dir() || is_source(path));
    inside.iter().flat_map(|path| rust_files(path)).collect()
}

/// Reads a file, or all files of a directory and of those inside it. Files of tests are left out.
///
/// # Panics
///
/// Nothing lies there, or a file is no Rust.
pub(crate) fn sources_in(place: &str) -> Vec<Source> {
    let files = rust_files(Path::new(place)).into_iter();
    let files = files.filter(|file| !file.components().any(|it| it.as_os_str() == "tests"));
    let read = |file: PathBuf| {
        Source::parse(
            &file.to_string_lossy(),
            &fs::read_to_string(root().join(&file)).unwrap(),
        )
    };
    files.map(read).collect()
}

impl Source {
    /// Parses the text of a file.
    ///
    /// # Panics
    ///
    /// The text is no Rust.
    pub(crate) fn parse(file: &str, text: &str) -> Source {
        let mut code = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        code.items.retain(|item| !is_test(item));
        Source {
            file: file.to_owned(),
            code,
        }
    }

    /// Returns every path that the code names, those of `use` one by one.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Paths(Vec::new());
        paths.visit_file(&self.code);
        paths.0
    }
}

fn is_test(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|it| it == "test")
    })
}

struct Paths(Vec<String>);

impl Paths {
    fn add_tree(&mut self, before: &str, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.add_tree(&format!("{before}{}::", path.ident), &path.tree),
            UseTree::Name(name) => self.0.push(format!("{before}{}", name.ident)),
            UseTree::Rename(rename) => self.0.push(format!("{before}{}", rename.ident)),
            UseTree::Glob(_) => self.0.push(format!("{before}*")),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }
}

impl Visit<'_> for Paths {
    fn visit_item_use(&mut self, item: &ItemUse) {
        self.add_tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.0.push(segments.join("::"));
        visit::visit_path(self, path);
    }
}
