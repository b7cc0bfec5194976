//! Damaged images and raw bytes of any length under any settings: an error or pixels, never a panic, and no more memory
//! than the pixels need. The only test of its process, since it counts what the process allocates.
//!
//! `FUZZ_SEED` makes other inputs, `FUZZ_INPUTS` more of them; `npm run soak -- decoders` takes a million.
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use atomscale_core::error::{Code, Result};
use atomscale_core::frame::{Depth, Flip, Format, FrameSpec, Region, split};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Rgb, RgbImage};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};

mod counting;
use counting::counted;

const MIB: usize = 1 << 20;
/// Of the largest image, as 16-bit colour and once more while it is decoded.
const MOST: usize = 1 << 30;

#[test]
fn an_error_or_pixels() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("FUZZ_SEED").unwrap_or(1);
    let inputs = number("FUZZ_INPUTS").unwrap_or(4000);
    let mut random = Random(seed);
    let images = images();
    for case in 0..inputs {
        let spec = random.spec();
        let bytes = if random.below(4) == 0 { random.raw(&spec) } else { random.damaged(&images) };
        let parts = [bytes];
        let replay = format!("input {case} of FUZZ_SEED={seed}");
        let (outcome, taken) = counted(|| catch_unwind(AssertUnwindSafe(|| decode(&parts, &spec))));
        match outcome {
            Err(panic) => panic!("{replay}: a panic ({:?}) under {spec:?}", panic.downcast_ref::<String>()),
            Ok(Err(error)) => {
                assert!([Code::FrameFormat, Code::FrameShape].contains(&error.code), "{replay}: {error}");
                assert!(taken < MOST, "{replay}: {taken} bytes were taken for {error}");
            }
            Ok(Ok(pixels)) => {
                assert!(
                    taken < 64 * MIB + 24 * pixels,
                    "{replay}: {taken} bytes were taken for {pixels} pixels"
                );
            }
        }
    }
}

/// Pixels of the largest frame.
fn decode(parts: &[Vec<u8>], spec: &FrameSpec) -> Result<usize> {
    let mut largest = 0;
    let mut room = Vec::new();
    for unit in split(parts, spec)? {
        unit.decode(&parts[unit.part][unit.bytes.clone()], spec, &mut |size, gray| {
            assert_eq!(gray.len() as u64, size.pixels());
            largest = largest.max(gray.len());
            let (size, cut) = spec.region.cut(size, gray, &mut room)?;
            assert_eq!(cut.len() as u64, size.pixels());
            Ok(())
        })?;
    }
    Ok(largest)
}

/// Numbers that a seed decides.
struct Random(u32);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn spec(&mut self) -> FrameSpec {
        let names = [
            ["auto", "image", "mono8", "mono10", "mono12", "mono16", "mono10p", "mono12p"],
            ["mono10packed", "mono12packed", "rgb8", "bgr8", "rgba8", "bayerrg8", "auto", "image"],
        ];
        let format = Format::parse(names[self.below(2)][self.below(8)]).unwrap();
        let window = Depth::Window {
            low: f64::from(self.below(300) as u32) - 20.0,
            high: 300.0 + f64::from(self.below(70_000) as u32),
        };
        let region = Region {
            x: self.one_of(&[0, 0, 1, 5, u32::MAX]),
            y: self.one_of(&[0, 0, 1, 3]),
            width: self.one_of(&[0, 0, 2, 7, u32::MAX]),
            height: self.one_of(&[0, 0, 2, 4]),
            bin: self.one_of(&[1, 1, 2, 4]),
            flip: self.one_of(&[Flip::None, Flip::Horizontal, Flip::Vertical, Flip::Both]),
        };
        FrameSpec {
            header_bytes: self.one_of(&[0, 0, 3, 640]),
            big_endian: self.below(2) == 0,
            msb_aligned: self.below(2) == 0,
            significant_bits: self.one_of(&[0, 8, 10, 13, 16]),
            depth: self.one_of(&[Depth::FullScale, Depth::FrameMax, window]),
            region: if self.below(2) == 0 { Region::WHOLE } else { region },
            ..FrameSpec::new(format, self.below(40) as u32, self.below(12) as u32)
        }
    }

    /// Raw bytes: often whole frames, else of any length.
    fn raw(&mut self, spec: &FrameSpec) -> Vec<u8> {
        let bits = self.one_of(&[8, 10, 12, 16, 24, 32]);
        let frame =
            (spec.width as usize * spec.height as usize * bits).div_ceil(8) + spec.header_bytes as usize;
        let length = if self.below(4) == 0 { self.below(5000) } else { frame * (1 + self.below(3)) };
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// An image with some bytes changed, cut short or followed by more.
    fn damaged(&mut self, images: &[Vec<u8>]) -> Vec<u8> {
        const SMALL: &[u8] = &[0, 1, 2, 7, 8, 127, 128, 255, b' ', b'9', b'#'];
        let image = &images[self.below(images.len())];
        let mut bytes = image.clone();
        for _ in 0..self.below(5) {
            // The head is where the sizes are.
            let reach = if self.below(2) == 0 { bytes.len().min(120) } else { bytes.len() };
            let at = self.below(reach);
            bytes[at] = if self.below(2) == 0 { self.one_of(SMALL) } else { self.below(256) as u8 };
        }
        match self.below(8) {
            0 => bytes.truncate(self.below(image.len())),
            1 => bytes.extend_from_slice(&image[..self.below(image.len())]),
            _ => {}
        }
        if bytes.starts_with(b"\x89PNG") { with_right_sums(bytes) } else { bytes }
    }
}

fn images() -> Vec<Vec<u8>> {
    let colours =
        || RgbImage::from_fn(7, 5, |x, y| Rgb([(x * 36) as u8, (y * 60) as u8, (x * y * 10) as u8]));
    let rgb16 = ImageBuffer::from_fn(5, 3, |x, y| Rgb([(x * 9000) as u16, (y * 9000) as u16, 77]));
    let gray = || GrayImage::from_fn(9, 4, |x, y| image::Luma([(x * 20 + y) as u8]));
    vec![
        encoded(colours(), ImageFormat::Png),
        encoded(rgb16, ImageFormat::Png),
        encoded(gray(), ImageFormat::Png),
        encoded(colours(), ImageFormat::Jpeg),
        encoded(gray(), ImageFormat::Jpeg),
        encoded(colours(), ImageFormat::Bmp),
        encoded(gray(), ImageFormat::Bmp),
        tiff_of_all_kinds(),
        b"P5 # gray\n3 2 255\n123456P5 1 1 255 7".to_vec(),
        b"P5 3 2 4095\n112233445566".to_vec(),
        b"P2\n3 2\n15\n1 2 3\n4 5 15\n".to_vec(),
    ]
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn tiff_of_all_kinds() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::Gray8>(3, 2, &[1; 6]).unwrap();
    encoder.write_image::<colortype::Gray16>(3, 2, &[1; 6]).unwrap();
    let mut encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Fast));
    encoder.write_image::<colortype::RGB8>(3, 2, &[1; 18]).unwrap();
    let mut encoder = encoder.with_compression(Compression::Lzw);
    encoder.write_image::<colortype::RGBA16>(3, 2, &[1; 24]).unwrap();
    file.into_inner()
}

/// Sums of a PNG's chunks put right: behind a wrong sum nothing is decoded.
fn with_right_sums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = png.get(at..).and_then(|rest| rest.first_chunk()).map(|b| u32::from_be_bytes(*b))
    {
        let end = at.saturating_add(8).saturating_add(length as usize);
        if end.saturating_add(4) > png.len() {
            break;
        }
        let crc = png_crc(&png[at + 4..end]);
        png[end..end + 4].copy_from_slice(&crc.to_be_bytes());
        at = end + 4;
    }
    png
}

fn png_crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
