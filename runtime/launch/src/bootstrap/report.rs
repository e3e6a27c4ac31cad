//! The lines that the script on a host writes before the node process runs.

use super::{END, PREFIX, read_line};
use crate::machine::Machine;
use std::io::BufRead;

/// What a host says about itself.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) machine: Machine,
    /// The directory for the executable; empty if there is none.
    pub(super) directory: String,
    /// Whether the executable is in the directory already.
    pub(super) is_cached: bool,
}

/// Reads the lines of the script, and leaves out what a login prints.
pub(super) struct Reports<Output>(Output);

impl<Output: BufRead> Reports<Output> {
    /// Reads from the standard output of the script.
    pub(super) fn new(output: Output) -> Reports<Output> {
        Reports(output)
    }

    /// Reads the report of the host.
    ///
    /// # Errors
    ///
    /// The text of the script's failure, or `None` at the end of the output.
    pub(super) fn next_report(&mut self) -> Result<Report, Option<String>> {
        let mut report = Report::default();
        loop {
            let (key, value) = self.next()?;
            match key.as_str() {
                "machine" => report.machine.architecture = value,
                "glibc" => report.machine.glibc = value,
                "flags" => report.machine.cpu_flags = value,
                "name" => report.machine.name = value,
                "directory" => report.directory = value,
                "cached" => report.is_cached = value == "yes",
                END => return Ok(report),
                _ => {}
            }
        }
    }

    /// Reads until the script has received the executable.
    ///
    /// # Errors
    ///
    /// As for [`Reports::next_report`].
    pub(super) fn wait_until_kept(&mut self) -> Result<(), Option<String>> {
        while self.next()?.0 != "kept" {}
        Ok(())
    }

    fn next(&mut self) -> Result<(String, String), Option<String>> {
        while let Some(line) = read_line(&mut self.0).ok().flatten() {
            let Some(text) = line.strip_prefix(PREFIX) else {
                continue;
            };
            let (key, value) = text.split_once(' ').unwrap_or((text, ""));
            if key == "failed" {
                return Err(Some(value.to_owned()));
            }
            return Ok((key.to_owned(), value.trim().to_owned()));
        }
        Err(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_between_lines_of_a_login() {
        let output = "Welcome to beta\nmosaic-node: machine x86_64\nmosaic-node: glibc glibc 2.36\nmosaic-node: flags a b\n\
                      * news *\nmosaic-node: name beta\nmosaic-node: directory /home/a b/.cache/mosaic-node\n\
                      mosaic-node: cached yes\nmosaic-node: end\n{\"fingerprint\":1}\n";
        let mut output = output.as_bytes();
        let report = Reports::new(&mut output).next_report().unwrap();
        assert_eq!(report.machine.architecture, "x86_64");
        assert_eq!(report.machine.glibc, "glibc 2.36");
        assert_eq!(report.machine.cpu_flags, "a b");
        assert_eq!(report.machine.name, "beta");
        assert_eq!(report.directory, "/home/a b/.cache/mosaic-node");
        assert!(report.is_cached);
        assert_eq!(read_line(&mut output).unwrap().as_deref(), Some("{\"fingerprint\":1}"));
    }

    #[test]
    fn the_end_of_the_output_and_a_failure_are_told_apart() {
        for (output, expected) in [
            ("", None),
            ("bash: sh: not found\n", None),
            ("mosaic-node: machine x86_64\nmosaic-node: fail", None),
            (
                "mosaic-node: failed is the disk full?\n",
                Some("is the disk full?".to_owned()),
            ),
        ] {
            assert_eq!(
                Reports::new(output.as_bytes()).next_report().unwrap_err(),
                expected,
                "{output}"
            );
        }
    }
}
