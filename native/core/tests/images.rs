//! Encoded images, from bytes to gray8.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]

use std::io::Cursor;

use atomscale_core::error::{Code, Error};
use atomscale_core::frame::{Depth, Format, FrameSpec, Size, split};
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use tiff::encoder::{TiffEncoder, colortype};

const SPEC: FrameSpec = FrameSpec::new(Format::Auto, 0, 0);

fn decode(bytes: &[u8], spec: &FrameSpec) -> Result<Vec<(Size, Vec<u8>)>, Error> {
    let parts = [bytes.to_vec()];
    let mut frames = Vec::new();
    for unit in split(&parts, spec)? {
        unit.decode(&parts[unit.part][unit.bytes.clone()], spec, &mut |size, gray| {
            frames.push((size, gray.to_vec()));
            Ok(())
        })?;
    }
    Ok(frames)
}

fn one(bytes: &[u8]) -> Vec<u8> {
    let frames = decode(bytes, &SPEC).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].0.pixels(), frames[0].1.len() as u64);
    frames.into_iter().next().unwrap().1
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn colours() -> RgbImage {
    RgbImage::from_fn(7, 5, |x, y| Rgb([(x * 36) as u8, (y * 60) as u8, (x * y * 10) as u8]))
}

fn means(image: &RgbImage) -> Vec<u8> {
    image.pixels().map(|p| (p.0.iter().map(|&c| u32::from(c)).sum::<u32>() / 3) as u8).collect()
}

#[test]
fn png_of_all_kinds() {
    let gray = GrayImage::from_fn(9, 4, |x, y| Luma([(x * 20 + y) as u8]));
    assert_eq!(one(&encoded(gray.clone(), ImageFormat::Png)), gray.into_raw());
    assert_eq!(one(&encoded(colours(), ImageFormat::Png)), means(&colours()));
    let alpha = ImageBuffer::from_fn(3, 1, |x, _| Rgba([10, 20, 33, (x * 100) as u8]));
    assert_eq!(one(&encoded(alpha, ImageFormat::Png)), [21; 3]);
    let gray_alpha = ImageBuffer::from_fn(3, 1, |x, _| LumaA([50, (x * 100) as u8]));
    assert_eq!(one(&encoded(gray_alpha, ImageFormat::Png)), [50; 3]);
}

#[test]
fn sixteen_bits_by_depth() {
    let image = ImageBuffer::from_fn(4, 1, |x, _| Luma([[0u16, 255, 256, 40000][x as usize]]));
    let bytes = encoded(image, ImageFormat::Png);
    assert_eq!(one(&bytes), [0, 0, 1, 156]);
    let frame_max = FrameSpec { depth: Depth::FrameMax, ..SPEC };
    assert_eq!(decode(&bytes, &frame_max).unwrap()[0].1, [0, 1, 1, 255]);
    let twelve = FrameSpec { significant_bits: 12, ..SPEC };
    assert_eq!(decode(&bytes, &twelve).unwrap()[0].1, [0, 15, 16, 255]);
    let colour = ImageBuffer::from_fn(1, 1, |_, _| Rgb([0x1000u16, 0x2000, 0x3100]));
    assert_eq!(one(&encoded(colour, ImageFormat::Png)), [0x20]);
}

#[test]
fn jpeg_whole_and_cut() {
    let gray = GrayImage::from_fn(64, 48, |x, y| Luma([(x * 2 + y) as u8]));
    let bytes = encoded(gray.clone(), ImageFormat::Jpeg);
    let off = one(&bytes).iter().zip(gray.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off < Some(16), "JPEG is lossy, but not by {off:?}");
    for length in [4, 30, bytes.len() / 2, bytes.len() - 2, bytes.len() - 1] {
        let error = decode(&bytes[..length], &SPEC).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat, "{length}: {error}");
    }
    assert_eq!(one(&[&bytes[..], &[0; 7]].concat()).len(), 64 * 48, "padding behind the end");
}

/// An 8-bit BMP with a palette, as frame grabbers write it.
fn bmp(width: i32, height: i32, palette: impl Fn(u8) -> [u8; 3], pixels: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    let stride = (width as usize).next_multiple_of(4);
    let length = 54 + 1024 + stride * pixels.len();
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(1078u32.to_le_bytes());
    bytes.extend(40u32.to_le_bytes());
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0, 8, 0]);
    bytes.extend([0; 24]);
    for level in 0..=255 {
        let [r, g, b] = palette(level);
        bytes.extend([b, g, r, 255]);
    }
    for row in pixels {
        bytes.extend(*row);
        bytes.resize(bytes.len().next_multiple_of(2) + (stride - row.len()) / 2 * 2, 0);
    }
    bytes.resize(length, 0);
    bytes
}

#[test]
fn bmp_with_a_palette_in_both_row_orders() {
    let gray = |level| [level; 3];
    let rows: [&[u8]; 2] = [&[1, 2, 3, 255], &[7, 8, 9, 0]];
    assert_eq!(one(&bmp(4, 2, gray, &rows)), [7, 8, 9, 0, 1, 2, 3, 255]);
    assert_eq!(one(&bmp(4, -2, gray, &rows)), [1, 2, 3, 255, 7, 8, 9, 0]);
    let coloured = |level| [level, 255 - level, 0];
    assert_eq!(one(&bmp(4, -2, coloured, &rows)), [85; 8]);
    let whole = bmp(4, 2, gray, &rows);
    for length in [10, 60, whole.len() - 1] {
        let error = decode(&whole[..length], &SPEC).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat, "{length}: {error}");
    }
}

#[test]
fn bmp_in_colour() {
    assert_eq!(one(&encoded(colours(), ImageFormat::Bmp)), means(&colours()));
}

#[test]
fn tiff_pages_are_frames() {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::Gray8>(2, 2, &[1, 2, 3, 4]).unwrap();
    encoder.write_image::<colortype::Gray16>(2, 2, &[256, 512, 768, 65535]).unwrap();
    encoder.write_image::<colortype::RGB8>(2, 2, &[1, 2, 4, 3, 3, 3, 9, 9, 9, 0, 0, 2]).unwrap();
    encoder.write_image::<colortype::RGBA8>(2, 2, &[9; 16]).unwrap();
    let bytes = file.into_inner();
    let frames = decode(&bytes, &SPEC).unwrap();
    let grays: Vec<_> = frames.into_iter().map(|(_, gray)| gray).collect();
    assert_eq!(grays, [[1, 2, 3, 4], [1, 2, 3, 255], [2, 3, 9, 0], [9; 4]]);
    for length in [4, 9, bytes.len() / 2] {
        assert_eq!(decode(&bytes[..length], &SPEC).unwrap_err().code, Code::FrameFormat, "{length}");
    }
}

#[test]
fn a_tiff_with_a_palette_goes_through_its_colours() {
    // width, height, bits, compression, photometric, strip, samples, rows, strip bytes, colour map
    let tags: [(u16, u16, u32, u32); 10] = [
        (256, 3, 1, 2),
        (257, 3, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 3),
        (273, 4, 1, 134),
        (277, 3, 1, 1),
        (278, 3, 1, 1),
        (279, 4, 1, 2),
        (320, 3, 768, 136),
    ];
    let mut bytes = b"II*\0\x08\0\0\0\x0a\0".to_vec();
    for (tag, kind, count, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend([200, 3]);
    for channel in 0..3u16 {
        bytes.extend((0..256u16).flat_map(|n| ((n / (channel + 1)) << 8).to_le_bytes()));
    }
    // Colours of index n are n, n/2, n/3: 200, 100, 66 and 3, 1, 1.
    assert_eq!(one(&bytes), [122, 1]);
}

#[test]
fn a_tiff_of_floats_is_refused_with_a_reason() {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    encoder.write_image::<colortype::Gray32Float>(1, 1, &[0.5]).unwrap();
    let error = decode(&file.into_inner(), &SPEC).unwrap_err();
    assert_eq!(error.code, Code::FrameFormat);
    assert!(error.text.contains("8 or 16 bits"), "{error}");
}

#[test]
fn more_than_64_megapixels_are_refused_by_the_head_alone() {
    // Heads that promise 8001×8000 pixels and bring none: only refusing by size can give this error.
    let mut png = encoded(GrayImage::new(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&8001u32.to_be_bytes());
    png[20..24].copy_from_slice(&8000u32.to_be_bytes());
    let crc = png_crc(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let bmp = bmp(8001, 8000, |level| [level; 3], &[]);
    for bytes in [png, bmp] {
        let error = decode(&bytes, &SPEC).unwrap_err();
        assert_eq!(error.code, Code::FrameShape, "{error}");
        assert!(error.text.contains("64 megapixels") && error.text.contains("8001×8000"), "{error}");
    }
}

fn png_crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn bytes_that_are_no_image_ask_for_one() {
    let error = decode(b"not an image", &SPEC).unwrap_err();
    assert_eq!(error.code, Code::FrameFormat);
    assert!(error.text.contains("set width and height"), "{error}");
    let image = FrameSpec { format: Format::Image, width: 3, height: 4, ..SPEC };
    assert_eq!(decode(b"not an image", &image).unwrap_err().code, Code::FrameFormat);
}

#[test]
fn an_image_s_own_size_counts() {
    let bytes = encoded(GrayImage::new(9, 4), ImageFormat::Png);
    let spec = FrameSpec { width: 3, height: 3, ..SPEC };
    assert_eq!(decode(&bytes, &spec).unwrap()[0].0, Size { width: 9, height: 4 });
}
