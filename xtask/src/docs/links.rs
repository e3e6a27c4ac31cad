//! Dead links in the repository's Markdown: to chapters, to sections, and to files that a text names.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Component, Path, PathBuf},
};

const GUIDE: &str = "docs/src";
const SUMMARY: &str = "docs/src/SUMMARY.md";
const OTHER_PAGES: [&str; 3] = ["README.md", "CHANGELOG.md", "kernel/python/README.md"];
const INCLUDE: &str = "{{#include ";

/// The links and names of files on one page. Paths are relative to the repository.
struct Page {
    path: PathBuf,
    anchors: BTreeSet<String>,
    /// Destinations of links and pictures, by line.
    links: Vec<(usize, String)>,
    /// Code in the running text, by line.
    code: Vec<(usize, String)>,
    includes: Vec<(usize, String)>,
}

/// Lists the problems with the links of the repository at `root`, one problem in each text.
pub(crate) fn problems(root: &Path) -> Vec<String> {
    let chapters = markdown_in(&root.join(GUIDE));
    let chapters = chapters.iter().filter_map(|path| path.strip_prefix(root).ok());
    let others = OTHER_PAGES
        .iter()
        .map(Path::new)
        .filter(|path| root.join(path).is_file());
    let mut problems = Vec::new();
    let mut pages = BTreeMap::new();
    for path in chapters.chain(others) {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => drop(pages.insert(path.to_owned(), Page::read(path, &text))),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    let directories = directories(root);
    for page in pages.values() {
        problems.extend(page.dead_links(root, &pages));
        problems.extend(page.missing_files(root, &directories));
    }
    problems.extend(missing_in_summary(&pages));
    problems.extend(unused_pictures(root, &pages));
    problems
}

impl Page {
    fn read(path: &Path, text: &str) -> Page {
        let mut page = Page {
            path: path.to_owned(),
            anchors: BTreeSet::new(),
            links: Vec::new(),
            code: Vec::new(),
            includes: includes(text),
        };
        let mut headings = HashMap::new();
        let mut heading: Option<String> = None;
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = 1 + text[..range.start].matches('\n').count();
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let title = heading.take().unwrap_or_default();
                    page.anchors.insert(anchor(&title, &mut headings));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Text(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&code));
                    page.code.push((line, code.into_string()));
                }
                _ => {}
            }
        }
        page
    }

    fn dead_links(&self, root: &Path, pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
        let links = self.links.iter().filter(|(_, link)| !is_external(link));
        let dead = links.filter_map(|(line, link)| {
            let reason = self.why_dead(link, root, pages)?;
            Some(format!("{}:{line}: {link}: {reason}", self.path.display()))
        });
        dead.collect()
    }

    fn why_dead(&self, link: &str, root: &Path, pages: &BTreeMap<PathBuf, Page>) -> Option<&'static str> {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let path = match file {
            "" => self.path.clone(),
            file => normal(&directory.join(file)),
        };
        if !root.join(&path).exists() {
            return Some("there is no such file");
        }
        if self.path.starts_with(GUIDE) && !path.starts_with(GUIDE) {
            return Some("the built guide does not have it: name the file as code instead");
        }
        let has_anchor = |page: &Page| page.anchors.contains(anchor);
        if !anchor.is_empty() && !pages.get(&path).is_some_and(has_anchor) {
            return Some("there is no such section");
        }
        None
    }

    /// Lists the missing files that the page includes or names as code.
    fn missing_files(&self, root: &Path, directories: &BTreeSet<String>) -> Vec<String> {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let included = self.includes.iter().map(|(line, path)| (line, directory.join(path)));
        let named = self.code.iter().filter(|(_, code)| names_file(code, directories));
        let named = named.map(|(line, code)| (line, PathBuf::from(code)));
        let missing = included.chain(named).filter(|(_, path)| !root.join(path).exists());
        let missing = missing.map(|(line, path)| {
            let (page, path) = (self.path.display(), path.display());
            format!("{page}:{line}: {path}: there is no such file")
        });
        missing.collect()
    }
}

/// Lists the files that a page includes by mdBook's directive.
fn includes(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let path = line.trim().strip_prefix(INCLUDE)?.strip_suffix("}}")?;
        let path = path.split(':').next().unwrap_or(path);
        Some((index + 1, path.trim().to_owned()))
    });
    found.collect()
}

/// Returns the anchor by which mdBook and GitHub link to a section.
fn anchor(title: &str, headings: &mut HashMap<String, usize>) -> String {
    let characters = title.trim().chars().filter_map(|character| match character {
        '-' | '_' => Some(character),
        _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ if character.is_whitespace() => Some('-'),
        _ => None,
    });
    let name: String = characters.collect();
    let before = headings.entry(name.clone()).or_default();
    *before += 1;
    match *before {
        1 => name,
        number => format!("{name}-{}", number - 1),
    }
}

fn is_external(link: &str) -> bool {
    ["http://", "https://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
}

/// Says whether code in a text is the path of a file of the repository.
fn names_file(code: &str, directories: &BTreeSet<String>) -> bool {
    let is_path = |character: char| character.is_ascii_alphanumeric() || "/-_.".contains(character);
    let first = code.split('/').next().unwrap_or_default();
    code.contains('/') && code.chars().all(is_path) && directories.contains(first)
}

/// Lists the repository's own directories, without hidden and built ones.
fn directories(root: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = directories.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| !name.starts_with('.') && !name.starts_with("target"))
        .collect()
}

fn missing_in_summary(pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let Some(summary) = pages.get(Path::new(SUMMARY)) else {
        return vec![format!("{SUMMARY}: there is no such file")];
    };
    let listed: BTreeSet<PathBuf> = summary
        .links
        .iter()
        .map(|(_, link)| Path::new(GUIDE).join(link))
        .collect();
    let chapters = pages
        .keys()
        .filter(|path| path.starts_with(GUIDE) && *path != Path::new(SUMMARY));
    let missing = chapters.filter(|path| !listed.contains(*path));
    missing
        .map(|path| format!("{}: it is not in {SUMMARY}", path.display()))
        .collect()
}

fn unused_pictures(root: &Path, pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let used: BTreeSet<PathBuf> = pages
        .values()
        .flat_map(|page| {
            let directory = page.path.parent().unwrap_or(Path::new(""));
            page.links.iter().map(|(_, link)| normal(&directory.join(link)))
        })
        .collect();
    let images = Path::new(GUIDE).join("images");
    let entries = fs::read_dir(root.join(&images)).into_iter().flatten().flatten();
    let unused = entries
        .map(|entry| images.join(entry.file_name()))
        .filter(|path| !used.contains(path));
    unused
        .map(|path| format!("{}: no page shows it", path.display()))
        .collect()
}

fn markdown_in(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(markdown_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// Returns the path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            component => normal.push(component),
        }
    }
    normal
}
