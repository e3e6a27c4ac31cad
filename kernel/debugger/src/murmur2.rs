//! MurmurHash2, by which clients name the file of a cell from the cell's code.

const FACTOR: u32 = 0x5bd1_e995;

/// Returns the hash of a text.
pub(crate) fn murmur2(text: &str, seed: u32) -> u32 {
    let bytes = text.as_bytes();
    // The algorithm takes the length modulo 2^32.
    let mut hash = seed ^ bytes.len() as u32;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in chunks.by_ref() {
        let mut word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(FACTOR);
        word ^= word >> 24;
        hash = hash.wrapping_mul(FACTOR) ^ word.wrapping_mul(FACTOR);
    }
    let rest = chunks.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::murmur2;

    #[test]
    fn the_hash_is_that_of_jupyterlab() {
        for (text, seed, expected) in EXPECTED {
            assert_eq!(murmur2(text, seed), expected, "{text:?}");
        }
    }

    /// Computed by `packages/debugger/src/hash.ts` of JupyterLab.
    const EXPECTED: [(&str, u32, u32); 6] = [
        ("", 0, 0),
        ("a", 0, 2_456_313_694),
        ("ab", 0xc70f_6907, 2_805_137_849),
        ("abc", 0xc70f_6907, 3_350_977_461),
        ("let x = 1;\nx + 1", 0xc70f_6907, 1_337_468_207),
        ("é ∑", 0xc70f_6907, 2_204_033_232),
    ];
}
