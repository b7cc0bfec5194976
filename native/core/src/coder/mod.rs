//! A zstd frame (RFC 8878) of our own: [`matches`] found for pictures, and their codes written a [`block`] at a time,
//! while they are in the core's own cache. Plain zstd for whoever reads it.

#![expect(clippy::cast_possible_truncation, reason = "places and lengths are below 2^21, codes below 64")]
#![expect(clippy::inline_always, reason = "what goes on in a part is to stay in registers")]

mod bits;
mod block;
mod fse;
mod huffman;
mod lengths;
mod matches;
mod written;

use matches::Memory;
use written::Written;

use crate::memory::Buffer;

/// No match reaches farther back.
const WINDOW_LOG: u32 = 21;

/// Compresses picture after picture, and keeps its memory.
#[derive(Default)]
pub(crate) struct Coder {
    memories: [Memory; 2],
    written: Written,
}

impl Coder {
    /// `bytes`, rows of `row` bytes, as one zstd frame.
    pub(crate) fn compress(&mut self, bytes: &[u8], row: usize) -> Buffer {
        let Self { memories, written } = self;
        let block = block_length(bytes.len(), row);
        written.begin();
        for part in bytes.chunks((1 << WINDOW_LOG) / block * block) {
            matches::find(part, block, memories, written);
        }
        if bytes.is_empty() {
            written.add(0, block::none);
        }
        written.end();
        let header = header(bytes.len());
        let parts = std::iter::once(&*header).chain(written.blocks());
        Buffer::gather(header.len() + written.length(), parts)
    }
}

/// Says how many bytes there are, and no checksum (RFC 8878, 3.1.1.1).
fn header(length: usize) -> Vec<u8> {
    const MAGIC: u32 = 0xFD2F_B528;
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let mut header = MAGIC.to_le_bytes().to_vec();
    let size = (length as u64).to_le_bytes();
    if length > 1 << WINDOW_LOG {
        let (flag, bytes) = if u32::try_from(length).is_ok() { (2, 4) } else { (3, 8) };
        header.extend([flag << 6, ((WINDOW_LOG - 10) << 3) as u8]);
        header.extend(&size[..bytes]);
    } else if length < 256 {
        header.extend([SINGLE_SEGMENT, size[0]]);
    } else {
        header.push(2 << 6 | SINGLE_SEGMENT);
        header.extend(&size[..4]);
    }
    header
}

/// Bytes of a block: all about the same, and an even number of blocks, since two are searched at once. In whole rows if
/// they fit.
fn block_length(length: usize, row: usize) -> usize {
    let blocks = length.div_ceil(block::MOST).next_multiple_of(2).max(2);
    let even = length.div_ceil(blocks).max(1);
    match even.checked_next_multiple_of(row.max(1)) {
        Some(rows) if rows <= block::MOST => rows,
        _ => even,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compress::{content_size, decompress};

    struct Random(u32);

    impl Random {
        fn next(&mut self) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            self.0 as usize
        }

        fn noise(&mut self, length: usize, levels: usize) -> Vec<u8> {
            (0..length).map(|_| (self.next() % levels) as u8).collect()
        }
    }

    /// Its size; zstd reads it.
    fn size(coder: &mut Coder, bytes: &[u8], row: usize) -> usize {
        let frame = coder.compress(bytes, row);
        assert_eq!(content_size(&frame), Some(bytes.len() as u64));
        assert_eq!(frame[4] & 0b100, 0, "no checksum");
        assert!(frame.len() <= bytes.len() + bytes.len() / 1000 + 30, "{} of {}", frame.len(), bytes.len());
        assert!(decompress(&frame, bytes.len()).is_some_and(|back| back == bytes));
        frame.len()
    }

    #[test]
    fn frames_of_any_size_stand_for_their_bytes() {
        let mut coder = Coder::default();
        let block = block::MOST;
        for length in (0..200).chain([block - 1, block, block + 1, 3 * block + 5, (4 << 20) + 12345]) {
            for levels in [1, 2, 3, 256] {
                for row in [0, 1, 17, 1000] {
                    size(&mut coder, &Random(7).noise(length, levels), row);
                }
            }
        }
    }

    #[test]
    fn literals_of_any_kind_stand_for_their_bytes() {
        let mut coder = Coder::default();
        let mut random = Random(5);
        for levels in [1, 2, 3, 5, 12, 40, 128, 129, 130, 200, 256] {
            for length in [30, 70, 900, 1024, 20_000, 300_000] {
                // No eight bytes come again but by chance: the longer the steps, the rarer are large values.
                for steep in [1, 3, 9] {
                    let mut value = || (0..steep).map(|_| random.next() % levels).min().unwrap_or(0) as u8;
                    let bytes: Vec<u8> = (0..length).map(|_| value()).collect();
                    size(&mut coder, &bytes, 100);
                }
            }
        }
    }

    #[test]
    fn what_was_there_before_costs_next_to_nothing() {
        let once = Random(3).noise(5000, 256);
        let size = size(&mut Coder::default(), &once.repeat(20), 5000);
        assert!(size < 2 * once.len() + 1000, "{size}");
    }

    proptest! {
        #[test]
        fn slopes_with_noise_that_come_again_stand_for_their_bytes(
            rows in 0usize..70, row in 0usize..70, seed in 1u32.., noise in 1usize..256, slope in 0usize..9,
            repeat in 1usize..40,
        ) {
            let mut random = Random(seed);
            let bytes: Vec<u8> =
                (0..rows * row).map(|n| (n % row * slope / 8 + random.next() % noise) as u8).collect();
            let bytes = bytes.repeat(repeat);
            let mut coder = Coder::default();
            // What is kept from picture to picture changes nothing.
            prop_assert_eq!(size(&mut coder, &bytes, row), size(&mut coder, &bytes, row));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn noise_and_copies_of_any_length_stand_for_their_bytes(
            seed in 1u32.., levels in 1usize..=256, bits in 1u32..19, copies in 1usize..300, row in 0usize..3000,
        ) {
            let mut random = Random(seed);
            let mut bytes = random.noise(40, levels);
            for _ in 0..copies {
                let length = random.next() % (1 << (1 + random.next() as u32 % bits));
                if random.next().is_multiple_of(3) {
                    bytes.extend(random.noise(length, levels));
                } else {
                    let offset = 1 + random.next() % bytes.len();
                    for _ in 0..length {
                        bytes.push(bytes[bytes.len() - offset]);
                    }
                }
                if bytes.len() > 5 << 20 {
                    break;
                }
            }
            size(&mut Coder::default(), &bytes, row);
        }
    }
}
