//! Frames that a client sends, and connection files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mosaic_jupyter::{ConnectionFile, Request, Signer, parse, serialise};

fuzz_target!(|data: &[u8]| {
    let _ = serde_json::from_slice::<ConnectionFile>(data).map(|file| file.signer());
    // Without a key every signature is good, so that the fuzzer reaches what lies behind.
    let Ok(signer) = Signer::new("", b"") else { return };
    let frames: Vec<&[u8]> = data.split(|byte| *byte == b'\x1e').collect();
    let Ok(message) = parse(&frames, &signer) else { return };
    let _ = Request::read(&message);
    // What was read is written in the same way, or as something that is read alike.
    let again = parse(&serialise(&message, &signer), &signer).expect("what the kernel writes can be read");
    assert_eq!(format!("{:?}", again.content), format!("{:?}", message.content));
    assert_eq!(again.identities, message.identities);
    assert_eq!(again.buffers, message.buffers);
});
