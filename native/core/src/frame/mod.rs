//! From the bytes of a message to gray8 frames.
//!
//! A message has parts; a part is one encoded image or the raw pixels of one or many frames. [`split`] cuts a
//! message into [`Unit`]s that can be worked on side by side, [`Unit::decode`] turns one into gray8 frames.

mod bayer;
mod bmp;
mod depth;
mod format;
mod gray;
mod image;
mod jpeg;
mod large;
mod palette;
mod pgm;
mod raw;
mod region;
mod tiff;
mod unpack;

use std::ops::Range;

use crate::error::{Error, Result};

pub use depth::{Depth, Tally};
pub use format::Format;
pub use region::{Flip, Region};

/// Encoded images and raw frames of more pixels than this are refused before memory for them is taken.
pub const MAX_PIXELS: u64 = 64_000_000;

/// Size of a frame, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Size {
    /// Pixels, equal to the bytes of a gray8 frame.
    pub fn pixels(self) -> u64 {
        u64::from(self.height) * u64::from(self.width)
    }

    /// The size, or `ERR_FRAME_SHAPE` when there are no pixels or more than [`MAX_PIXELS`].
    fn checked(self, what: &str) -> Result<Self> {
        match self.pixels() {
            0 => Err(Error::shape(format!("expected {what} with pixels, got {self}; send whole frames"))),
            1..=MAX_PIXELS => Ok(self),
            _ => Err(Error::shape(format!(
                "expected {what} of at most 64 megapixels, got {self}; crop it or bin its pixels"
            ))),
        }
    }
}

impl std::fmt::Display for Size {
    /// Width × height, as people say it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{} (width×height)", self.width, self.height)
    }
}

/// All that is said about the pixels of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameSpec {
    /// How bytes are read.
    pub format: Format,
    /// Columns of a raw frame, 0 = not given.
    pub width: u32,
    /// Rows of a raw frame, 0 = not given.
    pub height: u32,
    /// Bytes before the pixels of each raw frame, which are skipped.
    pub header_bytes: u32,
    /// Byte order of raw 16-bit samples.
    pub big_endian: bool,
    /// Raw 16-bit samples are filled from the most significant bit: their lowest bits mean nothing.
    pub msb_aligned: bool,
    /// Bits that carry signal in a sample of more than 8 bits, 8–16; 0 = as the format or the image says.
    pub significant_bits: u32,
    /// How more than 8 bits become 8.
    pub depth: Depth,
    /// What of a frame is kept, and how it is turned.
    pub region: Region,
}

impl FrameSpec {
    /// Frames of this size (0×0: not known), samples filled from the lowest bit, little endian, kept whole.
    pub const fn new(format: Format, width: u32, height: u32) -> Self {
        Self {
            format,
            width,
            height,
            header_bytes: 0,
            big_endian: false,
            msb_aligned: false,
            significant_bits: 0,
            depth: Depth::FullScale,
            region: Region::WHOLE,
        }
    }

    fn size(&self) -> Size {
        Size { height: self.height, width: self.width }
    }

    /// Significant bits of samples whose format or file says `own`.
    fn significant(&self, own: u32) -> u32 {
        if self.significant_bits == 0 { own } else { self.significant_bits }
    }
}

/// A piece of a message that is decoded in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Which part of the message it is of.
    pub part: usize,
    /// Which of the part's bytes.
    pub bytes: Range<usize>,
    /// The format of raw pixels, never `Auto` or `Image`; None for an encoded image of one or (TIFF) several pages.
    pub raw: Option<Format>,
}

/// Raw frames are worked on in pieces of about this many bytes: enough to be worth a job.
const UNIT_BYTES: usize = 64 << 10;

/// Cuts a message into units, in order. All that can be said without decoding is checked here.
pub fn split<P: AsRef<[u8]>>(parts: &[P], spec: &FrameSpec) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for (part, bytes) in parts.iter().map(AsRef::as_ref).enumerate() {
        if bytes.is_empty() {
            return Err(Error::shape(
                "expected whole frames, got an empty buffer; send the pixels or the image",
            ));
        }
        let raw = raw_format(bytes, spec);
        let step = match raw {
            None => bytes.len(),
            Some(format) => {
                let (_, frame_bytes) = raw::count(bytes.len(), format, spec)?;
                (UNIT_BYTES / frame_bytes).max(1) * frame_bytes
            }
        };
        units.extend((0..bytes.len()).step_by(step).map(|first| Unit {
            part,
            bytes: first..bytes.len().min(first + step),
            raw,
        }));
    }
    if units.is_empty() {
        return Err(Error::shape("expected at least one frame, got none; send the pixels of whole frames"));
    }
    Ok(units)
}

/// The raw format of a part, or None for an encoded image.
fn raw_format(bytes: &[u8], spec: &FrameSpec) -> Option<Format> {
    match spec.format {
        Format::Image => None,
        Format::Auto => {
            let whole_raw_frames = raw::count(bytes.len(), Format::Mono8, spec).is_ok();
            (!image::looks_encoded(bytes, whole_raw_frames)).then_some(Format::Mono8)
        }
        raw => Some(raw),
    }
}

impl Unit {
    /// Of an image that holds gray8 pixels as they are (a gray BMP), its size and rows: whoever copies these has decoded it.
    pub fn gray_rows<'a>(&self, bytes: &'a [u8]) -> Option<(Size, impl Iterator<Item = &'a [u8]>)> {
        self.raw.is_none().then(|| image::gray_rows(bytes)).flatten()
    }

    /// Hands each frame of the unit, in order, to `sink` as gray8 rows without padding; whole, before `spec.region`.
    /// `bytes` are the unit's own.
    pub fn decode(
        &self,
        bytes: &[u8],
        spec: &FrameSpec,
        sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
    ) -> Result<Tally> {
        match self.raw {
            Some(format) => raw::decode(bytes, format, spec, sink),
            None => image::decode(bytes, spec, sink),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn small_frames_share_a_unit_and_none_is_forgotten() {
        let parts = vec![vec![0; 64 * 3000], vec![0; 64]];
        let units = split(&parts, &FrameSpec::new(Format::Mono8, 8, 8)).unwrap();
        assert!(
            units.iter().all(|unit| unit.raw == Some(Format::Mono8) && unit.bytes.len().is_multiple_of(64))
        );
        let bytes: Vec<(usize, usize)> =
            units.iter().flat_map(|unit| unit.bytes.clone().map(|n| (unit.part, n))).collect();
        let expected: Vec<_> = (0..64 * 3000).map(|n| (0, n)).chain((0..64).map(|n| (1, n))).collect();
        assert_eq!(bytes, expected);
        assert!(units.len() < 10);
    }

    #[test]
    fn one_bad_part_spoils_the_message() {
        let parts = vec![vec![0; 64], vec![0; 63]];
        let error = split(&parts, &FrameSpec::new(Format::Mono8, 8, 8)).unwrap_err();
        assert_eq!(error.code, Code::FrameShape);
        assert!(error.text.contains("63") && error.text.contains("64"), "{error}");
        assert_eq!(
            split::<Vec<u8>>(&[], &FrameSpec::new(Format::Mono8, 8, 8)).unwrap_err().code,
            Code::FrameShape
        );
        for format in [Format::Mono8, Format::Auto, Format::Image] {
            let empty = [vec![0; 64], vec![]];
            assert_eq!(split(&empty, &FrameSpec::new(format, 8, 8)).unwrap_err().code, Code::FrameShape);
            assert_eq!(split(&empty[1..], &FrameSpec::new(format, 0, 0)).unwrap_err().code, Code::FrameShape);
        }
    }

    #[test]
    fn raw_pixels_that_begin_like_an_image_stay_raw() {
        for magic in [&b"BM"[..], b"\xff\xd8\xff\xe0", b"II*\0", b"MM\0*"] {
            let mut frame = vec![7; 64];
            frame[..magic.len()].copy_from_slice(magic);
            let units = split(&[frame], &FrameSpec::new(Format::Auto, 8, 8)).unwrap();
            assert!(units[0].raw.is_some(), "{magic:?}");
        }
    }
}
