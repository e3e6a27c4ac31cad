//! 32 bytes as text of 64 hexadecimal digits.

use std::fmt::Write;

/// A text that should have 64 hexadecimal digits has not.
///
/// ```
/// use mosaic_net::{Fingerprint, HexError};
///
/// assert_eq!("cafe".parse::<Fingerprint>(), Err(HexError));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not made of 64 hexadecimal digits")]
pub struct HexError;

/// Writes bytes as lowercase digits.
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads digits of either case.
pub(crate) fn decode(text: &str) -> Result<[u8; 32], HexError> {
    let digit = |character: u8| char::from(character).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return Err(HexError);
    }
    let mut bytes = [0; 32];
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let value = digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low);
        *byte = value.and_then(|it| u8::try_from(it).ok()).ok_or(HexError)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_digits_are_read() {
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 8).unwrap());
        let text = encode(&bytes);
        assert_eq!(decode(&text), Ok(bytes));
        assert_eq!(decode(&text.to_uppercase()), Ok(bytes));
        let others = [
            "",
            &text[1..],
            &format!("{text}0"),
            &format!("{text}00"),
            &format!("+{}", &text[1..]),
            &format!("{}\n", &text[1..]),
            &format!("é{}", &text[2..]),
        ];
        for other in others {
            assert_eq!(decode(other), Err(HexError), "{other}");
        }
    }
}
