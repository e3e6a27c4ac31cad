//! Where a buffer lies, as its frame says it.

use super::segment::Identity;

/// The segment of a buffer, and the buffer's offset in it. The frame names the segment, so that the receiver can check
/// the file descriptor that came along: a buffer is read from no other segment than the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) segment: Identity,
    pub(super) offset: u64,
}

impl Place {
    /// The number of bytes of an encoded place.
    pub(crate) const LEN: usize = 24;

    /// Encodes the place.
    pub(crate) fn to_bytes(self) -> [u8; Place::LEN] {
        let mut bytes = [0; Place::LEN];
        let numbers = [self.segment.0, self.segment.1, self.offset];
        for (into, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *into = number.to_le_bytes();
        }
        bytes
    }

    /// Decodes a place.
    pub(crate) fn from_bytes(bytes: [u8; Place::LEN]) -> Place {
        let number = |at| bytes.as_chunks::<8>().0.get(at).copied().map_or(0, u64::from_le_bytes);
        Place {
            segment: (number(0), number(1)),
            offset: number(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = Place {
            segment: (1, u64::MAX),
            offset: 1 << 40,
        };
        assert_eq!(Place::from_bytes(place.to_bytes()), place);
    }
}
