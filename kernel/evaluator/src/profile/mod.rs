//! Profiles as users see them: flame graphs, tables, and files for Firefox's profiler.
//!
//! The cell process and the workers sample themselves, and send their samples as data. All that is shown of the samples
//! is made here, in the kernel, so that no other process needs the code for it.
//!
//! - `stacks`: the frames of samples as functions of the user's, of crates and of the system. Folds the kernel's own
//!   frames away.
//! - `flame_graph`: the stacks as a picture, by inferno.
//! - `table`: the functions and lines that take most of the time, as text and HTML.
//! - `firefox`: the stacks as a file for <https://profiler.firefox.com>.

mod firefox;
mod flame_graph;
mod stacks;
mod table;
#[cfg(test)]
mod tests;

use mosaic_abi::ProcessProfile;
use mosaic_message::MimeBundle;
use mosaic_sampler::Samples;
use stacks::Process;
use std::{fs, path::Path};

/// A profile of one or more processes.
#[derive(Debug)]
pub(crate) struct Profile {
    /// What was profiled, for titles.
    title: String,
    processes: Vec<Process>,
    /// Why some processes have no samples.
    problems: Vec<String>,
}

impl Profile {
    /// Reads what the processes have sampled.
    pub(crate) fn new(title: impl Into<String>, profiles: &[ProcessProfile]) -> Profile {
        let (mut processes, mut problems) = (Vec::new(), Vec::new());
        for ProcessProfile { process, samples } in profiles {
            let samples = samples.as_deref().map_err(String::clone);
            match samples.and_then(mosaic_abi::decode::<Samples>) {
                Ok(samples) => processes.push(Process::new(process, samples)),
                Err(reason) => problems.push(format!("{} has no profile: {reason}", stacks::name_of_process(process))),
            }
        }
        Profile {
            title: title.into(),
            processes,
            problems,
        }
    }

    /// Returns the flame graph, with the table as its text.
    pub(crate) fn bundle(&self) -> MimeBundle {
        let bundle = MimeBundle::new().with_text("text/plain", table::text(self));
        match flame_graph::picture(self, false) {
            Some(picture) => bundle.with_text("image/svg+xml", picture),
            None => bundle,
        }
    }

    /// Returns the table of functions and lines.
    pub(crate) fn table(&self) -> MimeBundle {
        MimeBundle::new()
            .with_text("text/plain", table::text(self))
            .with_text("text/html", table::html(self))
    }

    /// Writes the profile to a file: a flame graph if the name ends with `.svg`, and a profile for Firefox's profiler
    /// if it ends with `.json`.
    ///
    /// # Errors
    ///
    /// The name ends in another way, or the file cannot be written. The text says so.
    pub(crate) fn save(&self, file: &Path) -> Result<(), String> {
        let content = match Format::of(file)? {
            Format::Svg => flame_graph::picture(self, true).ok_or("there are no samples to be saved as a picture")?,
            Format::Firefox => firefox::json(self)?,
        };
        fs::write(file, content).map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    /// Returns whether there is any sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.iter().all(|process| process.stacks.is_empty())
    }
}

/// The format of a saved profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Svg,
    Firefox,
}

impl Format {
    /// Returns the format that the name of a file asks for.
    ///
    /// # Errors
    ///
    /// The name ends in another way. The text says how it may end.
    pub(crate) fn of(file: &Path) -> Result<Format, String> {
        match file.extension().and_then(|it| it.to_str()) {
            Some("svg") => Ok(Format::Svg),
            Some("json") => Ok(Format::Firefox),
            _ => Err(format!(
                "a profile is saved as `.svg`, a flame graph, or as `.json`, for Firefox's profiler, and not as `{}`",
                file.display()
            )),
        }
    }
}

/// Returns how a profile is shown that a cell has taken, as the encoded `Vec` of [`ProcessProfile`].
///
/// # Examples
///
/// ```
/// let nothing: Vec<u8> = vec![0];
/// let shown = mosaic_evaluator::show_profile(&nothing);
/// assert_eq!(shown.mime_types().collect::<Vec<_>>(), ["text/plain"]);
/// ```
pub fn show_profile(profiles: &[u8]) -> MimeBundle {
    match mosaic_abi::decode::<Vec<ProcessProfile>>(profiles) {
        Ok(profiles) => Profile::new("profile", &profiles).bundle(),
        Err(error) => MimeBundle::new().with_text("text/plain", format!("this profile cannot be read: {error}")),
    }
}
