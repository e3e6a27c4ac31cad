//! What cargo said before, for the same project.
//!
//! An answer is found by everything that it depends on: the arguments, the manifest, the versions and, for a build, the
//! source, which depends on nothing else while evcxr tries itself out. What names this kernel's directories is exchanged.

use crate::{
    cargo_shim::{cache_key, metadata_filter},
    evcxr_text::markers::LIBRARY_PATH_VARIABLE,
    session::{
        digest::Parts,
        environment::real,
        shim_state::{LIBRARY, ShimState},
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

/// In the place of the paths that are this kernel's own.
const SESSION: &str = "@mosaic-session@";
const SOURCES: &str = "@mosaic-library@";

/// Where a manifest begins to name crates.
const DEPENDENCIES: &str = "[dependencies]";

/// What a call printed and did.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    code: u8,
    stdout: String,
    stderr: String,
    /// The library that was built, below the session's directory.
    library: Option<PathBuf>,
}

/// Runs cargo, or gives its answer of another time.
pub(super) fn cargo(tools: &Path, state: &ShimState, here: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let call = Call::new(tools, state, here, arguments);
    let Some(call) = call else {
        return Err(real(Some(&state.sysroot), "cargo").args(arguments).exec().into());
    };
    let file = state.answers.join(call.key());
    if let Some(answer) = read(&file).filter(|answer| call.still_holds(answer)) {
        return call.give(&file, &answer);
    }
    let output = call
        .command()
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    let answer = call.answer(output);
    if state.recording {
        call.keep(&file, &answer)?;
    }
    answer.tell(&call)
}

/// Tells what the compiler says of itself: `rustc -vV`, as long as it is the same.
pub(super) fn version(state: &ShimState) -> Result<ExitCode> {
    let file = state
        .answers
        .join(format!("rustc-{}", cache_key::installed(state).as_nanos()));
    let kept = fs::read(&file).ok().filter(|text| text.ends_with(b"\n"));
    let text = match kept {
        Some(text) => text,
        None => {
            let output = real(Some(&state.sysroot), "rustc").arg("-vV").output();
            let output = output.context("cannot run rustc")?;
            if !output.status.success() {
                io::stderr().write_all(&output.stderr)?;
                return Ok(ExitCode::FAILURE);
            }
            cache_key::replace(&file, &output.stdout).context("cannot keep what rustc said")?;
            output.stdout
        }
    };
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A project's manifest with its lines in order: evcxr writes dependencies in any order, another one in each session.
pub(super) fn manifest(project: &Path) -> String {
    let text = fs::read_to_string(project.join("Cargo.toml")).unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn read(file: &Path) -> Option<Answer> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// A call whose answer depends on what is known.
struct Call<'a> {
    state: &'a ShimState,
    arguments: Vec<&'a str>,
    /// The standard library's sources, as rust-analyzer sees them.
    seen: PathBuf,
    here: &'a Path,
}

impl<'a> Call<'a> {
    fn new(tools: &Path, state: &'a ShimState, here: &'a Path, arguments: &'a [OsString]) -> Option<Call<'a>> {
        let arguments: Vec<&str> = arguments.iter().map(|it| it.to_str()).collect::<Option<_>>()?;
        let seen = ShimState::seen_sysroot(tools).join(LIBRARY);
        let is_known = match *arguments.first()? {
            "build" => state.starting,
            "metadata" | "locate-project" | "--version" => true,
            "rustc" | "-Z" => arguments.contains(&"--print") || arguments.contains(&"config"),
            _ => false,
        };
        // The process's own directory has its links followed.
        let of_library = here == state.view || here == seen;
        (is_known && (here == state.session || of_library)).then_some(Call {
            state,
            arguments,
            seen,
            here,
        })
    }

    fn is_build(&self) -> bool {
        self.arguments[0] == "build"
    }

    /// Whether the answer is another one after a `:dep`. rust-analyzer names the manifest, and is told of no crates
    /// before it is to know types.
    fn depends_on_crates(&self) -> bool {
        let is_of_rust_analyzer = self.arguments.contains(&"--manifest-path");
        self.is_build() || (self.arguments[0] == "metadata" && (self.state.analysing || !is_of_rust_analyzer))
    }

    fn key(&self) -> String {
        let mut parts = Parts::default();
        for argument in &self.arguments {
            parts.add(self.without_own_paths(argument).as_bytes());
        }
        if self.here == self.state.session && !self.depends_on_crates() {
            let text = fs::read_to_string(self.here.join("Cargo.toml")).unwrap_or_default();
            parts.add(text.split(DEPENDENCIES).next().unwrap_or_default().as_bytes());
        } else if self.here == self.state.session {
            parts.add(manifest(self.here).as_bytes());
            parts.add(&[self.state.starting.into(), self.state.analysing.into()]);
            // While a kernel starts the versions are those of the template, whatever cargo makes of them in between.
            if !self.state.starting {
                parts.add(&fs::read(self.here.join("Cargo.lock")).unwrap_or_default());
            }
        }
        if self.is_build() {
            parts.add(&fs::read(self.here.join("src/lib.rs")).unwrap_or_default());
        }
        parts.name(16)
    }

    fn command(&self) -> Command {
        // The view of the sources has not everything that cargo looks for.
        let library = self.state.sysroot.join(LIBRARY);
        let mut command = real(Some(&self.state.sysroot), "cargo");
        let seen = self.seen.to_string_lossy();
        let arguments = self
            .arguments
            .iter()
            .map(|it| it.replace(&*seen, &library.to_string_lossy()));
        command
            .args(arguments)
            .env("RUSTC", self.state.sysroot.join("bin/rustc"));
        if self.here != self.state.session {
            command.current_dir(library);
        }
        command
    }

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

    /// For the next kernel.
    fn keep(&self, file: &Path, answer: &Answer) -> Result<()> {
        if let Some(library) = &answer.library {
            let kept = file.with_extension("so");
            let _ = fs::remove_file(&kept);
            fs::hard_link(self.state.session.join(library), kept)?;
        } else if self.is_build() && answer.code == 0 {
            return Ok(());
        }
        fs::write(file, serde_json::to_vec(answer)?).context("cannot keep what cargo said")
    }

    /// Whether what the answer tells of is still there.
    fn still_holds(&self, answer: &Answer) -> bool {
        if self.arguments[0] != "metadata" {
            return true;
        }
        // What the view of the sources leaves out is still there.
        let library = self.state.sysroot.join(LIBRARY);
        let text = answer.stdout.replace(SOURCES, &library.to_string_lossy());
        let manifests = metadata_filter::manifests(&self.with_own_paths(&text));
        answer.code != 0 || manifests.is_some_and(|paths| paths.iter().all(|path| Path::new(path).is_file()))
    }

    fn give(&self, file: &Path, answer: &Answer) -> Result<ExitCode> {
        if let (Some(library), Some(told)) = (&answer.library, env::var_os(LIBRARY_PATH_VARIABLE)) {
            let path = self.state.session.join(library);
            let _ = fs::remove_file(&path);
            fs::create_dir_all(path.parent().unwrap_or(&self.state.session))?;
            fs::hard_link(file.with_extension("so"), &path).context("cannot give the library")?;
            fs::write(told, path.as_os_str().as_encoded_bytes())?;
        }
        answer.tell(self)
    }

    fn without_own_paths(&self, text: &str) -> String {
        let library = self.state.sysroot.join(LIBRARY);
        text.replace(&*self.state.session.to_string_lossy(), SESSION)
            .replace(&*self.seen.to_string_lossy(), SOURCES)
            .replace(&*library.to_string_lossy(), SOURCES)
    }

    fn with_own_paths(&self, text: &str) -> String {
        text.replace(SESSION, &self.state.session.to_string_lossy())
            .replace(SOURCES, &self.seen.to_string_lossy())
    }
}

impl Answer {
    fn tell(&self, call: &Call) -> Result<ExitCode> {
        io::stderr().write_all(call.with_own_paths(&self.stderr).as_bytes())?;
        io::stdout().write_all(call.with_own_paths(&self.stdout).as_bytes())?;
        Ok(self.code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(directory: &Path) -> ShimState {
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
        let mut state = stage(directory.path());
        let build = ["build", "--message-format=json"].map(OsString::from);
        let metadata = ["metadata", "--format-version", "1"].map(OsString::from);
        let key = |arguments: &[OsString]| call(&state, arguments).unwrap().key();
        let mut seen = vec![key(&build), key(&metadata)];
        for file in ["Cargo.toml", "src/lib.rs"] {
            fs::write(directory.path().join(file), file).unwrap();
            seen.push(key(&build));
        }
        seen.push(key(&metadata));
        // evcxr writes dependencies in any order.
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
        // A cell of the user's depends on variables and settings, too.
        assert!(call(&state, &build).is_none() && call(&state, &metadata).is_some());
    }

    #[test]
    fn an_answer_holds_as_long_as_its_crates_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let (sysroot, own) = (directory.path().join("toolchain"), directory.path().join("own"));
        let state = ShimState {
            sysroot: sysroot.clone(),
            ..stage(directory.path())
        };
        let arguments = ["metadata".into()];
        let call = call(&state, &arguments).unwrap();
        // Not in the view of the sources.
        let of_library = sysroot.join(LIBRARY).join("coretests");
        let answer = Answer {
            code: 0,
            stdout: format!(
                "{{\"packages\": [{{\"manifest_path\": \"{SOURCES}/coretests/Cargo.toml\"}}, \
                 {{\"manifest_path\": \"{SESSION}/own/Cargo.toml\"}}]}}"
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
    fn an_answer_names_the_directories_of_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let state = stage(directory.path());
        let arguments = ["metadata".into()];
        let call = call(&state, &arguments).unwrap();
        let text = format!("{}/Cargo.toml /toolchain/{LIBRARY}/core", directory.path().display());
        let kept = call.without_own_paths(&text);
        assert_eq!(kept, format!("{SESSION}/Cargo.toml {SOURCES}/core"));
        let given = call.with_own_paths(&kept);
        assert!(
            given.ends_with(&format!("/run/tools/sysroot/{LIBRARY}/core")),
            "{given}"
        );
        assert!(given.starts_with(&*directory.path().to_string_lossy()));
    }

    #[test]
    fn only_questions_with_lasting_answers_are_answered() {
        let directory = tempfile::tempdir().unwrap();
        let state = stage(directory.path());
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
