//! Who waits for which file. No I/O here.

use crate::worker::WantedFile;
use std::collections::HashMap;

/// The files that are being fetched, and who waits for each: the session and the number of the request.
#[derive(Debug, Default)]
pub(crate) struct Waiting(HashMap<WantedFile, Vec<(u64, u64)>>);

impl Waiting {
    /// Adds somebody who waits for a file. Returns whether nobody has waited for it, so that it has to be fetched.
    pub(crate) fn add(&mut self, file: &WantedFile, session: u64, request: u64) -> bool {
        let waiting = self.0.entry(file.clone()).or_default();
        waiting.push((session, request));
        waiting.len() == 1
    }

    /// Removes a file that was fetched, or cannot be, and returns who waited for it.
    pub(crate) fn end(&mut self, file: &WantedFile) -> Vec<(u64, u64)> {
        self.0.remove(file).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    #[test]
    fn a_file_is_fetched_once_for_all_who_wait() {
        let mut waiting = Waiting::default();
        let [one, two] = [1, 2].map(|ware| WantedFile::Value { ware: Id::of(ware) });
        assert!(waiting.add(&one, 7, 1));
        assert!(!waiting.add(&one, 8, 1));
        assert!(waiting.add(&two, 7, 2));
        assert_eq!(waiting.end(&one), [(7, 1), (8, 1)]);
        assert_eq!(waiting.end(&one), []);
        assert!(waiting.add(&one, 7, 3));
    }
}
