//! A session of evcxr: the directory in which it compiles, and what it knows of the notebook.

use crate::{
    cargo_shim::std_source_view,
    errors::warnings::{self, Warning},
    evaluation::{
        answers_directory::AnswersDirectory,
        cell_places::CellPlaces,
        execution_state::ExecutionState,
        request::Options,
        start_evcxr::{WARM_UP, start_evcxr},
        template,
    },
    evcxr_text::rustc_messages::says_that_no_item_follows,
    prebuilt::{cache_directory::CacheDirectory, requested_dependency, toolchain::Toolchain, versions},
    session::{
        directory::SessionDirectory, environment, files, run_directory::session_link, shared_files::is_whole,
        shim_state::ShimState, sysroot,
    },
    source::{
        carriers::{self, KnownItems, NewItems, carried_cell::CarriedCell},
        crate_attributes,
        preamble::{asks_for, without_commands},
    },
};
use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, CompilationError};
use std::{borrow::Cow, collections::BTreeSet, env, fs, os::unix::fs::symlink, path::Path, sync::Arc};

/// evcxr, ready for the next cell. Fields are dropped in their order: evcxr ends its process before its directory goes.
pub(super) struct EvcxrSession {
    pub(super) context: CommandContext,
    /// The compiler rejects unstable features.
    pub(super) is_stable: bool,
    /// The user's start-up files have run, or are running.
    pub(super) has_run_start_up_files: bool,
    /// The warnings that the user has seen.
    warnings: warnings::ShownWarnings,
    pub(super) places: CellPlaces,
    items: Arc<KnownItems>,
    crates: CacheDirectory,
    shim_state: ShimState,
    pub(super) directory: SessionDirectory,
}

impl EvcxrSession {
    /// Starts evcxr in a clone of the toolchain's template. Builds the template first if there is none; `notice` tells
    /// the user that this takes long.
    ///
    /// # Errors
    ///
    /// The toolchain is incomplete, the cache cannot be written, or the notebook's crates do not build.
    pub(super) fn open(
        options: &Options,
        execution_state: &ExecutionState,
        notice: &dyn Fn(&str),
    ) -> Result<EvcxrSession> {
        let toolchain = Toolchain::find()?;
        let crates = CacheDirectory::for_toolchain(&toolchain)?;
        if !is_whole(&crates.template()) {
            template::build(options, &crates, &toolchain, notice)?;
        }
        if environment::is_shim_active() && !crates.view().is_dir() {
            let library = sysroot::std_sources(&toolchain.sysroot);
            std_source_view::write_view(&library, &crates.view(), toolchain.is_stable())
                .context("cannot make a view of the standard library")?;
        }
        let directory = SessionDirectory::create(crates.directory())?;
        // Known before the directory is filled, so that a kernel that ends meanwhile leaves nothing.
        execution_state.set_session(directory.path().to_owned());
        let session_link = session_link(&options.run_dir);
        let _ = fs::remove_file(&session_link);
        symlink(directory.path(), session_link)?;
        directory.fill_from(&crates.template())?;
        let notebook = env::current_dir()?;
        if let Some(notebook) = notebook.to_str() {
            files::NOTEBOOK_DIRECTORY.write(directory.path(), notebook)?;
        }
        let answers = AnswersDirectory::of(&crates)?;
        let is_stable = toolchain.is_stable();
        let mut shim_state = ShimState {
            sysroot: toolchain.sysroot,
            view: crates.view(),
            session: directory.path().to_owned(),
            answers: answers.directory(),
            recording: answers.are_new(),
            starting: true,
            analysing: !environment::is_shim_active(),
        };
        shim_state.tell()?;
        let lock_file = files::LOCK_FILE.path(&crates.template());
        let context = start_evcxr(options, &crates, directory.path(), Some(&lock_file))?;
        shim_state.starting = false;
        shim_state.tell()?;
        let mut session = EvcxrSession {
            context: CommandContext::with_eval_context(context),
            is_stable,
            has_run_start_up_files: false,
            warnings: warnings::ShownWarnings::default(),
            places: CellPlaces::default(),
            items: Arc::new(KnownItems::beside(notebook.to_str().map(Path::new))),
            crates,
            shim_state,
            directory,
        };
        if answers.are_new() {
            session.load_analysis()?;
            session.shim_state.recording = false;
            session.shim_state.answers = answers.keep(&session.crates)?;
            session.shim_state.tell()?;
        }
        Ok(session)
    }

    /// Returns the directory in which evcxr compiles.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Returns whether evcxr's rust-analyzer knows types.
    pub(super) fn is_analysis_loaded(&self) -> bool {
        self.shim_state.analysing
    }

    /// Has evcxr's rust-analyzer load what it needs to know types, unless it has. From then on it looks at every cell,
    /// which makes each cell slower.
    ///
    /// # Errors
    ///
    /// rust-analyzer does not load the notebook's crates.
    pub(super) fn load_analysis(&mut self) -> Result<()> {
        if self.shim_state.analysing {
            return Ok(());
        }
        // rust-analyzer loads a project anew when the manifest is not the one that it knows. The command changes the
        // manifest for this completion alone.
        let other = ":opt 1\n1";
        let forgotten = self.context.completions(other, other.len());
        forgotten.map_err(|error| anyhow!("rust-analyzer does not load anew: {error}"))?;
        self.shim_state.analysing = true;
        self.shim_state.tell()?;
        let loaded = self.context.hover_at("1", 1).map(drop);
        self.shim_state.analysing = loaded.is_ok();
        loaded.map_err(|error| anyhow!("rust-analyzer does not load the notebook's crates: {error}"))
    }

    /// Prepares for cells that add crates: evcxr's rust-analyzer forgets types until they are needed again, since it
    /// would read everything anew for each crate.
    pub(super) fn expect_crates(&mut self) -> Result<()> {
        if environment::is_shim_active() {
            self.shim_state.analysing = false;
            self.shim_state.tell()?;
        }
        Ok(())
    }

    /// Returns the commands that make evcxr as it was when it was started.
    pub(super) fn clear_script(&self) -> String {
        let dependencies = self.crates.dependencies();
        let dependencies = dependencies.iter().map(|(name, it)| format!(":dep {name} = {it}\n"));
        let lock = versions::restore_command(&files::LOCK_FILE.path(&self.crates.template()), self.directory());
        format!(":clear\n{}{lock}\n{WARM_UP}", dependencies.collect::<String>())
    }

    /// Adds attributes of the crate, for this cell and all later ones. Returns those that held before.
    ///
    /// # Errors
    ///
    /// The session directory cannot be written.
    pub(super) fn add_crate_attributes(&self, attributes: &[String]) -> Result<Vec<String>> {
        let before = files::CRATE_ATTRIBUTES.read(self.directory()).unwrap_or_default();
        self.set_crate_attributes(&crate_attributes::added(before.clone(), attributes))?;
        Ok(before)
    }

    /// Sets the attributes of the crate.
    ///
    /// # Errors
    ///
    /// The session directory cannot be written.
    pub(super) fn set_crate_attributes(&self, attributes: &Vec<String>) -> Result<()> {
        let written = files::CRATE_ATTRIBUTES.write(self.directory(), attributes);
        written.context("cannot write the attributes of the crate")
    }

    /// Returns the versions of the built-in crates.
    pub(super) fn built_in_versions(&self) -> requested_dependency::Versions {
        requested_dependency::versions(self.directory())
    }

    /// Returns what evcxr is to run in the place of `source`, such that commands that add crates leave the versions of
    /// other crates as they are. The cargo shim, where it is used, keeps the versions by itself.
    pub(super) fn with_versions_kept<'a>(&self, source: &'a str) -> Cow<'a, str> {
        let adds = asks_for(source, ":dep");
        let is_code = !without_commands(source).trim().is_empty();
        if !adds || is_code || environment::is_shim_active() {
            return Cow::Borrowed(source);
        }
        versions::with_restore_command(source, self.directory()).map_or(Cow::Borrowed(source), Cow::Owned)
    }

    /// Puts the items of a cell into carriers, if it has any, and has evcxr forget the items that `forget` names.
    pub(super) fn carry(&mut self, source: &str, number: u32, forget: &BTreeSet<String>) -> Option<CarriedCell> {
        Arc::make_mut(&mut self.items).retain(&self.context.defined_item_names().collect());
        carriers::carry(source, number, &self.items, forget)
    }

    /// Takes the names of the older items with which items of the cell just compiled conflict.
    pub(super) fn conflicting(&self, new: &NewItems) -> BTreeSet<String> {
        let conflicts = files::CONFLICTING_ITEMS.take(self.directory());
        new.older(&conflicts.unwrap_or_default())
    }

    /// Returns the items that evcxr keeps.
    pub(super) fn known_items(&self) -> Arc<KnownItems> {
        Arc::clone(&self.items)
    }

    /// Remembers the items of a cell that has run.
    pub(super) fn keep_items(&mut self, items: &NewItems) {
        Arc::make_mut(&mut self.items).add(items);
    }

    /// Takes calls of macros for statements that were taken for items, if the compiler says that some are no items.
    /// Returns whether it does.
    pub(super) fn revise_guesses(&mut self, new: &NewItems, errors: &[CompilationError]) -> bool {
        let is_wrong =
            !new.guesses().is_empty() && errors.iter().any(|error| says_that_no_item_follows(&error.message()));
        if is_wrong {
            Arc::make_mut(&mut self.items).add_statement_macros(new.guesses());
        }
        is_wrong
    }

    /// Returns the types that are tesserae, or once were.
    pub(super) fn tesserae(&self) -> BTreeSet<String> {
        let modules = self.context.defined_item_names();
        modules
            .filter_map(|name| name.strip_prefix("__mosaic_"))
            .map(str::to_owned)
            .collect()
    }

    /// Returns the variables that evcxr believes in, as names and types.
    pub(super) fn variables_and_types(&self) -> Vec<(String, String)> {
        let all = self.context.variables_and_types();
        all.map(|(name, type_name)| (name.to_owned(), type_name.to_owned()))
            .collect()
    }

    /// Returns what the cell just compiled has to say about the crates that it links.
    pub(super) fn new_crate_notices(&self) -> Vec<String> {
        let Some(mut shared) = files::SHARED_CRATES.read(self.directory()) else {
            return Vec::new();
        };
        let notices = std::mem::take(&mut shared.notices);
        if !notices.is_empty()
            && let Err(error) = files::SHARED_CRATES.write(self.directory(), &shared)
        {
            tracing::warn!("cannot note that the user was told: {error}");
        }
        notices
    }

    /// Returns the warnings of the cell just compiled that the user has not seen.
    pub(super) fn new_warnings(&mut self, source: &str) -> Vec<Warning> {
        self.warnings.take_new(self.directory.path(), source)
    }
}
