//! Raw pixels, without header or row padding.

use super::gray::{depth16, mean};
use super::{Format, FrameSpec, Size};
use crate::error::{Error, Result};

fn bytes_per_pixel(format: Format) -> usize {
    match format {
        Format::Mono16 => 2,
        Format::Rgb8 | Format::Bgr8 => 3,
        Format::Rgba8 => 4,
        Format::Auto | Format::Image | Format::Mono8 => 1,
    }
}

/// How many frames `length` bytes hold, and the bytes of one.
pub(super) fn count(length: usize, format: Format, size: Size) -> Result<(usize, usize)> {
    if size.width == 0 || size.height == 0 {
        return Err(Error::format(format!(
            "expected raw pixels of a known size, got {length} bytes without width and height; set width and height, \
             or send an encoded image (PNG, JPEG, TIFF, BMP)"
        )));
    }
    let size = size.checked("a frame")?;
    let per_pixel = bytes_per_pixel(format);
    let frame = usize::try_from(size.pixels())
        .ok()
        .and_then(|pixels| pixels.checked_mul(per_pixel))
        .ok_or_else(|| Error::shape(format!("a frame of {size} does not fit into memory; crop it")))?;
    if length == 0 || !length.is_multiple_of(frame) {
        return Err(Error::shape(format!(
            "expected a multiple of {frame} bytes (frames of {size}, {per_pixel} bytes a pixel), got {length}; send \
             whole frames, or correct width, height and format"
        )));
    }
    Ok((length / frame, frame))
}

/// Hands the gray8 frames of `bytes` to `sink`.
pub(super) fn decode(
    bytes: &[u8],
    format: Format,
    spec: &FrameSpec,
    sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
) -> Result<()> {
    let size = spec.size();
    let (_, length) = count(bytes.len(), format, size)?;
    let mut gray = Vec::new();
    for raw in bytes.chunks_exact(length) {
        gray.clear();
        match format {
            Format::Mono16 if spec.big_endian => {
                depth16(raw.as_chunks().0.iter().map(|b| u16::from_be_bytes(*b)), spec, &mut gray);
            }
            Format::Mono16 => {
                depth16(raw.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)), spec, &mut gray);
            }
            Format::Rgb8 | Format::Bgr8 => {
                gray.extend(raw.as_chunks().0.iter().map(|&[r, g, b]: &[u8; 3]| mean(r, g, b)));
            }
            Format::Rgba8 => {
                gray.extend(raw.as_chunks().0.iter().map(|&[r, g, b, _]: &[u8; 4]| mean(r, g, b)));
            }
            Format::Auto | Format::Image | Format::Mono8 => {
                sink(size, raw)?;
                continue;
            }
        }
        sink(size, &gray)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::frame::Depth;

    fn spec(format: Format, width: u32, height: u32) -> FrameSpec {
        FrameSpec { format, width, height, big_endian: false, significant_bits: 8, depth: Depth::FullScale }
    }

    fn grays(bytes: &[u8], spec: &FrameSpec) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        decode(bytes, spec.format, spec, &mut |size, gray| {
            assert_eq!(size.pixels(), gray.len() as u64);
            out.push(gray.to_vec());
            Ok(())
        })
        .unwrap();
        out
    }

    #[test]
    fn mono8_passes_unchanged() {
        let bytes: Vec<u8> = (0..12).collect();
        assert_eq!(grays(&bytes, &spec(Format::Mono8, 2, 2)), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]);
    }

    #[test]
    fn colour_becomes_the_truncated_mean() {
        let pixels = [255, 255, 254, 0, 0, 2];
        assert_eq!(grays(&pixels, &spec(Format::Rgb8, 2, 1)), [[254, 0]]);
        assert_eq!(grays(&pixels, &spec(Format::Bgr8, 2, 1)), [[254, 0]]);
        assert_eq!(grays(&[3, 3, 3, 255, 9, 9, 9, 0], &spec(Format::Rgba8, 1, 2)), [[3, 9]]);
    }

    #[test]
    fn sixteen_bits_in_both_byte_orders() {
        let mut spec = spec(Format::Mono16, 2, 1);
        spec.significant_bits = 12;
        assert_eq!(grays(&[0xf0, 0x0f, 0x10, 0x00], &spec), [[255, 1]]);
        spec.big_endian = true;
        assert_eq!(grays(&[0x0f, 0xf0, 0x00, 0x10], &spec), [[255, 1]]);
    }

    #[test]
    fn a_length_that_is_not_whole_frames_names_the_numbers() {
        let size = Size { width: 4, height: 3 };
        for length in [0, 1, 23, 25] {
            let error = count(length, Format::Mono16, size).unwrap_err();
            assert_eq!(error.code, Code::FrameShape);
            assert!(error.text.contains("24") && error.text.contains(&length.to_string()), "{error}");
        }
        assert_eq!(count(48, Format::Mono16, size).unwrap(), (2, 24));
    }

    #[test]
    fn an_unknown_size_asks_for_one() {
        let error = count(100, Format::Mono8, Size { width: 0, height: 0 }).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
        assert!(error.text.contains("set width and height"), "{error}");
    }

    #[test]
    fn a_size_beyond_all_memory_is_refused() {
        let size = Size { width: u32::MAX, height: u32::MAX };
        assert_eq!(count(100, Format::Rgba8, size).unwrap_err().code, Code::FrameShape);
    }
}
