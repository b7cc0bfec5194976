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

/// Bytes of the zstd frame that `bytes` begin with, None when they begin with no whole one.
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    zstd_safe::find_frame_compressed_size(bytes).ok()
}

/// The `size` bytes that `frame` holds, None unless it is one whole zstd frame of just so many. Takes no more memory
/// than that, whatever the frame says.
pub fn decompress(frame: &[u8], size: usize) -> Option<Vec<u8>> {
    if frame_length(frame) != Some(frame.len()) || content_size(frame) != u64::try_from(size).ok() {
        return None;
    }
    let mut bytes = Vec::with_capacity(size);
    zstd_safe::decompress(&mut bytes, frame).ok()?;
    (bytes.len() == size).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_just_what_was_compressed_or_nothing() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| (n * n % 251) as u8).collect();
        let frame = compress(&bytes, 1).unwrap();
        assert_eq!(decompress(&frame, 5000), Some(bytes));
        assert_eq!(decompress(&frame, 4999), None);
        assert_eq!(decompress(&frame, 5001), None);
        for length in 0..frame.len() {
            assert_eq!(decompress(&frame[..length], 5000), None, "cut at {length}");
        }
        let twice = [frame.clone(), frame.clone()].concat();
        assert_eq!(decompress(&twice, 5000), None, "two frames");
        assert_eq!(frame_length(&twice), Some(frame.len()));
        assert_eq!(frame_length(&frame[1..]), None);
    }

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
