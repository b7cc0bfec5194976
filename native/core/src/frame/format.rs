//! The names of pixel formats, and how many bits a pixel takes.

use crate::error::{Error, Result};

/// How the bytes of a part are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An encoded image if its first bytes say so, else mono8.
    Auto,
    /// An encoded image: PNG, JPEG, TIFF, BMP or PGM.
    Image,
    /// Raw gray, 8 bits.
    Mono8,
    /// Raw gray, 10 bits in two bytes.
    Mono10,
    /// Raw gray, 12 bits in two bytes.
    Mono12,
    /// Raw gray, 16 bits.
    Mono16,
    /// Raw gray, 4 pixels in 5 bytes, the lowest bits first.
    Mono10p,
    /// Raw gray, 2 pixels in 3 bytes, the lowest bits first.
    Mono12p,
    /// Raw gray, 2 pixels in 3 bytes: the high bits of each around a byte with the low ones of both.
    Mono10Packed,
    /// As `Mono10Packed`.
    Mono12Packed,
    /// Raw colour, 3 bytes a pixel.
    Rgb8,
    /// Raw colour, 3 bytes a pixel, blue first.
    Bgr8,
    /// Raw colour and alpha, 4 bytes a pixel.
    Rgba8,
    /// One byte a pixel behind a mosaic of red, green and blue, whichever comes first.
    Bayer8,
}

/// By their PFNC names in lower case.
const NAMES: [(&str, Format); 17] = [
    ("auto", Format::Auto),
    ("image", Format::Image),
    ("mono8", Format::Mono8),
    ("mono10", Format::Mono10),
    ("mono12", Format::Mono12),
    ("mono16", Format::Mono16),
    ("mono10p", Format::Mono10p),
    ("mono12p", Format::Mono12p),
    ("mono10packed", Format::Mono10Packed),
    ("mono12packed", Format::Mono12Packed),
    ("rgb8", Format::Rgb8),
    ("bgr8", Format::Bgr8),
    ("rgba8", Format::Rgba8),
    ("bayerrg8", Format::Bayer8),
    ("bayergr8", Format::Bayer8),
    ("bayergb8", Format::Bayer8),
    ("bayerbg8", Format::Bayer8),
];

impl Format {
    /// Reads the name of a setting.
    pub fn parse(name: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let known = NAMES.map(|(known, _)| known).join(", ");
            Error::format(format!(
                "expected one of {known} as the format, got \"{name}\"; set format to how the camera sends its pixels"
            ))
        })
    }

    /// Bits that a raw pixel takes in memory.
    pub(super) const fn stored_bits(self) -> u64 {
        match self {
            Self::Auto | Self::Image | Self::Mono8 | Self::Bayer8 => 8,
            Self::Mono10p => 10,
            Self::Mono12p | Self::Mono10Packed | Self::Mono12Packed => 12,
            Self::Mono10 | Self::Mono12 | Self::Mono16 => 16,
            Self::Rgb8 | Self::Bgr8 => 24,
            Self::Rgba8 => 32,
        }
    }

    /// Bits of a gray sample that carry signal.
    pub(super) const fn sample_bits(self) -> u32 {
        match self {
            Self::Mono10 | Self::Mono10p | Self::Mono10Packed => 10,
            Self::Mono12 | Self::Mono12p | Self::Mono12Packed => 12,
            Self::Mono16 => 16,
            _ => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn names_that_are_not_known_list_the_known() {
        let error = Format::parse("mono9").unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
        assert!(error.text.contains("mono9") && error.text.contains("mono10packed"), "{error}");
        assert_eq!(Format::parse("bayergb8").unwrap(), Format::Bayer8);
    }
}
