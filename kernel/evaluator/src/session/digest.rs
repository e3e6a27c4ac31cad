//! Digests: names for contents, which differ if the contents do.

use sha2::{Digest, Sha256};

/// Returns the digest of a content, `bytes` bytes long and written as hexadecimal digits.
pub(crate) fn of(content: impl AsRef<[u8]>, bytes: usize) -> String {
    name(Sha256::new_with_prefix(content), bytes)
}

/// Returns the digest of all that was hashed, `bytes` bytes long and written as hexadecimal digits.
pub(crate) fn name(hash: Sha256, bytes: usize) -> String {
    let digest = hash.finalize();
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// A content of several parts, each hashed with its length, so that `["a", "b"]` differs from `["ab"]`.
#[derive(Default)]
pub(crate) struct Parts(Sha256);

impl Parts {
    /// Adds a part.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
    }

    /// Returns the digest of all parts, `bytes` bytes long and written as hexadecimal digits.
    pub(crate) fn name(self, bytes: usize) -> String {
        name(self.0, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let name = |parts: &[&str]| {
            let mut all = Parts::default();
            parts.iter().for_each(|part| all.add(part.as_bytes()));
            all.name(4)
        };
        assert_eq!(name(&["a", "b"]), name(&["a", "b"]));
        assert_ne!(name(&["a", "b"]), name(&["ab"]));
        assert_eq!(name(&[]).len(), 8);
        // SHA-256 of nothing, as FIPS 180 has it.
        assert_eq!(of("", 4), "e3b0c442");
    }
}
