//! Answers for cargo from a recording of what cargo answered to another kernel of the same toolchain.
//!
//! The first kernel of a toolchain records. An answer is found by everything that it depends on: the arguments, the
//! manifest, the versions of crates and, for a build, the source. Only the builds of a kernel that is starting are
//! recorded: then evcxr compiles trial cells, which depend on nothing but their text. A recorded answer has
//! placeholders for the directories of the kernel.

use crate::{
    cargo_shim::{
        cache_key,
        cargo_call::{CargoCall, STD_SOURCES_PLACEHOLDER},
        metadata_filter, observed_cargo,
    },
    evcxr_text::markers::LIBRARY_PATH_VARIABLE,
    session::{environment::real_program, shared_files::replace, shim_state::ShimState, sysroot},
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
    process::{ExitCode, Output, Stdio},
};

/// Gives the recorded answer of cargo to a call in the directory `here`, or else runs cargo. Records cargo's answer if
/// the kernel is the one that records.
///
/// # Errors
///
/// Cargo cannot be run, or its answer cannot be recorded or given.
pub(super) fn cargo(shim: &Path, state: &ShimState, here: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let Some(call) = CargoCall::new(shim, state, here, arguments) else {
        return Err(real_program(Some(&state.sysroot), "cargo")
            .args(arguments)
            .exec()
            .into());
    };
    let file = state.answers.join(call.key());
    if let Some(answer) = Answer::read(&file).filter(|answer| answer.still_holds(&call)) {
        return answer.replay(&file, &call);
    }
    let mut command = call.command();
    command.stdin(Stdio::null());
    let output = match call.is_build() {
        true => observed_cargo::run(command)?,
        false => command.output().context("cannot run cargo")?,
    };
    let answer = Answer::of(&call, &output);
    if state.recording {
        answer.record(&file, &call)?;
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

/// The outcome of a call of cargo.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    code: u8,
    stdout: String,
    stderr: String,
    /// The library that was built, relative to the session directory.
    library: Option<PathBuf>,
}

impl Answer {
    /// Reads a recorded answer, if there is one.
    fn read(file: &Path) -> Option<Answer> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// Makes an answer of cargo's output.
    fn of(call: &CargoCall, output: &Output) -> Answer {
        let mut stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_whole = call.arguments.contains(&"--filter-platform") && !call.arguments.contains(&"--no-deps");
        if call.is_metadata() && is_whole {
            stdout = metadata_filter::of_interest(&stdout, call.state.analysing).unwrap_or(stdout);
        }
        let code = output.status.code().and_then(|code| u8::try_from(code).ok());
        let built = env::var_os(LIBRARY_PATH_VARIABLE).filter(|_| call.is_build() && code == Some(0));
        let built = built.and_then(|file| fs::read_to_string(file).ok());
        Answer {
            code: code.unwrap_or(1),
            stdout: call.without_own_paths(&stdout),
            stderr: call.without_own_paths(&String::from_utf8_lossy(&output.stderr)),
            library: built.and_then(|path| Some(Path::new(&path).strip_prefix(&call.state.session).ok()?.to_owned())),
        }
    }

    /// Records the answer for later kernels, with the library that was built. A successful build without a known
    /// library is not recorded, and neither is a configuration that holds a secret.
    fn record(&self, file: &Path, call: &CargoCall) -> Result<()> {
        if call.arguments.contains(&"config") && has_secret(&self.stdout) {
            return Ok(());
        }
        if let Some(library) = &self.library {
            let recorded = file.with_extension("so");
            let _ = fs::remove_file(&recorded);
            fs::hard_link(call.state.session.join(library), recorded)?;
        } else if call.is_build() && self.code == 0 {
            return Ok(());
        }
        fs::write(file, serde_json::to_vec(self)?).context("cannot record what cargo said")
    }

    /// Returns whether the answer is still true: the packages that cargo's metadata names still exist.
    fn still_holds(&self, call: &CargoCall) -> bool {
        if !call.is_metadata() {
            return true;
        }
        // Looked for in the toolchain itself, since the view leaves some packages out.
        let library = sysroot::std_sources(&call.state.sysroot);
        let text = self.stdout.replace(STD_SOURCES_PLACEHOLDER, &library.to_string_lossy());
        let manifests = metadata_filter::manifests(&call.with_own_paths(&text));
        self.code != 0 || manifests.is_some_and(|paths| paths.iter().all(|path| Path::new(path).is_file()))
    }

    /// Gives the recorded answer, and puts the library of a build in its place.
    fn replay(&self, file: &Path, call: &CargoCall) -> Result<ExitCode> {
        if let (Some(library), Some(result)) = (&self.library, env::var_os(LIBRARY_PATH_VARIABLE)) {
            let path = call.state.session.join(library);
            let _ = fs::remove_file(&path);
            fs::create_dir_all(path.parent().unwrap_or(&call.state.session))?;
            fs::hard_link(file.with_extension("so"), &path).context("cannot give the library")?;
            fs::write(result, path.as_os_str().as_encoded_bytes())?;
        }
        self.print(call)
    }

    /// Prints what cargo printed, and returns cargo's exit code.
    fn print(&self, call: &CargoCall) -> Result<ExitCode> {
        io::stderr().write_all(call.with_own_paths(&self.stderr).as_bytes())?;
        io::stdout().write_all(call.with_own_paths(&self.stdout).as_bytes())?;
        Ok(self.code.into())
    }
}

/// Returns whether cargo's configuration may hold a secret: a token of a registry, or a password, also within the address
/// of a proxy.
fn has_secret(configuration: &str) -> bool {
    let text = configuration.to_lowercase();
    let names = ["token", "secret", "password", "passwd", "credential", "_key"];
    let has_user = |rest: &str| {
        rest.split(['"', '/', '\n'])
            .next()
            .is_some_and(|host| host.contains('@'))
    };
    names.iter().any(|name| text.contains(name)) || text.split("://").skip(1).any(has_user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_cargos_configuration_are_seen() {
        for (configuration, expected) in [
            ("{\"build\":{\"jobs\":1}}", false),
            ("registries.mine.index = \"sparse+https://example.org/index/\"", false),
            ("registries.mine.index = \"ssh://git@example.org/index/\"", true),
            ("registries.mine.token = \"cio1234\"", true),
            ("http.proxy = \"https://me:1234@example.org:8080\"", true),
            ("env.DATABASE_PASSWORD = \"1234\"", true),
        ] {
            assert_eq!(has_secret(configuration), expected, "{configuration}");
        }
    }
    use crate::{cargo_shim::cache_key::SESSION_PLACEHOLDER, session::sysroot::STD_SOURCES};

    #[test]
    fn an_answer_holds_as_long_as_its_crates_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let (sysroot, own) = (directory.path().join("toolchain"), directory.path().join("own"));
        let state = ShimState {
            sysroot: sysroot.clone(),
            ..ShimState::of_session(directory.path().to_owned())
        };
        let arguments = ["metadata".into()];
        let call = CargoCall::new(Path::new("/run/shim"), &state, &state.session, &arguments).unwrap();
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
            assert_eq!(answer.still_holds(&call), holds);
        }
    }
}
