//! What is known about a host's machine, and whether it can run an executable.

use std::fmt;

/// A version of glibc, such as 2.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GlibcVersion {
    major: u32,
    minor: u32,
}

impl GlibcVersion {
    /// Parses a version such as `2.34` or `2.2.5`. A third number is left out: it never occurs in current versions.
    pub(crate) fn parse(text: &str) -> Option<GlibcVersion> {
        let mut numbers = text.split('.').map(str::parse);
        Some(GlibcVersion {
            major: numbers.next()?.ok()?,
            minor: numbers.next()?.ok()?,
        })
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// What an executable needs on a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requirements {
    /// The architecture, as `uname -m` names it.
    pub(crate) architecture: Option<String>,
    /// The oldest version of glibc that is possible.
    pub(crate) glibc: Option<GlibcVersion>,
    /// The CPU flags, as `/proc/cpuinfo` names them.
    pub(crate) cpu_flags: Vec<String>,
}

/// What a host says about its machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// The host's name for itself.
    pub(crate) name: String,
    /// The architecture, as `uname -m` names it.
    pub(crate) architecture: String,
    /// The version of glibc, as `getconf` or `ldd` names it; empty if neither says it.
    pub(crate) glibc: String,
    /// The CPU flags, separated by spaces; empty if unknown.
    pub(crate) cpu_flags: String,
}

impl Machine {
    /// Checks whether the machine can run an executable. What the machine does not say is taken as possible.
    ///
    /// # Errors
    ///
    /// A sentence that says why the host, which the launcher calls `host`, cannot run the executable.
    pub(crate) fn check(&self, host: &str, requirements: &Requirements) -> Result<(), String> {
        if let Some(needed) = &requirements.architecture
            && !self.architecture.is_empty()
            && self.architecture != *needed
        {
            let found = &self.architecture;
            return Err(format!(
                "host {host} is a machine of type {found}, and this program needs {needed}"
            ));
        }
        if let Some(needed) = requirements.glibc {
            self.check_glibc(host, needed)?;
        }
        self.check_cpu(host, &requirements.cpu_flags)
    }

    fn check_glibc(&self, host: &str, needed: GlibcVersion) -> Result<(), String> {
        if self.glibc.contains("musl") {
            return Err(format!(
                "host {host} has musl in the place of glibc, and this program needs glibc {needed}"
            ));
        }
        // `getconf` says `glibc 2.36`, `ldd` says `ldd (Debian GLIBC 2.36-9) 2.36`.
        let found = self.glibc.split_whitespace().next_back().and_then(GlibcVersion::parse);
        match found {
            Some(found) if found < needed => Err(format!(
                "host {host} has glibc {found}, and this program needs {needed}: build it on a system that is as old \
                 as this host"
            )),
            _ => Ok(()),
        }
    }

    fn check_cpu(&self, host: &str, needed: &[String]) -> Result<(), String> {
        if self.cpu_flags.is_empty() {
            return Ok(());
        }
        let is_missing = |flag: &&String| !self.cpu_flags.split_whitespace().any(|it| it == *flag);
        let missing: Vec<&str> = needed.iter().filter(is_missing).map(String::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(format!(
            "the CPU of host {host} lacks {missing}, for which this program was compiled: build it without \
             `target-cpu=native`"
        ))
    }
}

/// Pairs a target feature of rustc's with its name in `/proc/cpuinfo`, and keeps those that are enabled.
macro_rules! enabled_flags {
    ($($feature:literal => $flag:literal),* $(,)?) => {
        [$((cfg!(target_feature = $feature), $flag)),*]
    };
}

/// Returns the CPU flags for which this crate was compiled beyond its architecture's least ones, with the names of
/// `/proc/cpuinfo`. A program that was compiled with the same options needs them.
pub fn cpu_flags_of_this_build() -> Vec<String> {
    let flags = enabled_flags! {
        "sse3" => "pni", "ssse3" => "ssse3", "sse4.1" => "sse4_1", "sse4.2" => "sse4_2", "popcnt" => "popcnt",
        "avx" => "avx", "avx2" => "avx2", "fma" => "fma", "f16c" => "f16c", "bmi1" => "bmi1", "bmi2" => "bmi2",
        "lzcnt" => "abm", "movbe" => "movbe", "aes" => "aes", "pclmulqdq" => "pclmulqdq", "sha" => "sha_ni",
        "vaes" => "vaes", "vpclmulqdq" => "vpclmulqdq", "gfni" => "gfni", "avx512f" => "avx512f",
        "avx512bw" => "avx512bw", "avx512cd" => "avx512cd", "avx512dq" => "avx512dq", "avx512vl" => "avx512vl",
        "avx512vbmi" => "avx512vbmi", "avx512vbmi2" => "avx512_vbmi2", "avx512vnni" => "avx512_vnni",
        "avx512bitalg" => "avx512_bitalg", "avx512ifma" => "avx512ifma", "avx512bf16" => "avx512_bf16",
        "avx512fp16" => "avx512_fp16", "avx512vpopcntdq" => "avx512_vpopcntdq", "avxvnni" => "avx_vnni",
        "lse" => "atomics", "rdm" => "asimdrdm", "dotprod" => "asimddp", "fp16" => "asimdhp", "sve" => "sve",
        "sve2" => "sve2", "rcpc" => "lrcpc", "i8mm" => "i8mm", "bf16" => "bf16",
    };
    let enabled = flags.into_iter().filter(|(is_enabled, _)| *is_enabled);
    enabled.map(|(_, flag)| flag.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(architecture: &str, glibc: &str, cpu_flags: &str) -> Machine {
        Machine {
            name: "beta".to_owned(),
            architecture: architecture.to_owned(),
            glibc: glibc.to_owned(),
            cpu_flags: cpu_flags.to_owned(),
        }
    }

    #[test]
    fn a_machine_runs_what_it_can_and_says_why_not() {
        let needs = Requirements {
            architecture: Some("x86_64".to_owned()),
            glibc: GlibcVersion::parse("2.34"),
            cpu_flags: vec!["avx2".to_owned(), "fma".to_owned()],
        };
        for (architecture, glibc, flags, expected) in [
            ("x86_64", "glibc 2.34", "sse avx2 fma", None),
            ("x86_64", "glibc 2.100", "avx2 fma", None),
            ("x86_64", "glibc 3.1", "avx2 fma", None),
            ("x86_64", "ldd (Debian GLIBC 2.36-9+deb12u10) 2.36", "avx2 fma", None),
            ("x86_64", "", "", None),
            ("", "something new", "avx2 fma", None),
            (
                "aarch64",
                "glibc 2.36",
                "",
                Some("host beta is a machine of type aarch64, and this program needs x86_64"),
            ),
            (
                "x86_64",
                "glibc 2.31",
                "",
                Some("host beta has glibc 2.31, and this program needs 2.34"),
            ),
            (
                "x86_64",
                "ldd (GNU libc) 2.17",
                "",
                Some("host beta has glibc 2.17, and this program needs 2.34"),
            ),
            (
                "x86_64",
                "musl libc (x86_64)",
                "",
                Some("host beta has musl in the place of glibc"),
            ),
            (
                "x86_64",
                "glibc 2.34",
                "sse avx2",
                Some("the CPU of host beta lacks fma, for which"),
            ),
            (
                "x86_64",
                "glibc 2.34",
                "avx2x",
                Some("the CPU of host beta lacks avx2, fma, for which"),
            ),
        ] {
            let machine = machine(architecture, glibc, flags);
            let found = machine.check("beta", &needs).err();
            match expected {
                None => assert_eq!(found, None, "{machine:?}"),
                Some(begin) => assert!(found.as_ref().is_some_and(|it| it.starts_with(begin)), "{found:?}"),
            }
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(GlibcVersion::parse("2.4") < GlibcVersion::parse("2.17"));
        assert_eq!(GlibcVersion::parse("2.2.5").unwrap().to_string(), "2.2");
        assert_eq!(GlibcVersion::parse("PRIVATE"), None);
    }
}
