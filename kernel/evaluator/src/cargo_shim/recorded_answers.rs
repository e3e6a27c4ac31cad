//! Answers for cargo from a recording of what cargo answered to another kernel of the same toolchain.
//!
//! The first kernel of a toolchain records. An answer is found by everything that it depends on: the arguments, the
//! manifest, the versions of crates and, for a build, the source. Only the builds of a kernel that is starting are
//! recorded: then evcxr compiles trial cells, which depend on nothing but their text. A recorded answer has placeholders
//! for the directories of the kernel.

use crate::{
    cargo_shim::{
        cache_key::{self, sorted_manifest, with_session, without_session},
        metadata_filter,
    },
    evcxr_text::markers::LIBRARY_PATH_VARIABLE,
    session::{
        digest::Parts,
        environment::real_program,
        files::{CELL_SOURCE, LOCK_FILE, MANIFEST},
        run_directory::shim_sysroot,
        shared_files::replace,
        shim_state::ShimState,
        sysroot,
    },
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output, Stdio},
};

/// Stands in a recorded answer for the path of the standard library's sources, as rust-analyzer sees them.
const STD_SOURCES_PLACEHOLDER: &str = "@mosaic-library@";

/// The line of a manifest from which on it names crates.
const DEPENDENCIES: &str = "[dependencies]";

/// The outcome of a call of cargo.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    code: u8,
    stdout: String,
    stderr: String,
    /// The library that was built, relative to the session directory.
    library: Option<PathBuf>,
}

/// Gives the recorded answer of cargo to a call in the directory `here`, or else runs cargo. Records cargo's answer if the
/// kernel is the one that records.
///
/// # Errors
///
/// Cargo cannot be run, or its answer cannot be recorded or given.
pub(super) fn cargo(shim: &Path, state: &ShimState, here: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let call = Call::new(shim, state, here, arguments);
    let Some(call) = call else {
        return Err(real_program(Some(&state.sysroot), "cargo")
            .args(arguments)
            .exec()
            .into());
    };
    let file = state.answers.join(call.key());
    if let Some(answer) = read(&file).filter(|answer| call.still_holds(answer)) {
        return call.replay(&file, &answer);
    }
    let output = call
        .command()
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    let answer = call.answer(output);
    if state.recording {
        call.record(&file, &answer)?;
    }
    answer.print(&call)
}

/// Prints what `rustc -vV` prints, recorded for as long as the same compiler is installed.
///
/// # Errors
///
/// rustc cannot be run, or its output cannot be recorded.
pub(super) fn version(state: &ShimState) -> Result<ExitCode> {
    let file = state
        .answers
        .join(format!("rustc-{}", cache_key::installed(state).as_nanos()));
    let recorded = fs::read(&file).ok().filter(|text| text.ends_with(b"\n"));
    let text = match recorded {
        Some(text) => text,
        None => {
            let output = real_program(Some(&state.sysroot), "rustc").arg("-vV").output();
            let output = output.context("cannot run rustc")?;
            if !output.status.success() {
                io::stderr().write_all(&output.stderr)?;
                return Ok(ExitCode::FAILURE);
            }
            replace(&file, &output.stdout).context("cannot record what rustc said")?;
            output.stdout
        }
    };
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Option<Answer> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// A call of cargo whose answer depends only on what is known here.
struct Call<'a> {
    state: &'a ShimState,
    arguments: Vec<&'a str>,
    /// The standard library's sources by the path that rust-analyzer sees.
    seen_std_sources: PathBuf,
    here: &'a Path,
}

impl<'a> Call<'a> {
    /// Recognises a call whose answer can be recorded.
    fn new(shim: &Path, state: &'a ShimState, here: &'a Path, arguments: &'a [OsString]) -> Option<Call<'a>> {
        let arguments: Vec<&str> = arguments.iter().map(|it| it.to_str()).collect::<Option<_>>()?;
        let seen_std_sources = sysroot::std_sources(&shim_sysroot(shim));
        let is_known = match *arguments.first()? {
            "build" => state.starting,
            "metadata" | "locate-project" | "--version" => true,
            "rustc" | "-Z" => arguments.contains(&"--print") || arguments.contains(&"config"),
            _ => false,
        };
        // The system reports the working directory with links followed, so the view is also known by its own path.
        let is_in_std = here == state.view || here == seen_std_sources;
        (is_known && (here == state.session || is_in_std)).then_some(Call {
            state,
            arguments,
            seen_std_sources,
            here,
        })
    }

    fn is_build(&self) -> bool {
        self.arguments[0] == "build"
    }

    /// Whether the answer differs after a `:dep`. A call that names the manifest is from rust-analyzer, which is told of no
    /// crates before it has to know types.
    fn depends_on_crates(&self) -> bool {
        let is_of_rust_analyzer = self.arguments.contains(&"--manifest-path");
        self.is_build() || (self.arguments[0] == "metadata" && (self.state.analysing || !is_of_rust_analyzer))
    }

    /// Returns the name of the recorded answer.
    fn key(&self) -> String {
        let mut parts = Parts::default();
        for argument in &self.arguments {
            parts.add(self.without_own_paths(argument).as_bytes());
        }
        if self.here == self.state.session && !self.depends_on_crates() {
            let text = MANIFEST.read(self.here).unwrap_or_default();
            parts.add(text.split(DEPENDENCIES).next().unwrap_or_default().as_bytes());
        } else if self.here == self.state.session {
            parts.add(sorted_manifest(self.here).as_bytes());
            parts.add(&[self.state.starting.into(), self.state.analysing.into()]);
            // While a kernel starts, the versions are those of the template, even if cargo has changed the lock file.
            if !self.state.starting {
                parts.add(LOCK_FILE.read(self.here).unwrap_or_default().as_bytes());
            }
        }
        if self.is_build() {
            parts.add(CELL_SOURCE.read(self.here).unwrap_or_default().as_bytes());
        }
        parts.name(16)
    }

    /// Returns the real cargo with the arguments of this call. It works on the complete sources of the standard library,
    /// since the view lacks files that cargo looks for.
    fn command(&self) -> Command {
        let library = sysroot::std_sources(&self.state.sysroot);
        let mut command = real_program(Some(&self.state.sysroot), "cargo");
        let seen = self.seen_std_sources.to_string_lossy();
        let arguments = self
            .arguments
            .iter()
            .map(|it| it.replace(&*seen, &library.to_string_lossy()));
        command
            .args(arguments)
            .env("RUSTC", sysroot::program(&self.state.sysroot, "rustc"));
        if self.here != self.state.session {
            command.current_dir(library);
        }
        command
    }

    /// Makes an answer of cargo's output.
    fn answer(&self, output: Output) -> Answer {
        let mut stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_whole = self.arguments.contains(&"--filter-platform") && !self.arguments.contains(&"--no-deps");
        if self.arguments[0] == "metadata" && is_whole {
            stdout = metadata_filter::of_interest(&stdout, self.state.analysing).unwrap_or(stdout);
        }
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        let built = env::var_os(LIBRARY_PATH_VARIABLE).filter(|_| self.is_build() && code == Some(0));
        let built = built.and_then(|file| fs::read_to_string(file).ok());
        Answer {
            code: code.unwrap_or(1),
            stdout: self.without_own_paths(&stdout),
            stderr: self.without_own_paths(&String::from_utf8_lossy(&output.stderr)),
            library: built.and_then(|path| Some(Path::new(&path).strip_prefix(&self.state.session).ok()?.to_owned())),
        }
    }

    /// Records an answer for later kernels, with the library that was built. A successful build without a known library is
    /// not recorded.
    fn record(&self, file: &Path, answer: &Answer) -> Result<()> {
        if let Some(library) = &answer.library {
            let recorded = file.with_extension("so");
            let _ = fs::remove_file(&recorded);
            fs::hard_link(self.state.session.join(library), recorded)?;
        } else if self.is_build() && answer.code == 0 {
            return Ok(());
        }
        fs::write(file, serde_json::to_vec(answer)?).context("cannot record what cargo said")
    }

    /// Whether an answer is still true: the packages that cargo's metadata names still exist.
    fn still_holds(&self, answer: &Answer) -> bool {
        if self.arguments[0] != "metadata" {
            return true;
        }
        // Looked for in the toolchain itself, since the view leaves some packages out.
        let library = sysroot::std_sources(&self.state.sysroot);
        let text = answer
            .stdout
            .replace(STD_SOURCES_PLACEHOLDER, &library.to_string_lossy());
        let manifests = metadata_filter::manifests(&self.with_own_paths(&text));
        answer.code != 0 || manifests.is_some_and(|paths| paths.iter().all(|path| Path::new(path).is_file()))
    }

    /// Gives a recorded answer, and puts the library of a build in its place.
    fn replay(&self, file: &Path, answer: &Answer) -> Result<ExitCode> {
        if let (Some(library), Some(result)) = (&answer.library, env::var_os(LIBRARY_PATH_VARIABLE)) {
            let path = self.state.session.join(library);
            let _ = fs::remove_file(&path);
            fs::create_dir_all(path.parent().unwrap_or(&self.state.session))?;
            fs::hard_link(file.with_extension("so"), &path).context("cannot give the library")?;
            fs::write(result, path.as_os_str().as_encoded_bytes())?;
        }
        answer.print(self)
    }

    /// Returns the text with placeholders for the paths of this kernel.
    fn without_own_paths(&self, text: &str) -> String {
        let library = sysroot::std_sources(&self.state.sysroot);
        without_session(text, &self.state.session)
            .replace(&*self.seen_std_sources.to_string_lossy(), STD_SOURCES_PLACEHOLDER)
            .replace(&*library.to_string_lossy(), STD_SOURCES_PLACEHOLDER)
    }

    /// Returns the text with the paths of this kernel in the place of the placeholders.
    fn with_own_paths(&self, text: &str) -> String {
        with_session(text, &self.state.session)
            .replace(STD_SOURCES_PLACEHOLDER, &self.seen_std_sources.to_string_lossy())
    }
}

impl Answer {
    /// Prints what cargo printed, and returns cargo's exit code.
    fn print(&self, call: &Call) -> Result<ExitCode> {
        io::stderr().write_all(call.with_own_paths(&self.stderr).as_bytes())?;
        io::stdout().write_all(call.with_own_paths(&self.stdout).as_bytes())?;
        Ok(self.code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cargo_shim::cache_key::SESSION_PLACEHOLDER, session::sysroot::STD_SOURCES};

    fn recording_state(directory: &Path) -> ShimState {
        ShimState {
            recording: true,
            starting: true,
            ..ShimState::of_session(directory.to_owned())
        }
    }

    fn call<'a>(state: &'a ShimState, arguments: &'a [OsString]) -> Option<Call<'a>> {
        Call::new(Path::new("/run/tools"), state, &state.session, arguments)
    }

    #[test]
    fn an_answer_is_found_by_all_that_it_depends_on() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("src")).unwrap();
        let mut state = recording_state(directory.path());
        let build = ["build", "--message-format=json"].map(OsString::from);
        let metadata = ["metadata", "--format-version", "1"].map(OsString::from);
        let key = |arguments: &[OsString]| call(&state, arguments).unwrap().key();
        let mut seen = vec![key(&build), key(&metadata)];
        for file in ["Cargo.toml", "src/lib.rs"] {
            fs::write(directory.path().join(file), file).unwrap();
            seen.push(key(&build));
        }
        seen.push(key(&metadata));
        // The order of the dependencies makes no difference.
        let manifest = directory.path().join("Cargo.toml");
        fs::write(&manifest, "[dependencies]\na = 1\nb = 2\n").unwrap();
        seen.push(key(&metadata));
        fs::write(&manifest, "[dependencies]\nb = 2\na = 1\n").unwrap();
        assert_eq!(seen.last(), Some(&key(&metadata)));
        state.starting = false;
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::write(directory.path().join(file), "other").unwrap();
            seen.push(call(&state, &metadata).unwrap().key());
        }
        let cfg = ["rustc", "--print", "cfg"].map(OsString::from);
        let seen_by_rust_analyzer = ["metadata", "--manifest-path", "Cargo.toml"].map(OsString::from);
        let (mut cfgs, mut asleep, mut awake) = (Vec::new(), Vec::new(), Vec::new());
        for text in [
            "[profile.dev]\n[dependencies]\na = 1\n",
            "[profile.dev]\n[dependencies]\nb = 2\n",
            "[profile.x]\n",
        ] {
            fs::write(&manifest, text).unwrap();
            cfgs.push(call(&state, &cfg).unwrap().key());
            state.analysing = false;
            asleep.push(call(&state, &seen_by_rust_analyzer).unwrap().key());
            state.analysing = true;
            awake.push(call(&state, &seen_by_rust_analyzer).unwrap().key());
        }
        assert!(cfgs[0] == cfgs[1] && cfgs[1] != cfgs[2]);
        assert!(asleep[0] == asleep[1] && awake[0] != awake[1] && asleep[0] != awake[0]);
        let mut different = seen.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), seen.len());
        // After the start, a cell depends on variables and settings as well.
        assert!(call(&state, &build).is_none() && call(&state, &metadata).is_some());
    }

    #[test]
    fn an_answer_holds_as_long_as_its_crates_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let (sysroot, own) = (directory.path().join("toolchain"), directory.path().join("own"));
        let state = ShimState {
            sysroot: sysroot.clone(),
            ..recording_state(directory.path())
        };
        let arguments = ["metadata".into()];
        let call = call(&state, &arguments).unwrap();
        // This package is not in the view of the sources.
        let of_library = sysroot.join(STD_SOURCES).join("coretests");
        let answer = Answer {
            code: 0,
            stdout: format!(
                "{{\"packages\": [{{\"manifest_path\": \"{STD_SOURCES_PLACEHOLDER}/coretests/Cargo.toml\"}}, \
                 {{\"manifest_path\": \"{SESSION_PLACEHOLDER}/own/Cargo.toml\"}}]}}"
            ),
            stderr: String::new(),
            library: None,
        };
        for (directory, holds) in [(of_library, false), (own, true)] {
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("Cargo.toml"), "").unwrap();
            assert_eq!(call.still_holds(&answer), holds);
        }
    }

    #[test]
    fn an_answer_names_the_directories_of_the_kernel_that_asks() {
        let directory = tempfile::tempdir().unwrap();
        let state = recording_state(directory.path());
        let arguments = ["metadata".into()];
        let call = call(&state, &arguments).unwrap();
        let text = format!(
            "{}/Cargo.toml /toolchain/{STD_SOURCES}/core",
            directory.path().display()
        );
        let recorded = call.without_own_paths(&text);
        assert_eq!(
            recorded,
            format!("{SESSION_PLACEHOLDER}/Cargo.toml {STD_SOURCES_PLACEHOLDER}/core")
        );
        let replayed = call.with_own_paths(&recorded);
        assert!(
            replayed.ends_with(&format!("/run/tools/sysroot/{STD_SOURCES}/core")),
            "{replayed}"
        );
        assert!(replayed.starts_with(&*directory.path().to_string_lossy()));
    }

    #[test]
    fn only_questions_with_lasting_answers_are_answered() {
        let directory = tempfile::tempdir().unwrap();
        let state = recording_state(directory.path());
        for (words, known) in [
            (vec!["check"], false),
            (vec!["clean"], false),
            (vec!["rustc", "--", "-O"], false),
            (vec!["rustc", "--print", "cfg"], true),
            (vec!["-Z", "unstable-options", "config", "get"], true),
        ] {
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            assert_eq!(call(&state, &words).is_some(), known, "{words:?}");
        }
    }
}
