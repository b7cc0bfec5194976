//! The shard of a chunk, as Zarr v3's `sharding_indexed` codec has it for an array [n, height, width] of uint8 with
//! inner chunks [1, height, width]: the zstd frames one after the other, then the index
//! n × (offset u64, length u64), then the index's crc32c u32; all little endian.

/// Bytes of the index of `frames` frames with its checksum.
pub const fn index_length(frames: usize) -> usize {
    16 * frames + 4
}

/// The index of frames that lie one after the other from offset 0, given their lengths.
pub fn index(lengths: impl ExactSizeIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(index_length(lengths.len()));
    let mut offset = 0u64;
    for length in lengths {
        bytes.extend(offset.to_le_bytes());
        bytes.extend(u64::from(length).to_le_bytes());
        offset += u64::from(length);
    }
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_offset_and_length_then_its_checksum() {
        let bytes = index([5, 7].into_iter());
        assert_eq!(bytes.len(), index_length(2));
        let words: Vec<u64> = bytes[..32].as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        assert_eq!(words, [0, 5, 5, 7]);
        assert_eq!(bytes[32..], crc32c::crc32c(&bytes[..32]).to_le_bytes());
    }
}
