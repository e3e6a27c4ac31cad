//! The paths that sources of this repository name in their code, tests left out.

use std::{fs, path::Path};
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

/// Reads a file, or all files of a directory and of those inside it. Files of tests are left out.
///
/// # Panics
///
/// Nothing lies there, or a file is no Rust.
pub(crate) fn sources_in(place: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join(place);
    if path.is_file() {
        return vec![Source::parse(place, &fs::read_to_string(path).unwrap())];
    }
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let is_of_tests = |name: &str| name == "tests" || name == "tests.rs";
    let names = names.into_iter().filter(|name| !is_of_tests(name));
    let inside = names.filter(|name| name.ends_with(".rs") || path.join(name).is_dir());
    inside.flat_map(|name| sources_in(&format!("{place}/{name}"))).collect()
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
