//! Frames between the processes of a runtime, and messages between cells and their host.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    mosaic_engine::fuzzing::read_frames(data);
    decode::<mosaic_abi::Failure>(data);
    decode::<mosaic_abi::StartOptions>(data);
    decode::<mosaic_abi::MonitorQuery>(data);
    decode::<mosaic_abi::Progress>(data);
    decode::<mosaic_abi::Options>(data);
    decode::<mosaic_message::Delivery>(data);
    decode::<mosaic_message::Ask>(data);
    decode::<mosaic_message::Line>(data);
});

fn decode<T: serde::de::DeserializeOwned + serde::Serialize>(data: &[u8]) {
    if let Ok(value) = mosaic_abi::decode::<T>(data) {
        mosaic_abi::encode(&value).expect("what was read can be written");
    }
}
