//! Dynamic libraries that cargo builds for cells, and their names.

use anyhow::{Context, Result};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Returns the file name of a dynamic library.
pub(super) fn file_name(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// A library that cargo gives the same file name in every build.
///
/// The dynamic linker takes a library that is loaded already for every library of its name. So each build also gets a
/// name of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DynamicLibrary {
    path: PathBuf,
    own_name: String,
}

impl DynamicLibrary {
    /// Names the library that rustc writes for a crate. `metadata` differs between builds of the crate.
    pub(super) fn new(directory: &Path, crate_name: &str, metadata: &str) -> DynamicLibrary {
        DynamicLibrary {
            path: directory.join(file_name(crate_name)),
            own_name: file_name(&format!("{crate_name}-{metadata}")),
        }
    }

    /// Returns the option `-C` by which the linker writes the build's own name into the library.
    pub(super) fn link_option(&self) -> String {
        format!("link-arg=-Wl,-soname,{}", self.own_name)
    }

    /// Gives the library's file the build's own name, too.
    pub(super) fn link_own_name(&self) -> Result<()> {
        let own = self.path.with_file_name(&self.own_name);
        let _ = fs::remove_file(&own);
        match fs::hard_link(&self.path, &own) {
            // A check writes no library.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.with_context(|| format!("cannot name {}", own.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_has_a_name_of_its_own_beside_cargos() {
        let directory = tempfile::tempdir().unwrap();
        let library = DynamicLibrary::new(directory.path(), "mosaic", "0123");
        assert_eq!(
            library.link_option(),
            format!("link-arg=-Wl,-soname,{}", file_name("mosaic-0123"))
        );
        // A check writes no library.
        library.link_own_name().unwrap();
        for content in ["first", "second"] {
            let _ = fs::remove_file(directory.path().join(file_name("mosaic")));
            fs::write(directory.path().join(file_name("mosaic")), content).unwrap();
            library.link_own_name().unwrap();
            let own = directory.path().join(file_name("mosaic-0123"));
            assert_eq!(fs::read_to_string(own).unwrap(), content);
        }
    }
}
