//! The files beside a notebook that its items name, read into the items.
//!
//! What rustc makes of `mod helpers;`, `include!("helpers.rs")` or `include_str!("data.csv")` depends on a file. Where the
//! rustc wrapper decides by the text of the items, it takes their text with the files in it, so that a changed file
//! counts as a changed item. rustc itself reads the files. rust-analyzer gets the text with the files, too.

use crate::session::{digest, environment_variables::MANIFEST_DIRECTORY_VARIABLE};
use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// How many files may lie in one another.
const DEPTH: usize = 32;

/// Returns items with the content of the files that they name. Returns `None` if they name no file. Relative paths begin
/// at `directory`.
pub(crate) fn with_files(items: &str, directory: &Path) -> Option<String> {
    if !names_files(items) {
        return None;
    }
    let tokens: TokenStream = items.parse().ok()?;
    let reader = Reader {
        directory,
        modules: directory.to_owned(),
        depth: 0,
    };
    let read = reader.read(tokens).to_string();
    proc_macro2::extra::invalidate_current_thread_spans();
    Some(read)
}

/// Reports whether a text may name a file.
fn names_files(text: &str) -> bool {
    let is_module = |after: &str| {
        let name = after.trim_start();
        let rest = name.trim_start_matches(|it: char| it.is_alphanumeric() || "_#".contains(it));
        rest.len() < name.len() && rest.trim_start().starts_with(';')
    };
    text.contains("include")
        || text
            .match_indices("mod")
            .any(|(at, it)| is_module(&text[at + it.len()..]))
}

/// Reads files into tokens.
struct Reader<'a> {
    /// The directory of the file that the tokens are from.
    directory: &'a Path,
    /// The directory of the files of modules.
    modules: PathBuf,
    /// In how many files the tokens lie.
    depth: usize,
}

impl Reader<'_> {
    fn read(&self, tokens: TokenStream) -> TokenStream {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut read: Vec<TokenTree> = Vec::with_capacity(tokens.len());
        // The value of `#[path = "…"]` before the item.
        let mut path = None;
        let mut at = 0;
        while let Some(tree) = tokens.get(at) {
            at += 1;
            match (tree, &tokens[at..]) {
                (TokenTree::Ident(word), [TokenTree::Ident(name), TokenTree::Punct(end), ..])
                    if word == "mod" && end.as_char() == ';' =>
                {
                    let content = self.module(name, path.take());
                    read.extend([tree.clone(), name.clone().into(), group(Delimiter::Brace, content)]);
                    at += 2;
                }
                (TokenTree::Ident(word), [TokenTree::Ident(name), TokenTree::Group(body), ..])
                    if word == "mod" && body.delimiter() == Delimiter::Brace =>
                {
                    let inside = path.take().unwrap_or_else(|| plain(name));
                    let reader = Reader {
                        directory: self.directory,
                        modules: self.modules.join(inside),
                        depth: self.depth,
                    };
                    let content = reader.read(body.stream());
                    read.extend([tree.clone(), name.clone().into(), group(Delimiter::Brace, content)]);
                    at += 2;
                }
                (TokenTree::Ident(word), [TokenTree::Punct(mark), TokenTree::Group(argument), ..])
                    if mark.as_char() == '!' && word.to_string().starts_with("include") =>
                {
                    read.extend(self.inclusion(word, argument));
                    at += 2;
                }
                (TokenTree::Group(inner), _) => {
                    path = path_attribute(inner).or(path);
                    read.push(group(inner.delimiter(), self.read(inner.stream())));
                }
                (TokenTree::Punct(mark), _) if mark.as_char() == ';' => {
                    path = None;
                    read.push(tree.clone());
                }
                _ => read.push(tree.clone()),
            }
        }
        read.into_iter().collect()
    }

    /// Returns the items of a module that is a file.
    fn module(&self, name: &Ident, path: Option<String>) -> TokenStream {
        let name = plain(name);
        let files = match path {
            // In a module with braces, the path begins at the module's directory.
            Some(path) => vec![(self.modules.join(&path), None)],
            None => vec![
                (self.modules.join(format!("{name}.rs")), Some(self.modules.join(&name))),
                (self.modules.join(&name).join("mod.rs"), None),
            ],
        };
        let mut found = files.into_iter().filter(|(file, _)| file.is_file());
        let Some((file, modules)) = found.next() else {
            return unknown();
        };
        self.file(&file, modules)
    }

    /// Returns the tokens of a file. `modules` is the directory of its modules, if that is not the directory of the file.
    fn file(&self, file: &Path, modules: Option<PathBuf>) -> TokenStream {
        let directory = file.parent().unwrap_or(file);
        let content = fs::read_to_string(file).ok().filter(|_| self.depth < DEPTH);
        let Some(tokens) = content.and_then(|it| it.parse::<TokenStream>().ok()) else {
            return unknown();
        };
        let reader = Reader {
            directory,
            modules: modules.unwrap_or_else(|| directory.to_owned()),
            depth: self.depth + 1,
        };
        reader.read(tokens)
    }

    /// Returns what the call of a macro such as `include!` or `include_str!` stands for.
    fn inclusion(&self, word: &Ident, argument: &Group) -> TokenStream {
        let path = text(argument.stream(), self.directory).map(|path| self.directory.join(path));
        match path {
            Some(path) if word == "include" => self.file(&path, None),
            Some(path) => match fs::read(path) {
                Ok(content) => TokenTree::from(Literal::string(&digest::of(content, 16))).into(),
                Err(_) => unknown(),
            },
            // A macro of the user's may have such a name.
            None if ["include", "include_str", "include_bytes"].iter().all(|it| word != it) => {
                let call = [word.clone().into(), group(argument.delimiter(), argument.stream())];
                call.into_iter().collect()
            }
            None => unknown(),
        }
    }
}

/// Returns tokens that differ from those of any other time, for content that is not known.
fn unknown() -> TokenStream {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    TokenTree::from(Literal::u128_suffixed(now.unwrap_or_default().as_nanos())).into()
}

/// Returns the text that an argument stands for: a string, or `concat!` and `env!` of strings. `directory` is the one of
/// the manifest.
fn text(argument: TokenStream, directory: &Path) -> Option<String> {
    let tokens: Vec<TokenTree> = argument.into_iter().collect();
    let tokens = match tokens.as_slice() {
        [rest @ .., TokenTree::Punct(comma)] if comma.as_char() == ',' => rest,
        all => all,
    };
    match tokens {
        [TokenTree::Literal(literal)] => syn::parse_str::<syn::LitStr>(&literal.to_string())
            .ok()
            .map(|it| it.value()),
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(inner)] if name == "concat" => {
            let inner: Vec<TokenTree> = inner.stream().into_iter().collect();
            let parts = inner.split(|it| matches!(it, TokenTree::Punct(it) if it.as_char() == ','));
            let parts = parts.filter(|it| !it.is_empty());
            parts
                .map(|part| text(part.iter().cloned().collect(), directory))
                .collect()
        }
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(inner)] if name == "env" => {
            let name = text(inner.stream(), directory)?;
            let is_directory = name == MANIFEST_DIRECTORY_VARIABLE;
            is_directory.then(|| directory.to_string_lossy().into_owned())
        }
        _ => None,
    }
}

/// Returns the path in an attribute `[path = "…"]`.
fn path_attribute(attribute: &Group) -> Option<String> {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), TokenTree::Punct(_), value] if name == "path" => {
            text(value.clone().into(), Path::new(""))
        }
        _ => None,
    }
}

fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn group(delimiter: Delimiter, content: TokenStream) -> TokenTree {
    let mut group = Group::new(delimiter, content);
    group.set_span(Span::call_site());
    group.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (file, content) in [
            ("a.rs", "mod inner; pub struct A;"),
            ("a/inner.rs", "pub struct Inner;"),
            ("b/mod.rs", "mod c;"),
            ("b/c.rs", "pub struct C; include!(\"d.rs\");"),
            ("b/d.rs", "pub struct D;"),
            ("x/e.rs", "pub struct E;"),
            ("broken.rs", "struct"),
            ("data.txt", "data"),
        ] {
            let file = directory.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        directory
    }

    #[test]
    fn files_are_read_where_rustc_reads_them() {
        let directory = directory();
        let data = format!("{:?}", digest::of("data", 16));
        for (items, expected) in [
            ("mod a;", "mod a { mod inner { pub struct Inner ; } pub struct A ; }"),
            ("mod b;", "mod b { mod c { pub struct C ; pub struct D ; ; } }"),
            ("include!(\"b/c.rs\");", "pub struct C ; pub struct D ; ; ;"),
            (
                "#[path = \"x/e.rs\"] mod f;",
                "# [path = \"x/e.rs\"] mod f { pub struct E ; }",
            ),
            ("mod x { mod e; }", "mod x { mod e { pub struct E ; } }"),
            (
                "#[path = \"x\"] mod y { mod e; }",
                "# [path = \"x\"] mod y { mod e { pub struct E ; } }",
            ),
            (
                "const T: &str = include_str!(\"data.txt\");",
                &format!("const T : & str = {data} ;"),
            ),
            (
                "const T: &[u8] = include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/data\", \".txt\"));",
                &format!("const T : & [u8] = {data} ;"),
            ),
        ] {
            let read = with_files(items, directory.path()).unwrap();
            let expected: TokenStream = expected.parse().unwrap();
            let read: TokenStream = read.parse().unwrap();
            assert_eq!(read.to_string(), expected.to_string(), "{items}");
        }
    }

    #[test]
    fn what_is_not_known_differs_each_time() {
        let directory = directory();
        for items in [
            "mod nowhere;",
            "include!(\"nowhere.rs\");",
            "include!(m!());",
            "const T: &str = include_str!(X);",
        ] {
            let read = || with_files(items, directory.path()).unwrap();
            assert_ne!(read(), read(), "{items}");
        }
    }

    #[test]
    fn items_without_files_stay() {
        for items in ["mod a { fn f() {} }", "fn modest() {}", "struct S;", "// mod a"] {
            assert_eq!(with_files(items, Path::new("/nowhere")), None, "{items}");
        }
    }
}
