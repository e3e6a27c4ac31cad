//! Commands of the kernel's own on a session.

use crate::{
    MimeBundle,
    errors::warnings::Warning,
    evaluation::{
        commands::{KernelCommand, help::help, text},
        start::Started,
    },
    prebuilt::{builtin, versions},
    session::{environment::are_taken_over, files},
    source::preamble::{asks_for, without_commands},
};
use anyhow::{Context, Result, anyhow};
use std::{borrow::Cow, collections::BTreeSet};

impl Started {
    /// The versions of the crates that cells have anyway.
    pub(crate) fn built_in_versions(&self) -> builtin::Versions {
        builtin::versions(self.directory())
    }

    /// What evcxr is to run, such that commands that add crates leave the versions of others as they are. Our cargo leaves
    /// them alone by itself.
    pub(crate) fn with_versions_kept<'a>(&self, source: &'a str) -> Cow<'a, str> {
        let adds = asks_for(source, ":dep");
        let is_code = !without_commands(source).trim().is_empty();
        if !adds || is_code || are_taken_over() {
            return Cow::Borrowed(source);
        }
        versions::kept(source, self.directory()).map_or(Cow::Borrowed(source), Cow::Owned)
    }

    /// The types that are tesserae, or once were.
    pub(crate) fn tesserae(&self) -> BTreeSet<String> {
        let modules = self.context.defined_item_names();
        modules
            .filter_map(|name| name.strip_prefix("__mosaic_"))
            .map(str::to_owned)
            .collect()
    }

    /// The variables that there are.
    pub(crate) fn variables_and_types(&self) -> Vec<(String, String)> {
        let all = self.context.variables_and_types();
        all.map(|(name, type_name)| (name.to_owned(), type_name.to_owned()))
            .collect()
    }

    /// Warnings of the cell just compiled that have not been shown.
    pub(crate) fn new_warnings(&mut self, source: &str) -> Vec<Warning> {
        let directory = self.directory().to_owned();
        self.warnings.take_new(&directory, source)
    }

    /// Carries out a command that only sets something, or only shows something.
    pub(crate) fn set(&mut self, command: &KernelCommand) -> Result<MimeBundle> {
        let mut settings = files::SETTINGS.read(self.directory()).unwrap_or_default();
        match command {
            KernelCommand::Help => return Ok(help()),
            KernelCommand::Opt(level) => {
                let is_optimised = settings.opt_level.as_deref().is_none_or(|level| level == "2");
                let other = if is_optimised { "0" } else { "2" };
                let level = level.clone().unwrap_or_else(|| other.to_owned());
                let shown = text(format!("Optimization: {level}\n"));
                settings.opt_level = Some(level);
                files::SETTINGS
                    .write(self.directory(), &settings)
                    .context("cannot keep the setting")?;
                return Ok(shown);
            }
            KernelCommand::Format(format) => settings.format.clone_from(format),
            KernelCommand::Types => settings.types = !settings.types,
            KernelCommand::BuiltIn | KernelCommand::Variables | KernelCommand::Doc(_) | KernelCommand::Clear => {
                return Ok(MimeBundle::new());
            }
        }
        files::SETTINGS
            .write(self.directory(), &settings)
            .context("cannot keep the setting")?;
        // evcxr formats results itself where they are not shown as `{:?}`.
        let line = match command {
            KernelCommand::Format(Some(format)) => format!(":fmt {format}"),
            KernelCommand::Format(None) => ":fmt".to_owned(),
            _ => ":types".to_owned(),
        };
        self.quietly(&line)
    }

    fn quietly(&mut self, code: &str) -> Result<MimeBundle> {
        let outputs = self.context.execute(code).map_err(|error| anyhow!("{error}"))?;
        let shown = outputs.content_by_mime_type.into_iter();
        Ok(shown.map(|(mime, content)| (mime, content.into())).collect())
    }
}
