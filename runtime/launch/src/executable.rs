//! The executable of an order: its bytes, their hash, and what they need on a host.

use crate::{
    Order,
    error::LaunchError,
    machine::{GlibcVersion, Requirements},
};
use object::{
    LittleEndian,
    elf::{EM_AARCH64, EM_X86_64, FileHeader64},
    read::elf::{FileHeader, SectionTable},
};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

type Header = FileHeader64<LittleEndian>;
const ENDIAN: LittleEndian = LittleEndian;

/// An executable file on this machine.
#[derive(Debug)]
pub(crate) struct Executable {
    path: PathBuf,
    /// The file stays open, so that a replacement host gets the same bytes after the file was replaced.
    file: File,
    size: u64,
    cpu_flags: Vec<String>,
    facts: OnceLock<Result<Facts, String>>,
}

/// What is known about an executable after reading it.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The SHA-256 of the bytes, in hexadecimal digits.
    pub(crate) sha256: String,
    /// What the executable needs on a host.
    pub(crate) requirements: Requirements,
}

impl Executable {
    /// Opens the executable of an order.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is not a regular file.
    pub(crate) fn open_for(order: &Order) -> Result<Executable, LaunchError> {
        let path = &order.executable;
        Executable::open(path, &order.cpu_flags).map_err(|source| LaunchError::Executable {
            path: path.clone(),
            source,
        })
    }

    /// Opens an executable that needs these CPU flags.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is not a regular file.
    fn open(path: &Path, cpu_flags: &[String]) -> io::Result<Executable> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        Ok(Executable {
            path: path.to_owned(),
            file,
            size: metadata.len(),
            cpu_flags: cpu_flags.to_owned(),
            facts: OnceLock::new(),
        })
    }

    /// Returns the number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns what is known about the executable. The first call reads the whole file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not an executable of a known format.
    pub(crate) fn facts(&self) -> Result<&Facts, String> {
        let facts = self.facts.get_or_init(|| {
            self.read_facts()
                .map_err(|error| format!("cannot launch {}: {error}", self.path.display()))
        });
        facts.as_ref().map_err(Clone::clone)
    }

    /// Reads bytes at an offset into a buffer. Returns their number, which is 0 at the end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn read_facts(&self) -> io::Result<Facts> {
        let mut bytes = vec![0; usize::try_from(self.size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, 0)?;
        let mut requirements = requirements(&bytes)?;
        requirements.cpu_flags.clone_from(&self.cpu_flags);
        Ok(Facts {
            sha256: hexadecimal(&Sha256::digest(&bytes)),
            requirements,
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

/// Reads from an executable what it needs on a host: an architecture, and a version of glibc. A script needs nothing.
fn requirements(bytes: &[u8]) -> io::Result<Requirements> {
    if bytes.starts_with(b"#!") {
        return Ok(Requirements::default());
    }
    let format_error = |error: object::read::Error| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let header = Header::parse(bytes).map_err(format_error)?;
    let architecture = match header.e_machine.get(ENDIAN) {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "unknown architecture")),
    };
    let sections = header.sections(ENDIAN, bytes).map_err(format_error)?;
    Ok(Requirements {
        architecture: Some(architecture.to_owned()),
        glibc: glibc_version(&sections, bytes).map_err(format_error)?,
        cpu_flags: Vec::new(),
    })
}

/// Returns the highest version of glibc whose symbols an executable imports.
fn glibc_version(sections: &SectionTable<Header>, bytes: &[u8]) -> object::read::Result<Option<GlibcVersion>> {
    let Some((mut files, strings)) = sections.gnu_verneed(ENDIAN, bytes)? else {
        return Ok(None);
    };
    let strings = sections.strings(ENDIAN, bytes, strings)?;
    let mut highest = None;
    while let Some((_, mut versions)) = files.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(ENDIAN, strings)?);
            let version = name.strip_prefix("GLIBC_").and_then(GlibcVersion::parse);
            highest = highest.max(version);
        }
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;

    #[test]
    fn the_executable_of_the_test_needs_this_machine() {
        let executable = Executable::open(&env::current_exe().unwrap(), &[]).unwrap();
        let facts = executable.facts().unwrap();
        assert_eq!(facts.sha256.len(), 64);
        assert_eq!(facts.requirements.architecture.as_deref(), Some(env::consts::ARCH));
        // Rust's standard library needs at least the version 2.17.
        assert!(facts.requirements.glibc >= GlibcVersion::parse("2.17"), "{facts:?}");
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let executable = Executable::open(file.path(), &[]).unwrap();
        let error = executable.facts().unwrap_err();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        assert!(Executable::open(Path::new("/"), &[]).is_err());
    }
}
