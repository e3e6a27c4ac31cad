//! Names for what is told apart by its content.

use sha2::{Digest, Sha256};

/// The name of one content, of `bytes` bytes as hexadecimal digits.
pub(crate) fn of(content: impl AsRef<[u8]>, bytes: usize) -> String {
    name(Sha256::new_with_prefix(content), bytes)
}

/// The name of all that was hashed.
pub(crate) fn name(hash: Sha256, bytes: usize) -> String {
    let digest = hash.finalize();
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// A content of several parts, of which none runs into the next.
#[derive(Default)]
pub(crate) struct Parts(Sha256);

impl Parts {
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update(part.len().to_le_bytes());
        self.0.update(part);
    }

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
