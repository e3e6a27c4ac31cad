//! What the targets of the fuzzer call. Compiled for them alone.

use crate::value::{
    encoding::{self, Destination},
    portable::Portable,
    view::View,
};
use mosaic_abi::Buffer;

/// Decodes a value.
pub fn decode<T: Portable>(bytes: &[u8]) -> Option<T> {
    encoding::decode(bytes).ok()
}

/// Decodes an element of a tuple.
pub fn decode_element<T: Portable>(bytes: &[u8], index: usize) -> Option<T> {
    encoding::decode_element(bytes, index).ok()
}

/// Encodes a value.
pub fn encode<T: Portable>(value: &T) -> Option<Vec<u8>> {
    let encoded = encoding::encode(value, Destination::Call).ok()?;
    Some(encoded.to_vec())
}

/// Reads a value in place.
pub fn view<T: Portable>(bytes: &[u8]) {
    drop(View::<T>::read(Buffer::from(bytes.to_vec())));
}
