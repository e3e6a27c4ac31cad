//! `mosaic-kernel export`: a notebook as a cargo project.

use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// `mosaic-kernel export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The notebook
    notebook: PathBuf,
    /// The directory of the project; the notebook's name by default
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// A checkout of mosaic-kernel, whose crates the program uses; without it, they are written beside the program
    #[arg(long, value_name = "DIR")]
    mosaic: Option<PathBuf>,
}

impl Export {
    /// Writes the project and prints its directory.
    ///
    /// # Errors
    ///
    /// A cell has no counterpart in a program, or the project cannot be written.
    pub(crate) fn run(self) -> Result<()> {
        let exported = mosaic_evaluator::export(&mosaic_evaluator::Export {
            notebook: self.notebook,
            directory: self.to,
            mosaic: self.mosaic,
        })?;
        for notice in &exported.notices {
            eprintln!("{notice}");
        }
        println!("{}", exported.directory.display());
        Ok(())
    }
}
