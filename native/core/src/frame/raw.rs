//! Raw pixels: frames without row padding, each behind a header that is skipped (`header_bytes`), each beginning at a
//! byte. Packed samples run on across row ends.

use super::depth::Samples;
use super::gray::{means, means_of_four};
use super::{Format, FrameSpec, Size, Tally, bayer, unpack};
use crate::error::{Error, Result};

/// How many frames `length` bytes hold, and the bytes of one with its header.
pub(super) fn count(length: usize, format: Format, spec: &FrameSpec) -> Result<(usize, usize)> {
    let size = spec.size();
    if size.width == 0 || size.height == 0 {
        return Err(Error::format(format!(
            "expected raw pixels of a known size, got {length} bytes without width and height; set width and height, \
             or send an encoded image (PNG, JPEG, TIFF, BMP, PGM)"
        )));
    }
    let size = size.checked("a frame")?;
    let bits = format.stored_bits();
    // Of 64 megapixels at most: no overflow.
    let bytes = (size.pixels() * bits).div_ceil(8) + u64::from(spec.header_bytes);
    let frame = usize::try_from(bytes)
        .map_err(|_| Error::shape(format!("a frame of {size} does not fit into memory; crop it")))?;
    if length == 0 || !length.is_multiple_of(frame) {
        let header = match spec.header_bytes {
            0 => String::new(),
            bytes => format!(" behind a header of {bytes} bytes"),
        };
        return Err(Error::shape(format!(
            "expected a multiple of {frame} bytes (frames of {size}, {bits} bits a pixel{header}), got {length}; send \
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
) -> Result<Tally> {
    let size = spec.size();
    let (_, length) = count(bytes.len(), format, spec)?;
    let mut tally = Tally::default();
    let mut gray = Vec::new();
    for frame in bytes.chunks_exact(length) {
        let raw = &frame[spec.header_bytes as usize..];
        if let Format::Auto | Format::Image | Format::Mono8 = format {
            sink(size, raw)?;
        } else {
            tally = tally.and(to_gray(raw, format, spec, &mut gray));
            sink(size, &gray)?;
        }
    }
    Ok(tally)
}

/// Writes the gray levels of one frame to `gray`.
fn to_gray(raw: &[u8], format: Format, spec: &FrameSpec, gray: &mut Vec<u8>) -> Tally {
    let size = spec.size();
    #[expect(clippy::cast_possible_truncation, reason = "the bytes of these pixels are in memory")]
    let count = size.pixels() as usize;
    match format {
        Format::Rgb8 | Format::Bgr8 => {
            gray.resize(count, 0);
            means(raw.as_chunks().0, gray);
        }
        Format::Rgba8 => {
            gray.resize(count, 0);
            means_of_four(raw.as_chunks().0, gray);
        }
        Format::Bayer8 => bayer::gray(raw, size, gray),
        _ => return samples_to_gray(raw, count, format, spec, gray),
    }
    Tally::default()
}

/// Writes the gray levels of `count` samples of more than 8 bits to `gray`.
fn samples_to_gray(raw: &[u8], count: usize, format: Format, spec: &FrameSpec, gray: &mut Vec<u8>) -> Tally {
    let packed = |read: fn(&[u8], usize, &mut [u16]), gray: &mut Vec<u8>| {
        let fill = |first: usize, out: &mut [u16]| read(raw, first, out);
        let significant = spec.significant(format.sample_bits());
        Samples { count, fill, significant, shift: 0 }.levels(spec.depth, gray)
    };
    match format {
        Format::Mono10p => packed(unpack::mono10p, gray),
        Format::Mono12p => packed(unpack::mono12p, gray),
        Format::Mono10Packed => packed(unpack::mono10packed, gray),
        Format::Mono12Packed => packed(unpack::mono12packed, gray),
        _ => {
            let fill = |first: usize, out: &mut [u16]| unpack::words(raw, spec.big_endian, first, out);
            let significant = spec.significant(format.sample_bits());
            let shift = if spec.msb_aligned { 16 - significant } else { 0 };
            Samples { count, fill, significant, shift }.levels(spec.depth, gray)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn spec(format: Format, width: u32, height: u32) -> FrameSpec {
        FrameSpec::new(format, width, height)
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
        assert_eq!(grays(&[1, 2, 3, 4], &spec(Format::Bayer8, 2, 2)), [[2; 4]]);
    }

    #[test]
    fn sixteen_bits_in_both_byte_orders() {
        let mut spec = spec(Format::Mono12, 2, 1);
        assert_eq!(grays(&[0xf0, 0x0f, 0x10, 0x00], &spec), [[255, 1]]);
        spec.big_endian = true;
        assert_eq!(grays(&[0x0f, 0xf0, 0x00, 0x10], &spec), [[255, 1]]);
        spec.msb_aligned = true;
        assert_eq!(grays(&[0xff, 0x00, 0x01, 0x0f], &spec), [[255, 1]]);
        spec.significant_bits = 10;
        assert_eq!(grays(&[0xff, 0x00, 0x01, 0x3f], &spec), [[255, 1]]);
    }

    #[test]
    fn packed_frames_run_on_across_rows_and_begin_at_a_byte() {
        // Two frames of 1×3 pixels: 0xff0, 0x010, 0x800, and 0x010, 0x010, 0xff0; four and a half bytes each.
        let packed = [0xff, 0x00, 0x01, 0x80, 0x00, 0x01, 0x00, 0x01, 0xff, 0x00];
        let spec = spec(Format::Mono12Packed, 1, 3);
        assert_eq!(count(packed.len(), Format::Mono12Packed, &spec).unwrap(), (2, 5));
        assert_eq!(grays(&packed, &spec), [[255, 1, 128], [1, 1, 255]]);
    }

    #[test]
    fn a_header_before_each_frame_is_skipped() {
        let mut spec = spec(Format::Mono16, 2, 1);
        spec.header_bytes = 3;
        let bytes = [9, 9, 9, 0, 1, 0, 2, 8, 8, 8, 0, 3, 0, 4];
        assert_eq!(grays(&bytes, &spec), [[1, 2], [3, 4]]);
        let error = count(8, Format::Mono16, &spec).unwrap_err();
        assert!(error.text.contains("header of 3 bytes") && error.text.contains("multiple of 7"), "{error}");
    }

    #[test]
    fn a_length_that_is_not_whole_frames_names_the_numbers() {
        let spec = spec(Format::Mono16, 4, 3);
        for length in [0, 1, 23, 25] {
            let error = count(length, Format::Mono16, &spec).unwrap_err();
            assert_eq!(error.code, Code::FrameShape);
            assert!(error.text.contains("24") && error.text.contains(&length.to_string()), "{error}");
        }
        assert_eq!(count(48, Format::Mono16, &spec).unwrap(), (2, 24));
        assert_eq!(count(30, Format::Mono10p, &spec).unwrap(), (2, 15));
    }

    #[test]
    fn an_unknown_size_asks_for_one() {
        let error = count(100, Format::Mono8, &spec(Format::Mono8, 0, 0)).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
        assert!(error.text.contains("set width and height"), "{error}");
    }

    #[test]
    fn a_size_beyond_all_memory_is_refused() {
        let spec = spec(Format::Rgba8, u32::MAX, u32::MAX);
        assert_eq!(count(100, Format::Rgba8, &spec).unwrap_err().code, Code::FrameShape);
    }
}
