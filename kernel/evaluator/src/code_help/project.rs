//! rust-analyzer on the crate in which the cells of a kernel are compiled.

use crate::{
    code_help::completions::Completion,
    session::{environment_variables::ANALYSING_VARIABLE, files},
};
use anyhow::{Context, Result, anyhow, bail};
use ra_ap_ide::{
    AnalysisHost, CompletionFieldsToResolve, CompletionItem, CompletionItemKind, FileId, FilePosition, FileRange,
    HoverConfig, HoverDocFormat, RaFixtureConfig, SourceRoot, SubstTyLen, SymbolKind, TextRange, TextSize,
};
use ra_ap_ide_db::{
    ChangeWithProcMacros, FxHashMap, SnippetCap,
    imports::insert_use::{ImportGranularity, InsertUseConfig, PrefixKind},
};
use ra_ap_project_model::{CargoConfig, ProjectManifest, ProjectWorkspace, RustLibSource};
use ra_ap_vfs::{
    AbsPathBuf, Change, Vfs, VfsPath,
    file_set::FileSetConfig,
    loader::{self, Directories, Entry, Handle, LoadingProgress, Message},
};
use ra_ap_vfs_notify::NotifyHandle;
use std::{
    fs,
    ops::Range,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// A crate and the crates that it depends on, as far as rust-analyzer has read them.
pub(super) struct Project {
    directory: AbsPathBuf,
    host: AnalysisHost,
    files: Vfs,
    /// The source of the crate, which each question sets.
    source: FileId,
    /// The manifest with which the dependencies were read.
    manifest: Option<String>,
    /// rust-analyzer has been warmed up, and the memory that it needed only for that is freed.
    pub(super) is_settled: bool,
}

impl Project {
    /// Makes a project of the crate in a directory, and reads nothing yet.
    ///
    /// # Errors
    ///
    /// The path of the directory is not absolute, or not UTF-8.
    pub(super) fn new(directory: &Path) -> Result<Project> {
        let directory = directory.to_str().context("the path of the session is not UTF-8")?;
        let directory = AbsPathBuf::try_from(directory).map_err(|path| anyhow!("{path} is not absolute"))?;
        let mut files = Vfs::default();
        let source = VfsPath::from(directory.join(files::CELL_SOURCE.name()));
        files.set_file_contents(source.clone(), Some(Vec::new()));
        let (source, _) = files.file_id(&source).context("the crate has no source")?;
        Ok(Project {
            directory,
            host: AnalysisHost::default(),
            files,
            source,
            manifest: None,
            is_settled: false,
        })
    }

    /// Returns whether the crate lies in this directory.
    pub(super) fn is_in(&self, directory: &Path) -> bool {
        AsRef::<Path>::as_ref(&self.directory) == directory
    }

    /// Reads the standard library and the crate's dependencies, which takes seconds, unless they have been read for
    /// this manifest. `has_ended` is locked while cargo is asked.
    ///
    /// # Errors
    ///
    /// The crate has another manifest just now, cargo cannot tell what it depends on, a source cannot be read, or the
    /// kernel has ended.
    pub(super) fn read(&mut self, manifest: &str, has_ended: &Mutex<bool>) -> Result<()> {
        if self.manifest.as_deref() == Some(manifest) {
            return Ok(());
        }
        if manifest_in(self.directory.as_ref())? != manifest {
            bail!("crates are being added");
        }
        let has_ended = has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *has_ended {
            bail!("the kernel ends");
        }
        let workspace = workspace_of(&self.directory)?;
        drop(has_ended);
        read_files(&workspace, &mut self.files)?;
        let change = change_to(&workspace, &mut self.files);
        self.host.apply_change(change);
        self.manifest = Some(manifest.to_owned());
        self.is_settled = false;
        Ok(())
    }

    /// Completes the name left of a byte of the crate's source. Returns the completions and the bytes that they
    /// replace.
    pub(super) fn completions(&mut self, source: &str, at: usize) -> Option<(Vec<Completion>, Range<usize>)> {
        self.set_source(source);
        let offset = TextSize::try_from(at).ok()?;
        let position = FilePosition {
            file_id: self.source,
            offset,
        };
        let items = self
            .host
            .analysis()
            .completions(&completion_config(), position, None)
            .ok()??;
        // An answer to Jupyter replaces one range. Nearly all completions replace the word at the cursor.
        let range = items.first()?.source_range;
        let found = items.iter().filter(|item| item.source_range == range);
        let found = found.filter_map(|item| completion(source, item)).collect();
        Some((found, range.into()))
    }

    /// Returns the documentation of the name that ends at a byte of the crate's source, as plain text and as Markdown.
    pub(super) fn hover(&mut self, source: &str, at: usize) -> Option<(String, String)> {
        self.set_source(source);
        let range = TextRange::empty(TextSize::try_from(at).ok()?);
        let shown = |format| {
            let range = FileRange {
                file_id: self.source,
                range,
            };
            let found = self.host.analysis().hover(&hover_config(format), range).ok()??;
            Some(String::from(found.info.markup))
        };
        Some((shown(HoverDocFormat::PlainText)?, shown(HoverDocFormat::Markdown)?))
    }

    /// Frees a part of the memory that rust-analyzer no longer needs.
    pub(super) fn forget(&mut self) {
        // rust-analyzer frees memory when a source changes.
        self.set_source("");
    }

    fn set_source(&mut self, source: &str) {
        let mut change = ChangeWithProcMacros::default();
        change.change_file(self.source, Some(source.to_owned()));
        self.host.apply_change(change);
    }
}

/// Turns a completion of rust-analyzer's into one of Jupyter's, if it completes what is typed.
fn completion(source: &str, item: &CompletionItem) -> Option<Completion> {
    let mut edits = item.text_edit.iter();
    let edit = edits.next().filter(|edit| edit.delete == item.source_range)?;
    let typed = source.get(Range::<usize>::from(edit.delete))?;
    (edits.next().is_none() && item.lookup().starts_with(typed)).then(|| Completion {
        text: without_placeholders(&edit.insert),
        kind: kind_of(item.kind).to_owned(),
    })
}

/// Reads the manifest of the crate in a directory.
///
/// # Errors
///
/// The manifest cannot be read.
pub(super) fn manifest_in(directory: &Path) -> Result<String> {
    fs::read_to_string(files::MANIFEST.path(directory)).context("cannot read the manifest of the cells")
}

/// Asks cargo for the crate's dependencies.
fn workspace_of(directory: &AbsPathBuf) -> Result<ProjectWorkspace> {
    let manifest = ProjectManifest::from_manifest_file(directory.join(files::MANIFEST.name()))?;
    let variable = (ANALYSING_VARIABLE.to_owned(), Some("1".to_owned()));
    let config = CargoConfig {
        sysroot: Some(RustLibSource::Discover),
        extra_env: FxHashMap::from_iter([variable]),
        ..CargoConfig::default()
    };
    ProjectWorkspace::load(manifest, &config, &|_| {})
}

/// Reads all files of a workspace.
fn read_files(workspace: &ProjectWorkspace, files: &mut Vfs) -> Result<()> {
    let (sender, messages) = crossbeam_channel::unbounded();
    let mut loader = NotifyHandle::spawn(sender);
    let roots = workspace.to_roots().into_iter();
    let load = roots.map(|root| {
        Entry::Directories(Directories {
            extensions: vec!["rs".to_owned()],
            include: root.include,
            exclude: root.exclude,
        })
    });
    loader.set_config(loader::Config {
        version: 1,
        load: load.collect(),
        watch: Vec::new(),
    });
    for message in messages {
        match message {
            Message::Progress {
                n_done: LoadingProgress::Finished,
                ..
            } => return Ok(()),
            Message::Progress { .. } => {}
            Message::Loaded { files: read } | Message::Changed { files: read } => {
                for (path, contents) in read {
                    files.set_file_contents(VfsPath::from(path), contents);
                }
            }
        }
    }
    Err(anyhow!("the sources of the notebook's crates cannot be read"))
}

/// Returns the change that makes rust-analyzer know a workspace and its files.
fn change_to(workspace: &ProjectWorkspace, files: &mut Vfs) -> ChangeWithProcMacros {
    let mut change = ChangeWithProcMacros::default();
    for (file, changed) in files.take_changes() {
        let text = match changed.change {
            Change::Create(contents, _) | Change::Modify(contents, _) => String::from_utf8(contents).ok(),
            Change::Delete => None,
        };
        change.change_file(file, text);
    }
    let roots = FileSetConfig::default().partition(files);
    change.set_roots(roots.into_iter().map(SourceRoot::new_local).collect());
    let mut id_of = |path: &ra_ap_vfs::AbsPath| files.file_id(&VfsPath::from(path.to_path_buf())).map(|(id, _)| id);
    let (crates, _) = workspace.to_crate_graph(&mut id_of, &FxHashMap::default());
    change.set_crate_graph(crates);
    change
}

/// Returns the text of a snippet, in which each placeholder is the name of its argument.
fn without_placeholders(snippet: &str) -> String {
    let mut text = String::with_capacity(snippet.len());
    let mut rest = snippet;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let placeholder = after.strip_prefix('{').and_then(|it| it.split_once('}'));
        rest = match placeholder.and_then(|(inside, rest)| Some((inside.split_once(':')?.1, rest))) {
            Some((name, rest)) => {
                text.push_str(name);
                rest
            }
            None => after.trim_start_matches(|c: char| c.is_ascii_digit()),
        };
    }
    text + rest
}

/// Returns Jupyter's name for the kind of a completion.
fn kind_of(kind: CompletionItemKind) -> &'static str {
    use SymbolKind as S;
    match kind {
        CompletionItemKind::SymbolKind(kind) => match kind {
            S::Function | S::Method | S::Macro | S::ProcMacro | S::Derive | S::DeriveHelper => "function",
            S::Attribute | S::BuiltinAttr => "function",
            S::Struct | S::Enum | S::Union | S::Trait | S::TypeAlias | S::TypeParam | S::SelfType => "class",
            S::Module | S::CrateRoot | S::ToolModule => "module",
            _ => "instance",
        },
        CompletionItemKind::Keyword => "keyword",
        _ => "instance",
    }
}

fn completion_config() -> ra_ap_ide::CompletionConfig<'static> {
    ra_ap_ide::CompletionConfig {
        enable_postfix_completions: true,
        enable_imports_on_the_fly: false,
        enable_self_on_the_fly: true,
        enable_auto_iter: true,
        enable_auto_await: true,
        enable_private_editable: true,
        enable_term_search: true,
        term_search_fuel: 400,
        full_function_signatures: true,
        callable: Some(ra_ap_ide::CallableSnippets::FillArguments),
        add_semicolon_to_unit: true,
        add_colons_to_module: true,
        snippet_cap: SnippetCap::new(true),
        insert_use: InsertUseConfig {
            granularity: ImportGranularity::Item,
            enforce_granularity: false,
            prefix_kind: PrefixKind::ByCrate,
            group: false,
            skip_glob_imports: false,
        },
        prefer_no_std: false,
        prefer_prelude: false,
        prefer_absolute: false,
        snippets: Vec::new(),
        limit: None,
        fields_to_resolve: CompletionFieldsToResolve::empty(),
        exclude_flyimport: Vec::new(),
        exclude_traits: &[],
        ra_fixture: RaFixtureConfig::default(),
    }
}

fn hover_config(format: HoverDocFormat) -> HoverConfig<'static> {
    HoverConfig {
        links_in_hover: true,
        memory_layout: None,
        documentation: true,
        keywords: true,
        format,
        max_trait_assoc_items_count: None,
        max_fields_count: Some(5),
        max_enum_variants_count: Some(5),
        max_subst_ty_len: SubstTyLen::Unlimited,
        show_drop_glue: false,
        ra_fixture: RaFixtureConfig::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_the_names_of_arguments() {
        for (snippet, text) in [
            ("push", "push"),
            ("push(${1:value});$0", "push(value);"),
            ("insert(${1:index}, ${2:element})$0", "insert(index, element)"),
            ("f()$0", "f()"),
            ("$0", ""),
        ] {
            assert_eq!(without_placeholders(snippet), text, "{snippet}");
        }
    }
}
