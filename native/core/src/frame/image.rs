//! Encoded images: PNG, JPEG and rare BMPs by the `image` crate, TIFF by `tiff` (for its pages), the others here.

use std::io::Cursor;

use ::image::{DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::depth::Samples;
use super::gray::{mean16, means, means_of_four};
use super::jpeg::{self, Walk};
use super::{FrameSpec, Size, Tally, bmp, large, pgm, tiff};
use crate::error::{Error, Result};

/// What a decoder may take beside the pixels, which `Size::checked` bounds: a row, a colour profile. A PNG's profile
/// can inflate to gigabytes.
const MAX_BESIDE_PIXELS: u64 = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Jpeg,
    Bmp,
    Tiff,
    Pgm,
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Kind::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(Kind::Jpeg)
    } else if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        Some(Kind::Tiff)
    } else if bytes.starts_with(b"BM") {
        Some(Kind::Bmp)
    } else if pgm::begins(bytes) {
        Some(Kind::Pgm)
    } else {
        None
    }
}

/// Whether a part of format `auto` is an encoded image. Two to four first bytes can be pixels as well, so where the
/// length fits raw frames (`or_raw`) the head behind them must make sense too.
pub(super) fn looks_encoded(bytes: &[u8], or_raw: bool) -> bool {
    match kind(bytes) {
        None => false,
        Some(Kind::Png) => true,
        Some(Kind::Jpeg) => !or_raw || jpeg::walk(bytes) != Walk::Broken,
        Some(Kind::Tiff) => !or_raw || tiff::head_holds(bytes),
        Some(Kind::Bmp) => !or_raw || bmp_head_holds(bytes),
        Some(Kind::Pgm) => !or_raw || pgm::head_holds(bytes),
    }
}

/// Whether the second header of a BMP has one of the sizes that exist.
fn bmp_head_holds(bytes: &[u8]) -> bool {
    let header = bytes.get(14..).and_then(|rest| rest.first_chunk()).map(|b| u32::from_le_bytes(*b));
    matches!(header, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// The size and the rows of an image that holds gray8 pixels as they are.
pub(super) fn gray_rows(bytes: &[u8]) -> Option<(Size, impl Iterator<Item = &[u8]>)> {
    (kind(bytes) == Some(Kind::Bmp)).then(|| bmp::gray_rows(bytes)).flatten()
}

/// Hands the gray8 frames of an image to `sink`.
pub(super) fn decode(
    bytes: &[u8],
    spec: &FrameSpec,
    sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
) -> Result<Tally> {
    let format = match kind(bytes) {
        None => {
            return Err(Error::format(format!(
                "expected a PNG, JPEG, TIFF, BMP or PGM image, got {} bytes that begin {:02x?}; send such an image, or set \
                 format to that of raw pixels",
                bytes.len(),
                &bytes[..bytes.len().min(4)]
            )));
        }
        Some(Kind::Tiff) => return tiff::decode(bytes, spec, sink),
        Some(Kind::Pgm) => return pgm::decode(bytes, spec, sink),
        Some(Kind::Jpeg) if jpeg::walk(bytes) != Walk::Whole => {
            return Err(Error::format(format!(
                "expected a whole JPEG image, got {} bytes that stop before its end; send each image complete in one \
                 message",
                bytes.len()
            )));
        }
        Some(Kind::Jpeg) => ImageFormat::Jpeg,
        Some(Kind::Png) => ImageFormat::Png,
        Some(Kind::Bmp) => {
            if let Some((size, gray)) = bmp::decode(bytes) {
                sink(size, &gray)?;
                return Ok(Tally::default());
            }
            ImageFormat::Bmp
        }
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BESIDE_PIXELS);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let unreadable = |error: &ImageError| undecodable(format.to_mime_type(), bytes.len(), error);
    let decoder = reader.into_decoder().map_err(|error| unreadable(&error))?;
    let (width, height) = decoder.dimensions();
    let size = Size { height, width }.checked("an image")?;
    let turn = large::turn(decoder.total_bytes());
    let image = DynamicImage::from_decoder(decoder).map_err(|error| unreadable(&error))?;
    debug_assert_eq!(image.dimensions(), (width, height));
    let (gray, tally) = gray(image, spec)?;
    drop(turn);
    sink(size, &gray)?;
    Ok(tally)
}

/// `ERR_FRAME_FORMAT` for bytes that begin like an image and are none.
pub(super) fn undecodable(kind: &str, length: usize, error: &dyn std::fmt::Display) -> Error {
    Error::format(format!(
        "expected a whole {kind} image, got {length} bytes that cannot be decoded ({error}); send each image complete \
         in one message"
    ))
}

fn gray(image: DynamicImage, spec: &FrameSpec) -> Result<(Vec<u8>, Tally)> {
    Ok(match image {
        DynamicImage::ImageLuma8(image) => (image.into_raw(), Tally::default()),
        DynamicImage::ImageLumaA8(image) => interleaved8(image.as_raw(), 2),
        DynamicImage::ImageRgb8(image) => interleaved8(image.as_raw(), 3),
        DynamicImage::ImageRgba8(image) => interleaved8(image.as_raw(), 4),
        DynamicImage::ImageLuma16(image) => interleaved16(image.as_raw(), 1, spec),
        DynamicImage::ImageLumaA16(image) => interleaved16(image.as_raw(), 2, spec),
        DynamicImage::ImageRgb16(image) => interleaved16(image.as_raw(), 3, spec),
        DynamicImage::ImageRgba16(image) => interleaved16(image.as_raw(), 4, spec),
        other => {
            return Err(Error::format(format!(
                "expected 8 or 16 bits a sample, got {:?}; convert the image",
                other.color()
            )));
        }
    })
}

/// The grays of pixels of 2 (gray and alpha), 3 or 4 (and alpha) samples.
pub(super) fn interleaved8(samples: &[u8], channels: usize) -> (Vec<u8>, Tally) {
    let mut out = vec![0; samples.len() / channels];
    match channels {
        3 => means(samples.as_chunks().0, &mut out),
        4 => means_of_four(samples.as_chunks().0, &mut out),
        _ => out.iter_mut().zip(samples.chunks_exact(channels)).for_each(|(gray, pixel)| *gray = pixel[0]),
    }
    (out, Tally::default())
}

/// The gray levels of pixels of 1, 2 (gray and alpha), 3 or 4 (and alpha) samples of 16 bits.
pub(super) fn interleaved16(samples: &[u16], channels: usize, spec: &FrameSpec) -> (Vec<u8>, Tally) {
    let fill = |first: usize, block: &mut [u16]| {
        let pixels = samples[first * channels..].chunks_exact(channels);
        block.iter_mut().zip(pixels).for_each(|(v, pixel)| {
            *v = if let [r, g, b, ..] = *pixel { mean16(r, g, b) } else { pixel[0] };
        });
    };
    let mut out = Vec::new();
    let count = samples.len() / channels;
    let tally =
        Samples { count, fill, significant: spec.significant(16), shift: 0 }.levels(spec.depth, &mut out);
    (out, tally)
}
