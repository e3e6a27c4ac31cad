//! `:profile`.

use crate::{
    errors::cell_error::CellError,
    evaluation::{
        Evaluation,
        commands::{command::Runner, failed},
    },
    mime_bundle::MimeBundle,
    prebuilt::requested_dependency::Versions,
    profile::{Format, Profile},
    session::{
        files,
        link::{Instruction, Report},
    },
};
use mosaic_engine::ProcessProfile;
use std::path::{Path, PathBuf};

/// The argument before the name of a file.
const SAVE: &str = "--save";

/// A profile that a cell asks for.
#[derive(Debug, Default)]
pub(crate) struct ProfileRequest {
    /// The file to which the profile is written. A relative path begins at the notebook's directory.
    file: Option<PathBuf>,
    /// What was found, once the code of the cell has run, or why nothing was.
    found: Option<Result<Vec<ProcessProfile>, String>>,
}

/// Decides on `:profile`, whose code stands below it.
pub(super) fn profile(arguments: Option<&str>, _: &Versions) -> Result<Runner, String> {
    if let Some(arguments) = arguments {
        let file = file_of(arguments).ok_or_else(|| {
            format!("`:profile {arguments}` is not understood: write the code on the next line; `{SAVE} FILE` saves the profile")
        })?;
        Format::of(&file)?;
    }
    Ok(Runner::Kernel(|evaluation, arguments, _| {
        evaluation.measures.profile = Some(ProfileRequest {
            file: arguments.and_then(file_of),
            found: None,
        });
        evaluation.compile_profiled(true)?;
        Ok(MimeBundle::new())
    }))
}

/// Returns the file that the arguments name, if they are understood.
fn file_of(arguments: &str) -> Option<PathBuf> {
    let file = arguments.strip_prefix(SAVE)?;
    let is_apart = file.starts_with(char::is_whitespace);
    Some(file.trim().trim_matches('"'))
        .filter(|file| is_apart && !file.is_empty())
        .map(PathBuf::from)
}

impl Evaluation<'_> {
    /// Sets whether cells are compiled with the places of their code.
    fn compile_profiled(&mut self, profiled: bool) -> Result<(), CellError> {
        let directory = self.session()?.directory();
        let mut settings = files::SETTINGS.read(directory).unwrap_or_default();
        settings.profiled = profiled;
        let written = files::SETTINGS.write(directory, &settings);
        written.map_err(|error| failed(format!("cannot keep the setting: {error}")))
    }

    /// Tells the cell process to sample the code that runs next, if the cell asks for it.
    pub(in crate::evaluation) fn expect_profile(&mut self) -> Result<(), CellError> {
        if self.measures.profile.is_some() && self.link.send(&Instruction::Profile).is_none() {
            return Err(failed(
                "there is no cell process to be profiled: run the cell again".to_owned(),
            ));
        }
        Ok(())
    }

    /// Takes what a profile has found out of the reports of the cell.
    pub(in crate::evaluation) fn note_profile(&mut self, reports: &mut Vec<Report>) {
        let found = reports
            .extract_if(.., |report| matches!(report, Report::Profiled(_)))
            .last();
        if let (Some(Report::Profiled(found)), Some(profile)) = (found, &mut self.measures.profile) {
            profile.found = Some(found);
        }
    }

    /// Shows the profile of the cell and saves it, if `:profile` asks for it.
    pub(in crate::evaluation) fn show_profile(&mut self) {
        let Some(ProfileRequest { file, found }) = self.measures.profile.take() else {
            return;
        };
        let profile = match found {
            Some(Ok(found)) => Profile::new(format!("cell [{}]", self.number), &found),
            Some(Err(reason)) => return self.notice(&format!("the cell was not profiled: {reason}")),
            None => return self.notice("`:profile` found nothing: no code of this cell has run"),
        };
        if !profile.is_empty() {
            self.show(profile.bundle());
        }
        self.show(profile.table());
        if let Some(file) = file {
            self.save(&profile, &file);
        }
    }

    fn save(&self, profile: &Profile, file: &Path) {
        match profile.save(file) {
            Ok(()) => self.notice(&format!("the profile is in {}", file.display())),
            Err(reason) => self.notice(&format!("the profile is not saved: {reason}")),
        }
    }

    /// Compiles later cells as before, if this one was profiled.
    pub(in crate::evaluation) fn end_profile(&mut self) -> Result<(), CellError> {
        let Ok(session) = self.session() else { return Ok(()) };
        let settings = files::SETTINGS.read(session.directory());
        match settings.is_some_and(|settings| settings.profiled) {
            true => self.compile_profiled(false),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stands_behind_its_argument() {
        for (arguments, expected) in [
            ("--save profile.svg", Some("profile.svg")),
            ("--save  \"my profile.json\"", Some("my profile.json")),
            ("--saveprofile.svg", None),
            ("--save", None),
            ("1 + 1", None),
        ] {
            assert_eq!(file_of(arguments), expected.map(PathBuf::from), "{arguments}");
        }
    }

    #[test]
    fn other_formats_are_refused() {
        let decide = |arguments: &str| profile(Some(arguments), &Versions::default()).err();
        assert!(decide("--save profile.png").unwrap().contains("`.svg`"));
        assert!(decide("f()").unwrap().contains("next line"));
        assert!(decide("--save a.json").is_none());
    }
}
