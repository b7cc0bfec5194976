//! One zstd frame an image, as the inner codec of the shard wants it: content size written, no checksum.

use std::cell::RefCell;

use crate::error::{Error, Result};

thread_local! {
    /// A context and room for its output, kept a thread: making them anew for each frame costs as much as a frame.
    static CONTEXT: RefCell<(zstd_safe::CCtx<'static>, Vec<u8>)> =
        RefCell::new((zstd_safe::CCtx::create(), Vec::new()));
}

/// `bytes` as one zstd frame, in a buffer of just its size.
pub fn compress(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    CONTEXT.with_borrow_mut(|(context, room)| {
        room.clear();
        room.reserve(zstd_safe::compress_bound(bytes.len()));
        context.compress(room, bytes, level).map_err(|code| {
            Error::native(format!("zstd cannot compress a frame: {}", zstd_safe::get_error_name(code)))
        })?;
        Ok(room.as_slice().to_vec())
    })
}

/// Levels that zstd knows.
pub fn levels() -> std::ops::RangeInclusive<i32> {
    zstd_safe::min_c_level()..=zstd_safe::max_c_level()
}

/// The bytes a zstd frame says it holds, None when it does not say or is none.
pub fn content_size(frame: &[u8]) -> Option<u64> {
    zstd_safe::get_frame_content_size(frame).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_its_size_and_has_no_checksum() {
        for level in [1, 3, 9] {
            let bytes: Vec<u8> = (0..5000u32).map(|n| (n * n % 251) as u8).collect();
            let frame = compress(&bytes, level).unwrap();
            assert_eq!(frame.capacity(), frame.len());
            assert_eq!(content_size(&frame), Some(5000));
            let descriptor = frame[4];
            assert_eq!(descriptor & 0b100, 0, "checksum flag (RFC 8878, 3.1.1.1.1)");
            let mut back = Vec::with_capacity(5000);
            zstd_safe::decompress(&mut back, &frame).unwrap();
            assert_eq!(back, bytes);
        }
        assert_eq!(content_size(b"not zstd"), None);
    }
}
