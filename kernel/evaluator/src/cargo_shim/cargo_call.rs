//! A call of cargo whose answer can be recorded, since everything that the answer depends on is known.

use crate::{
    cargo_shim::cache_key::{sorted_manifest, with_session, without_session},
    session::{
        digest::Parts,
        environment::real_program,
        files::{CELL_SOURCE, LOCK_FILE, MANIFEST},
        run_directory::shim_sysroot,
        shim_state::ShimState,
        sysroot,
    },
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// Stands in a recorded answer for the path of the standard library's sources, as rust-analyzer sees them.
pub(super) const STD_SOURCES_PLACEHOLDER: &str = "@mosaic-library@";

/// The line of a manifest from which on it names crates.
const DEPENDENCIES: &str = "[dependencies]";

/// A call of cargo whose answer can be recorded.
pub(super) struct CargoCall<'a> {
    pub(super) state: &'a ShimState,
    pub(super) arguments: Vec<&'a str>,
    /// The standard library's sources by the path that rust-analyzer sees.
    seen_std_sources: PathBuf,
    /// The directory in which cargo is called.
    here: &'a Path,
}

impl<'a> CargoCall<'a> {
    /// Recognises a call, in the directory `here`, whose answer can be recorded.
    pub(super) fn new(
        shim: &Path,
        state: &'a ShimState,
        here: &'a Path,
        arguments: &'a [OsString],
    ) -> Option<CargoCall<'a>> {
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
        (is_known && (here == state.session || is_in_std)).then_some(CargoCall {
            state,
            arguments,
            seen_std_sources,
            here,
        })
    }

    /// Returns whether the call builds a trial cell of a kernel that is starting.
    pub(super) fn is_build(&self) -> bool {
        self.arguments[0] == "build"
    }

    /// Returns whether the call asks for the metadata of a project.
    pub(super) fn is_metadata(&self) -> bool {
        self.arguments[0] == "metadata"
    }

    /// Returns whether the answer differs after a `:dep`. A call that names the manifest is from rust-analyzer, which
    /// learns of no crates before it has to know types.
    fn depends_on_crates(&self) -> bool {
        let is_of_rust_analyzer = self.arguments.contains(&"--manifest-path");
        self.is_build() || (self.is_metadata() && (self.state.analysing || !is_of_rust_analyzer))
    }

    /// Returns the name of the recorded answer.
    pub(super) fn key(&self) -> String {
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

    /// Returns the real cargo with the arguments of this call. It works on the complete sources of the standard
    /// library, since the view lacks files that cargo looks for.
    pub(super) fn command(&self) -> Command {
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

    /// Returns the text with placeholders for the paths of this kernel.
    pub(super) fn without_own_paths(&self, text: &str) -> String {
        let library = sysroot::std_sources(&self.state.sysroot);
        without_session(text, &self.state.session)
            .replace(&*self.seen_std_sources.to_string_lossy(), STD_SOURCES_PLACEHOLDER)
            .replace(&*library.to_string_lossy(), STD_SOURCES_PLACEHOLDER)
    }

    /// Returns the text with the paths of this kernel in the place of the placeholders.
    pub(super) fn with_own_paths(&self, text: &str) -> String {
        with_session(text, &self.state.session)
            .replace(STD_SOURCES_PLACEHOLDER, &self.seen_std_sources.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cargo_shim::cache_key::SESSION_PLACEHOLDER, session::sysroot::STD_SOURCES};
    use std::fs;

    fn recording_state(directory: &Path) -> ShimState {
        ShimState {
            recording: true,
            starting: true,
            ..ShimState::of_session(directory.to_owned())
        }
    }

    fn call<'a>(state: &'a ShimState, arguments: &'a [OsString]) -> Option<CargoCall<'a>> {
        CargoCall::new(Path::new("/run/shim"), state, &state.session, arguments)
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
            replayed.ends_with(&format!("/run/shim/sysroot/{STD_SOURCES}/core")),
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
