//! Writes and removes the kernelspec, which tells Jupyter how to start this executable.
//!
//! See [Kernel specs](https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs).

mod location;

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use location::Location;

/// Default name of the kernelspec.
const NAME: &str = "rust-mosaic";
/// Default name that launchers show.
const DISPLAY_NAME: &str = "Rust (mosaic)";

/// Logos of the static kernelspec at the root of the repository.
const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../../../kernelspec/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../../kernelspec/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../../../kernelspec/logo-svg.svg")),
];

/// `mosaic-kernel install`
#[derive(Debug, Args)]
pub(crate) struct Install {
    #[command(flatten)]
    location: Location,
    /// Name of the kernelspec: letters, digits, `-`, `.` and `_`
    #[arg(long, default_value = NAME)]
    name: String,
    /// Name shown by launchers
    #[arg(long, default_value = DISPLAY_NAME)]
    display_name: String,
}

/// `mosaic-kernel uninstall`
#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    location: Location,
    /// Name of the kernelspec
    #[arg(long, default_value = NAME)]
    name: String,
}

impl Install {
    /// Writes the kernelspec and prints its directory.
    ///
    /// # Errors
    /// When the location is unknown or cannot be written to.
    pub(crate) fn run(&self) -> Result<()> {
        if let Err(missing) = mosaic_evaluator::check_toolchain() {
            eprintln!("warning: {missing}");
        }
        check_name(&self.name)?;
        let directory = self.location.kernels()?.join(&self.name);
        let executable = env::current_exe().context("cannot find the path of this executable")?;
        write(&directory, &executable, &self.display_name)?;
        println!("installed the kernelspec {} in {}", self.name, directory.display());
        Ok(())
    }
}

impl Uninstall {
    /// Removes the kernelspec and prints its directory.
    ///
    /// # Errors
    /// When there is no kernelspec, or it cannot be removed.
    pub(crate) fn run(&self) -> Result<()> {
        check_name(&self.name)?;
        let directory = self.location.kernels()?.join(&self.name);
        if !directory.join("kernel.json").is_file() {
            bail!("there is no kernelspec {} in {}", self.name, directory.display());
        }
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
        println!("removed the kernelspec {} from {}", self.name, directory.display());
        Ok(())
    }
}

/// Checks the name of a kernelspec. Jupyter uses it as the name of a directory, which must not lead elsewhere.
fn check_name(name: &str) -> Result<()> {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        bail!("{name:?} cannot be the name of a kernelspec: use letters, digits, `-`, `.` and `_`");
    }
    Ok(())
}

fn write(directory: &Path, executable: &Path, display_name: &str) -> Result<()> {
    let kernel = json!({
        "argv": [executable, "run", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "metadata": { "debugger": mosaic_debugger::find_adapter().is_some() },
    });
    let kernel = format!("{kernel:#}\n");
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let files = LOGOS.iter().copied().chain([("kernel.json", kernel.as_bytes())]);
    for (name, content) in files {
        let path = directory.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("share/jupyter/kernels/rust-mosaic");
        write(&kernel, Path::new("/opt/mosaic-kernel"), DISPLAY_NAME).unwrap();
        let text = fs::read(kernel.join("kernel.json")).unwrap();
        let spec: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(
            spec["argv"],
            json!(["/opt/mosaic-kernel", "run", "-f", "{connection_file}"])
        );
        assert_eq!(spec["language"], "rust");
        assert_eq!(spec["interrupt_mode"], "message");
        assert!(fs::read(kernel.join("logo-64x64.png")).unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn the_static_kernelspec_says_the_same() {
        let fixed: Value = serde_json::from_str(include_str!("../../../kernelspec/kernel.json")).unwrap();
        assert_eq!(
            fixed["argv"],
            json!(["mosaic-kernel", "run", "-f", "{connection_file}"])
        );
        assert_eq!(fixed["display_name"], DISPLAY_NAME);
        assert_eq!(fixed["interrupt_mode"], "message");
    }

    #[test]
    fn names_stay_in_their_directory() {
        for name in ["", "..", "a/b", ".hidden", "a b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("rust-mosaic_0.1").is_ok());
    }
}
