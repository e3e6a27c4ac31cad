//! Decodes the bytes of a pipe, also where a character is split over two reads. No I/O here.

/// Decodes UTF-8 piece by piece. Invalid bytes become U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Utf8Decoder {
    /// The first bytes of a character whose rest has not come yet; at most three.
    partial: Vec<u8>,
}

impl Utf8Decoder {
    /// Takes the next bytes; returns the text that is complete with them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut rest = bytes;
        if !self.partial.is_empty() {
            joined = [&self.partial, bytes].concat();
            self.partial.clear();
            rest = &joined;
        }
        let mut text = String::with_capacity(rest.len());
        for chunk in rest.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let at_end = invalid.as_ptr_range().end == rest.as_ptr_range().end;
            if at_end && may_continue(invalid) {
                self.partial.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Returns the rest. No more bytes come.
    pub(super) fn finish(&mut self) -> &'static str {
        if self.partial.is_empty() {
            return "";
        }
        self.partial.clear();
        "\u{fffd}"
    }
}

/// Returns whether more bytes could complete these to a character.
fn may_continue(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::Utf8Decoder;

    fn decode(pieces: &[&[u8]]) -> String {
        let mut decoder = Utf8Decoder::default();
        let mut text: String = pieces.iter().map(|piece| decoder.push(piece)).collect();
        text.push_str(decoder.finish());
        text
    }

    #[test]
    fn characters_split_anywhere() {
        let text = "aß‽🦀z".as_bytes();
        for split in 0..=text.len() {
            assert_eq!(decode(&[&text[..split], &text[split..]]), "aß‽🦀z", "split at {split}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(decode(&single), "aß‽🦀z");
    }

    #[test]
    fn invalid_bytes_are_replaced() {
        assert_eq!(decode(&[b"a\xffb"]), "a\u{fffd}b");
        assert_eq!(decode(&[b"a\xf0\x9f", b"b"]), "a\u{fffd}b");
        assert_eq!(decode(&[b"a\xf0\x9f"]), "a\u{fffd}");
        assert_eq!(decode(&[b"\xe2", b"\xe2", b"\x80\xbd"]), "\u{fffd}‽");
    }

    #[test]
    fn what_is_complete_comes_at_once() {
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.push(b"ab\xc3"), "ab");
        assert_eq!(decoder.push(b"\x9f"), "ß");
        assert_eq!(decoder.finish(), "");
    }
}
