//! What the targets of the fuzzer call. Compiled for them alone.

use crate::wire::{FromMonitor, FromWarehouse, FromWorker, Peer, ToMonitor, ToWarehouse, ToWorker, first_of};
use serde::de::DeserializeOwned;

/// Reads bytes as frames of each message. What is read can be formatted.
pub fn read_frames(bytes: &[u8]) {
    read::<Peer>(bytes);
    read::<ToMonitor>(bytes);
    read::<FromMonitor>(bytes);
    read::<ToWorker>(bytes);
    read::<FromWorker>(bytes);
    read::<ToWarehouse>(bytes);
    read::<FromWarehouse>(bytes);
}

fn read<M: DeserializeOwned>(mut bytes: &[u8]) {
    while let Ok(Some((frame, len))) = first_of::<M>(bytes) {
        assert!(frame.size() <= len && len <= bytes.len());
        bytes = &bytes[len..];
        if len == 0 {
            return;
        }
    }
}
