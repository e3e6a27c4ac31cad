//! Compresses bytes as zlib does, by RFC 1950 and RFC 1951.
//!
//! The built-in crates use no crate for it: crates that users add ask for other features of the usual ones, and cargo
//! would then build the built-in crates again. Only the codes that the format fixes are written, so files are somewhat
//! larger than they could be.

/// The shortest and the longest repetition that has a code.
const SHORTEST: usize = 3;
const LONGEST: usize = 258;
/// The farthest place that a repetition can name.
const FARTHEST: usize = 32_768;
/// The number of beginnings of repetitions that are remembered.
const PLACES: usize = 1 << 15;
/// Ends the only block.
const END: u32 = 256;
/// For each code of a length, from 257: the shortest length, and how many bits follow.
#[rustfmt::skip]
const LENGTHS: [(usize, u32); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1), (19, 2), (23, 2),
    (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5),
    (227, 5), (258, 0),
];
/// For each code of a distance: the shortest distance, and how many bits follow.
#[rustfmt::skip]
const DISTANCES: [(usize, u32); 30] = [
    (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4), (49, 4), (65, 5), (97, 5),
    (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8), (1025, 9), (1537, 9), (2049, 10), (3073, 10), (4097, 11),
    (6145, 11), (8193, 12), (12_289, 12), (16_385, 13), (24_577, 13),
];

/// Compresses bytes, with zlib's head and checksum around them.
pub(crate) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.put(0x0178, 16);
    // The last block, by the fixed codes.
    writer.put(0b011, 3);
    // The last place at which three bytes of a hash stood, plus one.
    let mut places = vec![0_usize; PLACES];
    let mut at = 0;
    while at < bytes.len() {
        let mut length = 0;
        if let Some(hash) = hash(&bytes[at..]) {
            let before = std::mem::replace(&mut places[hash], at + 1);
            if before > 0 && at + 1 - before <= FARTHEST {
                length = repeated(bytes, before - 1, at);
                if length >= SHORTEST {
                    writer.repetition(length, at + 1 - before);
                }
            }
        }
        if length < SHORTEST {
            writer.symbol(u32::from(bytes[at]));
            length = 1;
        }
        at += length;
    }
    writer.symbol(END);
    let mut compressed = writer.end();
    compressed.extend(checksum(bytes).to_be_bytes());
    compressed
}

fn hash(bytes: &[u8]) -> Option<usize> {
    let [a, b, c] = *bytes.first_chunk::<SHORTEST>()?;
    let value = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1);
    Some((value >> 17) as usize)
}

/// Returns how many bytes at a place are those at an earlier one.
fn repeated(bytes: &[u8], before: usize, at: usize) -> usize {
    let pairs = bytes[before..].iter().zip(&bytes[at..]).take(LONGEST);
    pairs.take_while(|(old, new)| old == new).count()
}

/// Adler-32.
fn checksum(bytes: &[u8]) -> u32 {
    // So many bytes that no sum overflows.
    const PART: usize = 5_552;
    const MODULUS: u32 = 65_521;
    let (mut sum, mut sum_of_sums) = (1, 0);
    for part in bytes.chunks(PART) {
        for byte in part {
            sum += u32::from(*byte);
            sum_of_sums += sum;
        }
        sum %= MODULUS;
        sum_of_sums %= MODULUS;
    }
    sum_of_sums << 16 | sum
}

/// Writes bits, the lowest first.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

impl Writer {
    fn put(&mut self, bits: u32, count: u32) {
        self.bits |= u64::from(bits) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    /// Writes a code, whose highest bit comes first.
    fn code(&mut self, code: u32, length: u32) {
        self.put(code.reverse_bits() >> (32 - length), length);
    }

    /// Writes a byte, the end, or the code of a length.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn repetition(&mut self, length: usize, distance: usize) {
        let code = LENGTHS.partition_point(|(shortest, _)| *shortest <= length) - 1;
        let (shortest, bits) = LENGTHS[code];
        self.symbol(257 + code as u32);
        self.put((length - shortest) as u32, bits);
        let code = DISTANCES.partition_point(|(shortest, _)| *shortest <= distance) - 1;
        let (shortest, bits) = DISTANCES[code];
        self.code(code as u32, 5);
        self.put((distance - shortest) as u32, bits);
    }

    fn end(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::inflate::{
        TINFLStatus,
        core::{DecompressorOxide, decompress, inflate_flags},
    };

    /// Reports whether another program restores these bytes, and no more.
    fn is_restored(bytes: &[u8]) -> bool {
        let compressed = compressed(bytes);
        let mut restored = vec![0; bytes.len()];
        let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
            | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | inflate_flags::TINFL_FLAG_COMPUTE_ADLER32;
        let outcome = decompress(&mut DecompressorOxide::new(), &compressed, &mut restored, 0, flags);
        outcome == (TINFLStatus::Done, compressed.len(), bytes.len()) && restored == bytes
    }

    #[test]
    fn another_program_restores_the_bytes() {
        let mut noise = 1_u32;
        let mut random = |count: usize, limit: u32| -> Vec<u8> {
            let next = |_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((noise >> 16) % limit) as u8
            };
            (0..count).map(next).collect()
        };
        let far = [random(40_000, 256), vec![7; 5]].concat();
        for bytes in [
            vec![],
            vec![1],
            vec![255; 3],
            vec![0; 1_000_000],
            (0..=255).collect(),
            random(100_000, 256),
            random(100_000, 3),
            random(70_000, 2).repeat(3),
            [far.clone(), far].concat(),
        ] {
            assert!(compressed(&bytes).len() <= bytes.len() * 9 / 8 + 16);
            assert!(is_restored(&bytes), "{} bytes", bytes.len());
        }
        assert!(compressed(&[0; 1_000_000]).len() < 10_000);
    }

    #[test]
    fn every_length_and_distance_has_a_code() {
        for length in SHORTEST..=LONGEST {
            for gap in [0, 1, 100, FARTHEST - length] {
                let repeated: Vec<u8> = (0..length).map(|it| (it * 7 % 251) as u8).collect();
                let bytes = [&repeated[..], &vec![0xff; gap], &repeated].concat();
                assert!(is_restored(&bytes));
            }
        }
    }
}
