//! TIFF: every page is a frame (pages that are a reduced copy of another are not).

use std::io::Cursor;

use ::tiff::ColorType;
use ::tiff::TiffError;
use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;

use super::image::{interleaved8, interleaved16, undecodable};
use super::{FrameSpec, MAX_PIXELS, Size, Tally};
use super::{large, palette};
use crate::error::{Error, Result};

/// Whether the header points at a first directory inside the file.
pub(super) fn head_holds(bytes: &[u8]) -> bool {
    let Some(&offset) = bytes.get(4..).and_then(|rest| rest.first_chunk()) else { return false };
    let offset =
        if bytes.starts_with(b"II") { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) };
    usize::try_from(offset).is_ok_and(|offset| offset >= 8 && offset.saturating_add(2) <= bytes.len())
}

/// Hands the gray8 pages of an image to `sink`.
pub(super) fn decode(
    bytes: &[u8],
    spec: &FrameSpec,
    sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
) -> Result<Tally> {
    let length = bytes.len();
    let unreadable = |error: TiffError| undecodable("TIFF", length, &error);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(8 * MAX_PIXELS).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let bytes = palette::as_gray(bytes);
    let mut decoder = Decoder::new(Cursor::new(&*bytes)).map_err(unreadable)?.with_limits(limits);
    let mut pages = 0;
    let mut tally = Tally::default();
    loop {
        let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).map_err(unreadable)?;
        if kind.is_none_or(|bits| bits & 1 == 0) {
            let (width, height) = decoder.dimensions().map_err(unreadable)?;
            let size = Size { height, width }.checked("an image")?;
            let (gray, seen) = page(&mut decoder, size, spec, length)?;
            sink(size, &gray)?;
            tally = tally.and(seen);
            pages += 1;
        }
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(unreadable)?;
    }
    if pages == 0 {
        return Err(Error::shape("expected a TIFF with at least one full page, got none; send whole images"));
    }
    Ok(tally)
}

/// The current page in gray.
fn page(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    size: Size,
    spec: &FrameSpec,
    length: usize,
) -> Result<(Vec<u8>, Tally)> {
    let unreadable = |error: TiffError| undecodable("TIFF", length, &error);
    let color = decoder.colortype().map_err(unreadable)?;
    let samples = match color {
        ColorType::Gray(8 | 16) => 1,
        ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 } => 2, // gray and alpha
        ColorType::RGB(8 | 16) => 3,
        ColorType::RGBA(8 | 16) => 4,
        _ => {
            return Err(Error::format(format!(
                "expected a TIFF in gray or RGB with 8 or 16 bits a sample, got {color:?}; convert the image"
            )));
        }
    };
    let planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(unreadable)?;
    if samples > 1 && planar == Some(2) {
        return Err(Error::format(
            "expected a TIFF with its colours side by side, got one with a plane a colour; convert the image",
        ));
    }
    let colours = decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).map_err(unreadable)?;
    let bytes_a_sample = u64::from(color.bit_depth() / 8);
    let _turn = large::turn(size.pixels() * bytes_a_sample * samples as u64);
    match decoder.read_image().map_err(unreadable)? {
        DecodingResult::U8(mut gray) if samples == 1 => {
            if let Some(levels) = colours.as_deref().and_then(palette::levels) {
                for sample in &mut gray {
                    *sample = levels[usize::from(*sample)];
                }
            }
            Ok((gray, Tally::default()))
        }
        DecodingResult::U8(data) => Ok(interleaved8(&data, samples)),
        DecodingResult::U16(data) => Ok(interleaved16(&data, samples, spec)),
        _ => Err(Error::format("expected a TIFF with unsigned samples, got another kind; convert the image")),
    }
}
