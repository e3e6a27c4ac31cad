//! Starting evcxr: the template of a toolchain, and a session made from it.

use crate::{
    cargo_shim::std_source_view,
    errors::warnings,
    evaluation::{execution_state::ExecutionState, request::Options},
    evcxr_text::markers,
    prebuilt::{builtin, cache_directory::CacheDirectory, toolchain::Toolchain, versions},
    session::{
        directory::Session,
        environment, files,
        link::{Instruction, Link, Numbered},
        run_directory::CellPaths,
        shim_state::ShimState,
        sysroot,
        variables::{KERNEL_VARIABLE, MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE, SESSION_VARIABLE},
    },
};
use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, EvalContext, EvalContextOutputs};
use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::mpsc,
    thread,
};
use tempfile::TempDir;

/// Makes evcxr turn on what is sticky: asynchronous cells and `?`. From then on no cell is compiled twice for it.
const WARM_UP: &str =
    "std::future::ready(()).await; Err::<(), std::fmt::Error>(std::fmt::Error).or(Ok::<(), std::fmt::Error>(()))?;";

/// evcxr, ready for the first cell. The order matters: evcxr ends its process before its directory goes.
pub(crate) struct Started {
    pub(crate) context: CommandContext,
    /// Those that the user has seen.
    pub(crate) warnings: warnings::Shown,
    link: Link,
    crates: CacheDirectory,
    state: ShimState,
    session: Session,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.link.send(&Instruction::End);
    }
}

impl Started {
    /// Opens a session, after building its template where there is none. `notice` tells the user what takes long.
    pub(crate) fn new(
        options: &Options,
        link: &Link,
        shared: &ExecutionState,
        notice: &dyn Fn(&str),
    ) -> Result<Started> {
        let toolchain = Toolchain::find()?;
        let crates = CacheDirectory::for_toolchain(&toolchain)?;
        if !crates.template().is_dir() {
            build_template(options, link, &crates, &toolchain, notice)?;
        }
        if environment::are_taken_over() && !crates.view().is_dir() {
            let library = sysroot::std_sources(&toolchain.sysroot);
            std_source_view::write_view(&library, &crates.view(), toolchain.is_stable())
                .context("cannot make a view of the standard library")?;
        }
        let session = Session::empty(crates.directory(), "session-")?;
        // Known before it is filled, so that a kernel that ends meanwhile leaves nothing.
        shared.set_session(session.directory().to_owned());
        session.fill_from(&crates.template())?;
        let lock_file = files::LOCK_FILE.path(&crates.template());
        let answers = Answers::of(&crates)?;
        let mut state = ShimState {
            sysroot: toolchain.sysroot,
            view: crates.view(),
            session: session.directory().to_owned(),
            answers: answers.directory(),
            recording: answers.are_new(),
            starting: true,
            analysing: !environment::are_taken_over(),
        };
        state.tell()?;
        let context = open(options, &crates, session.directory(), Some(&lock_file))?;
        state.starting = false;
        state.tell()?;
        let mut started = Started {
            context: CommandContext::with_eval_context(context),
            warnings: warnings::Shown::default(),
            link: link.clone(),
            crates,
            state,
            session,
        };
        if answers.are_new() {
            started.analyse()?;
            started.state.recording = false;
            started.state.answers = answers.keep(&started.crates)?;
            started.state.tell()?;
        }
        Ok(started)
    }

    /// Whether evcxr's rust-analyzer knows types.
    pub(crate) fn is_analysed(&self) -> bool {
        self.state.analysing
    }

    /// Has evcxr's rust-analyzer load what it needs to know types, if it has not yet. From then on it looks at every cell,
    /// which takes its time.
    pub(crate) fn analyse(&mut self) -> Result<()> {
        if self.state.analysing {
            return Ok(());
        }
        // It loads a project anew when the manifest is not the one that it knows. The command changes the one for this
        // question alone.
        let other = ":opt 1\n1";
        let forgotten = self.context.completions(other, other.len());
        forgotten.map_err(|error| anyhow!("rust-analyzer does not load anew: {error}"))?;
        self.state.analysing = true;
        self.state.tell()?;
        let loaded = self.context.hover_at("1", 1).map(drop);
        self.state.analysing = loaded.is_ok();
        loaded.map_err(|error| anyhow!("rust-analyzer does not load the notebook's crates: {error}"))
    }

    /// CacheDirectory are about to be added: evcxr's rust-analyzer forgets what it knows until it is needed again, since it would
    /// read everything anew for each.
    pub(crate) fn expect_crates(&mut self) -> Result<()> {
        if environment::are_taken_over() {
            self.state.analysing = false;
            self.state.tell()?;
        }
        Ok(())
    }

    /// Where evcxr compiles.
    pub(crate) fn directory(&self) -> &Path {
        self.session.directory()
    }

    /// What makes evcxr as it was when it was started.
    pub(crate) fn clear_script(&self) -> String {
        let dependencies = self.crates.dependencies();
        let dependencies = dependencies.iter().map(|(name, it)| format!(":dep {name} = {it}\n"));
        let lock = versions::restore(&files::LOCK_FILE.path(&self.crates.template()), self.directory());
        format!(":clear\n{}{lock}\n{WARM_UP}", dependencies.collect::<String>())
    }
}

/// Builds the template of the current toolchain, unless it is there.
pub(crate) fn prepare() -> Result<()> {
    let run_dir = tempfile::Builder::new().prefix("mosaic-").tempdir()?;
    // SAFETY: preparing is all that this process does, and it has not begun.
    unsafe { environment::take_over(run_dir.path()) }?;
    let toolchain = Toolchain::find()?;
    let crates = CacheDirectory::for_toolchain(&toolchain)?;
    let options = Options {
        run_dir: run_dir.path().to_owned(),
        hub: run_dir.path().join("no-hub.sock"),
    };
    let paths = CellPaths::in_directory(run_dir.path());
    let (sender, _reports) = mpsc::channel::<Numbered>();
    let link = Link::listen(&paths.socket, sender, Box::new(drop))?;
    build_template(&options, &link, &crates, &toolchain, &|line| eprintln!("{line}"))?;
    // Leaves the answers of a start.
    drop(Started::new(&options, &link, &ExecutionState::default(), &|_| ())?);
    Ok(())
}

/// Removes what would only serve to build the crates again, which no clone does.
fn remove_incremental(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|it| it.is_dir());
        if is_directory && entry.file_name() == "incremental" {
            let _ = fs::remove_dir_all(entry.path());
        } else if is_directory {
            remove_incremental(&entry.path());
        }
    }
}

/// What cargo says while a kernel starts: kept in a directory of the toolchain's, or about to be.
enum Answers {
    Kept(PathBuf),
    New(TempDir),
}

impl Answers {
    fn of(crates: &CacheDirectory) -> Result<Answers> {
        let kept = crates.answers();
        if kept.is_dir() || !environment::are_taken_over() {
            return Ok(Answers::Kept(kept));
        }
        let new = tempfile::Builder::new()
            .prefix("answers-")
            .tempdir_in(crates.directory())?;
        Ok(Answers::New(new))
    }

    fn are_new(&self) -> bool {
        matches!(self, Answers::New(_))
    }

    fn directory(&self) -> PathBuf {
        match self {
            Answers::Kept(directory) => directory.clone(),
            Answers::New(directory) => directory.path().to_owned(),
        }
    }

    /// Keeps what is new, unless another kernel has done so meanwhile.
    fn keep(self, crates: &CacheDirectory) -> Result<PathBuf> {
        let kept = crates.answers();
        if let Answers::New(directory) = self {
            match fs::rename(directory.path(), &kept) {
                Err(_) if kept.is_dir() => {}
                renamed => {
                    renamed.context("cannot keep what cargo says")?;
                    let _ = directory.keep();
                }
            }
        }
        Ok(kept)
    }
}

fn build_template(
    options: &Options,
    link: &Link,
    crates: &CacheDirectory,
    toolchain: &Toolchain,
    notice: &dyn Fn(&str),
) -> Result<()> {
    let lock = fs::File::create(crates.template_lock())?;
    lock.lock()?;
    if crates.template().is_dir() {
        return Ok(());
    }
    notice(&format!(
        "building the notebook's crates ({}) for rustc {}: once, about a minute …",
        builtin::names_for_users().collect::<Vec<_>>().join(", "),
        toolchain.version()
    ));
    let session = Session::empty(crates.directory(), "session-")?;
    let mut context = CommandContext::with_eval_context(open(options, crates, session.directory(), None)?);
    // A cell that does not compile is checked by cargo, which wants its own artefacts of the crates.
    context
        .check("let _ = ();")
        .map_err(|error| anyhow!("the notebook's crates cannot be checked: {}", full(&error)))?;
    link.send(&Instruction::End);
    drop(context);
    // A clone starts without the cells that were compiled here.
    let _ = fs::remove_dir_all(files::SOURCES.path(session.directory()));
    remove_incremental(&files::TARGET.path(session.directory()));
    fs::rename(session.directory(), crates.template()).context("cannot keep the prebuilt crates")?;
    notice("the notebook's crates are built");
    Ok(())
}

/// This executable, to be started in another role.
///
/// # Errors
///
/// The operating system does not tell where it is.
pub fn this_executable() -> std::io::Result<PathBuf> {
    let path = env::current_exe()?;
    if cfg!(target_os = "linux") && !path.exists() {
        // Replaced while it runs, by an update: this name still leads to the running one.
        return Ok(PathBuf::from(format!("/proc/{}/exe", process::id())));
    }
    Ok(path)
}

/// Starts evcxr in `directory` and makes it ready for the first cell.
fn open(options: &Options, crates: &CacheDirectory, directory: &Path, lock_file: Option<&Path>) -> Result<EvalContext> {
    let executable = this_executable()?;
    let config = markers::configuration(directory, &executable);
    files::EVCXR_CONFIGURATION.write(directory, &config)?;
    let here = env::current_dir()?;
    let mut command = Command::new(&executable);
    command
        .arg("cell-host")
        // An interrupt of the kernel's group is the kernel's to handle.
        .process_group(0)
        .current_dir(&here)
        .env(RUN_DIRECTORY_VARIABLE, &options.run_dir)
        .env(MONITOR_VARIABLE, &options.hub)
        .env(SESSION_VARIABLE, directory);
    environment::give_back(&mut command);
    // evcxr takes its configuration from the working directory first, where the user may have one of their own.
    env::set_current_dir(directory)?;
    let started = EvalContext::with_subprocess_command(command);
    env::set_current_dir(here)?;
    let (mut context, outputs) = started.map_err(|error| anyhow!("evcxr does not start: {error}"))?;
    forward(outputs)?;
    let mut state = context.state();
    state.set_build_env(KERNEL_VARIABLE, &process::id().to_string());
    // A compiler that is ended leaves its temporary files, which then go with the session.
    let temporary = files::TEMPORARY.path(directory);
    fs::create_dir_all(&temporary)?;
    state.set_build_env("TMPDIR", &temporary.to_string_lossy());
    for (name, specification) in crates.dependencies() {
        state
            .add_dep(name, &specification)
            .map_err(|error| anyhow!("crate {name}: {error}"))?;
    }
    if let Some(lock_file) = lock_file {
        // Adding dependencies one by one made cargo forget the versions that the template was built with.
        copy_aside(lock_file, &files::LOCK_FILE.path(directory))?;
    }
    context
        .eval_with_state(WARM_UP, state)
        .map_err(|error| anyhow!("the notebook's crates do not build: {}", full(&error)))?;
    Ok(context)
}

fn full(error: &evcxr::Error) -> String {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            errors.iter().map(|error| error.rendered() + &error.message()).collect()
        }
        other => other.to_string(),
    }
}

/// Replaces a file by a copy, without touching what the old one shares with others.
fn copy_aside(from: &Path, to: &Path) -> std::io::Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).map(drop)
}

/// evcxr waits until these are read. The cells' own output takes another way, so what comes here goes to the log.
fn forward(outputs: EvalContextOutputs) -> Result<()> {
    for (name, lines) in [("evcxr-stdout", outputs.stdout), ("evcxr-stderr", outputs.stderr)] {
        thread::Builder::new().name(name.into()).spawn(move || {
            for line in lines {
                tracing::warn!("{name}: {line}");
            }
        })?;
    }
    Ok(())
}
