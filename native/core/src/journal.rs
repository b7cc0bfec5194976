//! The journal of an open chunk, `NNNNNN.open`: what is needed to trust the bytes in `NNNNNN.part` after a crash.
//!
//! Little endian. A header of 32 bytes, then a record of 32 bytes a frame, in order:
//!
//! | header | bytes | | record | bytes | |
//! | --- | --- | --- | --- | --- | --- |
//! | magic | 0–7 | `ASOPEN1\0` | offset | 0–7 | u64, of the frame in the part |
//! | height | 8–11 | u32 | length | 8–11 | u32, of the frame in the part |
//! | width | 12–15 | u32 | flags | 12–15 | u32, bit 0: the stamp was given, not taken on arrival |
//! | chunk index | 16–23 | u64 | stamp | 16–23 | f64, Unix ms, as it came (no clock correction) |
//! | zero | 24–27 | u32 | frame crc | 24–27 | u32, crc32c of the frame's bytes in the part |
//! | crc | 28–31 | u32, crc32c of bytes 0–27 | crc | 28–31 | u32, crc32c of bytes 0–27 |
//!
//! Header and first records are written together, each after the frames they speak of. So an empty journal means
//! that no frame was ever confirmed, and a record that holds speaks of a frame that was handed to the system.

use crate::frame::Size;

/// Bytes of the header.
pub const HEADER: usize = 32;
/// Bytes of a record.
pub const RECORD: usize = 32;

const MAGIC: [u8; 8] = *b"ASOPEN1\0";
const GIVEN: u32 = 1;

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of each frame.
    pub size: Size,
    /// Place of the chunk in the stream.
    pub chunk_index: u64,
}

/// What is known of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Where the frame begins in the part.
    pub offset: u64,
    /// Bytes of the frame in the part.
    pub length: u32,
    /// Whether `stamp` was given with the frame, not taken on arrival.
    pub given: bool,
    /// Unix ms.
    pub stamp: f64,
    /// crc32c of the frame's bytes in the part.
    pub frame_crc: u32,
}

impl Record {
    /// Where the next frame begins.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }

    /// As it stands in the file.
    pub fn encode(&self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[0..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..16].copy_from_slice(&if self.given { GIVEN } else { 0 }.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.frame_crc.to_le_bytes());
        sealed(bytes)
    }

    /// Reads a record; None when its checksum does not hold or its stamp is no time.
    pub fn decode(bytes: &[u8; RECORD]) -> Option<Self> {
        if !holds(bytes) {
            return None;
        }
        let record = Self {
            offset: u64::from_le_bytes(field(bytes, 0)),
            length: u32::from_le_bytes(field(bytes, 8)),
            given: u32::from_le_bytes(field(bytes, 12)) & GIVEN != 0,
            stamp: f64::from_le_bytes(field(bytes, 16)),
            frame_crc: u32::from_le_bytes(field(bytes, 24)),
        };
        record.stamp.is_finite().then_some(record)
    }
}

impl Header {
    /// As it stands in the file.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.size.height.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.size.width.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.chunk_index.to_le_bytes());
        sealed(bytes)
    }

    /// Reads a header; None when it is none or its checksum does not hold.
    pub fn decode(bytes: &[u8; HEADER]) -> Option<Self> {
        (bytes.starts_with(&MAGIC) && holds(bytes)).then(|| Self {
            size: Size {
                height: u32::from_le_bytes(field(bytes, 8)),
                width: u32::from_le_bytes(field(bytes, 12)),
            },
            chunk_index: u64::from_le_bytes(field(bytes, 16)),
        })
    }
}

fn sealed(mut bytes: [u8; 32]) -> [u8; 32] {
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn holds(bytes: &[u8; 32]) -> bool {
    crc32c::crc32c(&bytes[..28]) == u32::from_le_bytes(field(bytes, 28))
}

/// `N` bytes from `at`, which lie within the 32 by the layout above.
fn field<const N: usize>(bytes: &[u8; 32], at: usize) -> [u8; N] {
    std::array::from_fn(|n| bytes[at + n])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_back(offset: u64, length: u32, given: bool, stamp in -1e15..1e15, frame_crc: u32) {
            let record = Record { offset, length, given, stamp, frame_crc };
            prop_assert_eq!(Record::decode(&record.encode()), Some(record));
        }

        #[test]
        fn a_flipped_bit_is_noticed(height: u32, width: u32, chunk_index: u64, bit in 0usize..256) {
            let header = Header { size: Size { height, width }, chunk_index };
            let mut bytes = header.encode();
            prop_assert_eq!(Header::decode(&bytes), Some(header));
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Header::decode(&bytes), None);
        }
    }

    #[test]
    fn zeros_are_no_record() {
        assert_eq!(Record::decode(&[0; RECORD]), None);
        assert_eq!(Header::decode(&[0; HEADER]), None);
    }
}
