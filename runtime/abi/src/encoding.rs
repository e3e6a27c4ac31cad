//! Encoding of everything that is richer than a C type.

use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

/// Encodes a message with postcard. Messages are types of this project whose `Serialize` writes all that their
/// `Deserialize` reads; values of users travel in an encoding of the crate `mosaic`, which does not rely on that.
///
/// # Errors
///
/// The value's own `Serialize` refuses; the text is its reason.
///
/// # Examples
///
/// ```
/// let bytes = mosaic_abi::encode(&("text", 7_u8)).unwrap();
/// assert_eq!(mosaic_abi::decode(&bytes), Ok(("text".to_owned(), 7_u8)));
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, String> {
    postcard::serialize_with_flavor(value, Encoded::default()).map_err(reason)
}

/// Decodes a value that [`encode`] encoded.
///
/// # Errors
///
/// The bytes do not encode a `T`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    postcard::from_bytes(bytes).map_err(reason)
}

/// Decodes a value at the beginning of `bytes`, and returns it with the remaining bytes.
///
/// # Errors
///
/// The bytes do not begin with an encoded `T`.
pub fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), String> {
    postcard::take_from_bytes(bytes).map_err(reason)
}

// Code that does not depend on the value's type is compiled here, and not with each cell that encodes a message.

#[inline(never)]
fn reason(error: postcard::Error) -> String {
    error.to_string()
}

/// The bytes of a message that is being encoded. Like postcard's own output, but it grows out of line.
#[derive(Default)]
struct Encoded(Vec<u8>);

impl Encoded {
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: usize) {
        self.0.reserve(bytes);
    }
}

impl Flavor for Encoded {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        let len = self.0.len();
        if self.0.capacity() - len < data.len() {
            self.make_room(data.len());
        }
        // SAFETY: the capacity suffices for `data` after the first `len` bytes, nobody else has the vector, and the
        // bytes are written before they count.
        unsafe {
            self.0
                .as_mut_ptr()
                .add(len)
                .copy_from_nonoverlapping(data.as_ptr(), data.len());
            self.0.set_len(len + data.len());
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    #[inline]
    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}
