//! From the bytes of a message to gray8 frames.
//!
//! A message has parts; a part is one encoded image or the raw pixels of one or many frames. [`split`] cuts a
//! message into [`Unit`]s that can be worked on side by side, [`Unit::decode`] turns one into gray8 frames.

mod gray;
mod image;
mod jpeg;
mod large;
mod palette;
mod raw;
mod tiff;

use std::ops::Range;

use crate::error::{Error, Result};

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

/// How the bytes of a part are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An encoded image if its first bytes say so, else mono8.
    Auto,
    /// An encoded image: PNG, JPEG, TIFF or BMP.
    Image,
    /// Raw gray, 8 bits.
    Mono8,
    /// Raw gray in 16-bit samples (mono10, mono12, mono16).
    Mono16,
    /// Raw colour, 3 bytes a pixel.
    Rgb8,
    /// Raw colour, 3 bytes a pixel, blue first.
    Bgr8,
    /// Raw colour and alpha, 4 bytes a pixel.
    Rgba8,
}

impl Format {
    /// Reads the name of a setting.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "auto" => Self::Auto,
            "image" => Self::Image,
            "mono8" => Self::Mono8,
            "mono10" | "mono12" | "mono16" => Self::Mono16,
            "rgb8" => Self::Rgb8,
            "bgr8" => Self::Bgr8,
            "rgba8" => Self::Rgba8,
            _ => {
                return Err(Error::format(format!(
                    "expected one of auto, image, mono8, mono10, mono12, mono16, rgb8, bgr8, rgba8 as the format, \
                     got \"{name}\"; set format to how the camera sends its pixels"
                )));
            }
        })
    }
}

/// How a 16-bit sample becomes a gray level. 8-bit samples pass unchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// `v >> (significant bits − 8)`, at most 255.
    FullScale,
    /// `trunc(v / max · 255)`, max of each frame; a black frame stays black.
    FrameMax,
    /// `trunc(clamp((v − low) / (high − low), 0, 1) · 255)`.
    Window {
        /// Raw count that becomes black.
        low: f64,
        /// Raw count that becomes white.
        high: f64,
    },
}

impl Depth {
    /// Reads the name of a setting; `low` and `high` belong to `window`.
    pub fn parse(name: &str, low: f64, high: f64) -> Result<Self> {
        match name {
            "full-scale" => Ok(Self::FullScale),
            "frame-max" => Ok(Self::FrameMax),
            "window" if low.is_finite() && high.is_finite() && low < high => Ok(Self::Window { low, high }),
            "window" => Err(Error::format(format!(
                "expected a window with low below high, got {low} to {high}; set both ends in raw counts"
            ))),
            _ => Err(Error::format(format!(
                "expected full-scale, frame-max or window as the depth, got \"{name}\"; set depth to one of them"
            ))),
        }
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
    /// Byte order of raw 16-bit samples.
    pub big_endian: bool,
    /// Bits that carry signal in a 16-bit sample, 9–16. An 8 (or less) says nothing about 16-bit samples: 16.
    pub significant_bits: u32,
    /// How 16 bits become 8.
    pub depth: Depth,
}

impl FrameSpec {
    fn size(&self) -> Size {
        Size { height: self.height, width: self.width }
    }

    /// Bits by which full-scale shifts a 16-bit sample.
    fn shift(&self) -> u32 {
        match self.significant_bits {
            bits @ 9..=16 => bits - 8,
            _ => 8,
        }
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
                let (_, frame_bytes) = raw::count(bytes.len(), format, spec.size())?;
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
            let whole_raw_frames = raw::count(bytes.len(), Format::Mono8, spec.size()).is_ok();
            (!image::looks_encoded(bytes, whole_raw_frames)).then_some(Format::Mono8)
        }
        raw => Some(raw),
    }
}

impl Unit {
    /// Hands each frame of the unit, in order, to `sink` as gray8 rows without padding. `bytes` are the unit's own.
    pub fn decode(
        &self,
        bytes: &[u8],
        spec: &FrameSpec,
        sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
    ) -> Result<()> {
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

    fn spec(format: Format, width: u32, height: u32) -> FrameSpec {
        FrameSpec { format, width, height, big_endian: false, significant_bits: 8, depth: Depth::FullScale }
    }

    #[test]
    fn names_that_are_not_known_list_the_known() {
        let error = Format::parse("mono12p").unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
        assert!(error.text.contains("mono12p") && error.text.contains("bgr8"), "{error}");
        assert_eq!(Depth::parse("half", 0.0, 1.0).unwrap_err().code, Code::FrameFormat);
        assert!(Depth::parse("window", 5.0, 5.0).is_err());
        assert!(Depth::parse("window", f64::NAN, 5.0).is_err());
    }

    #[test]
    fn small_frames_share_a_unit_and_none_is_forgotten() {
        let parts = vec![vec![0; 64 * 3000], vec![0; 64]];
        let units = split(&parts, &spec(Format::Mono8, 8, 8)).unwrap();
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
        let error = split(&parts, &spec(Format::Mono8, 8, 8)).unwrap_err();
        assert_eq!(error.code, Code::FrameShape);
        assert!(error.text.contains("63") && error.text.contains("64"), "{error}");
        assert_eq!(split::<Vec<u8>>(&[], &spec(Format::Mono8, 8, 8)).unwrap_err().code, Code::FrameShape);
        for format in [Format::Mono8, Format::Auto, Format::Image] {
            let empty = [vec![0; 64], vec![]];
            assert_eq!(split(&empty, &spec(format, 8, 8)).unwrap_err().code, Code::FrameShape);
            assert_eq!(split(&empty[1..], &spec(format, 0, 0)).unwrap_err().code, Code::FrameShape);
        }
    }

    #[test]
    fn raw_pixels_that_begin_like_an_image_stay_raw() {
        for magic in [&b"BM"[..], b"\xff\xd8\xff\xe0", b"II*\0", b"MM\0*"] {
            let mut frame = vec![7; 64];
            frame[..magic.len()].copy_from_slice(magic);
            let units = split(&[frame], &spec(Format::Auto, 8, 8)).unwrap();
            assert!(units[0].raw.is_some(), "{magic:?}");
        }
    }
}
