//! Small files that promise much: refused before memory is taken for them. The only test of its process, since it
//! counts what the process allocates.
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

use std::io::Cursor;

use atomscale_core::error::{Code, Result};
use atomscale_core::frame::{Format, FrameSpec, Size, split};
use image::{GrayImage, ImageFormat};

mod counting;
use counting::counted;

const SPEC: FrameSpec = FrameSpec::new(Format::Auto, 0, 0);

/// The sizes of the frames, or why there are none, and the bytes it took beyond the file.
fn decode(bytes: Vec<u8>) -> (Result<Vec<Size>>, usize) {
    let parts = [bytes];
    counted(|| {
        let mut sizes = Vec::new();
        for unit in split(&parts, &SPEC)? {
            unit.decode(&parts[unit.part][unit.bytes.clone()], &SPEC, &mut |size, _| {
                sizes.push(size);
                Ok(())
            })?;
        }
        Ok(sizes)
    })
}

const MIB: usize = 1 << 20;

fn refused(what: &str, bytes: Vec<u8>, codes: &[Code]) {
    let length = bytes.len();
    let (result, taken) = decode(bytes);
    let error = result.expect_err(what);
    assert!(codes.contains(&error.code), "{what}: {error}");
    assert!(taken < 4 * MIB + 16 * length, "{what}: {taken} bytes were taken for {length}");
}

const SHAPE: &[Code] = &[Code::FrameShape];
const ANY: &[Code] = &[Code::FrameShape, Code::FrameFormat];

#[test]
fn bombs_are_refused_before_memory_is_taken() {
    for (width, height) in [(8001, 8000), (65_500, 65_500), (1 << 30, 1 << 30), (u32::MAX, 1), (0, 0), (0, 5)]
    {
        let name = |kind: &str| format!("a {kind} of {width}×{height}");
        let codes = if width < 70_000 && width > 0 { SHAPE } else { ANY };
        refused(&name("PNG"), png(width, height, 8, 0, &[]), codes);
        refused(&name("PNG in 16-bit colour"), png(width, height, 16, 6, &[]), codes);
        refused(&name("PNG, interlaced"), interlaced(png(width, height, 8, 2, &[])), codes);
        refused(&name("BMP"), bmp(width, height), ANY);
        refused(&name("PGM"), format!("P5 {width} {height} 65535\n").into_bytes(), codes);
        refused(&name("PGM in digits"), format!("P2 {width} {height} 255\n").into_bytes(), codes);
        refused(&name("TIFF"), tiff(width, height, 1, &[0; 8], 1), codes);
        if codes == SHAPE {
            refused(&name("JPEG"), jpeg(width as u16, height as u16), SHAPE);
        }
    }

    let bomb = inflates_to(256 * MIB);
    for kind in [b"zTXt", b"iTXt", b"iCCP"] {
        let mut data = b"name\0\0".to_vec();
        if kind == b"iTXt" {
            data = b"name\0\x01\0\0\0".to_vec();
        }
        data.extend(&bomb);
        let (_, taken) = decode(png(4, 2, 8, 0, &[(kind, &data)]));
        assert!(
            taken < 48 * MIB,
            "a PNG whose {} inflates to 256 MiB: {taken}",
            String::from_utf8_lossy(kind)
        );
    }

    let (result, taken) = decode(png_with(4, 2, 8, 0, &[], &bomb));
    assert!(taken < 16 * MIB, "a PNG whose pixels inflate to 256 MiB: {taken} bytes, {result:?}");
    let (result, taken) = decode(tiff(4, 2, 8, &bomb, 1));
    assert!(taken < 16 * MIB, "a TIFF whose strip inflates to 256 MiB: {taken} bytes, {result:?}");

    refused("a TIFF of a million strips", strips(1_000_000), ANY);
    refused("a TIFF that promises four billion strips", strips(u32::MAX), ANY);
    refused("a TIFF whose directories go round", round(), ANY);
}

/// A zlib stream of `length` zeros and a few: one literal, then matches of 258 bytes in 13 bits each (RFC 1951, 3.2.6).
fn inflates_to(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let (mut bits, mut held) = (0u64, 0);
    let mut put = |code: u64, width: u32| {
        bits |= code << held;
        held += width;
        while held >= 8 {
            bytes.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    };
    put(0b011, 3); // the last block, of fixed codes
    put(0b0000_1100, 8); // a zero; codes begin with their highest bit
    let matches = length / 258 + 1;
    for _ in 0..matches {
        put(0b0_0000_1010_0011, 13); // 258 bytes of a distance of 1
    }
    put(0, 7 + 7); // the end, and the byte filled up
    let sum = ((1 + 258 * matches) % 65_521) as u32;
    bytes.extend((sum << 16 | 1).to_be_bytes());
    bytes
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let crc = !body.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
}

fn png(width: u32, height: u32, bits: u8, colour: u8, more: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    png_with(width, height, bits, colour, more, &inflates_to(MIB))
}

fn png_with(
    width: u32,
    height: u32,
    bits: u8,
    colour: u8,
    more: &[(&[u8; 4], &[u8])],
    pixels: &[u8],
) -> Vec<u8> {
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([bits, colour, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &head));
    for (kind, data) in more {
        file.extend(chunk(&kind[..], data));
    }
    file.extend(chunk(b"IDAT", pixels));
    file.extend(chunk(b"IEND", &[]));
    file
}

fn interlaced(mut png: Vec<u8>) -> Vec<u8> {
    let mut head = png[16..29].to_vec();
    head[12] = 1;
    png.splice(8..33, chunk(b"IHDR", &head));
    png
}

fn bmp(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0, 24, 0]);
    file.resize(54 + 100, 0);
    file
}

/// A whole JPEG whose head tells another size.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    GrayImage::new(8, 8).write_to(&mut file, ImageFormat::Jpeg).unwrap();
    let mut file = file.into_inner();
    let head = file.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    file[head + 5..head + 7].copy_from_slice(&height.to_be_bytes());
    file[head + 7..head + 9].copy_from_slice(&width.to_be_bytes());
    file
}

fn directory(tags: &[(u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut bytes = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, count, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}

/// One deflated (8) or plain (1) strip.
fn tiff(width: u32, height: u32, compression: u32, strip: &[u8], samples: u32) -> Vec<u8> {
    let tags = [
        (256, 1, width),
        (257, 1, height),
        (258, 1, 8),
        (259, 1, compression),
        (262, 1, 1),
        (273, 1, 8 + 2 + 9 * 12 + 4),
        (277, 1, samples),
        (278, 1, height),
        (279, 1, strip.len() as u32),
    ];
    [&b"II*\0\x08\0\0\0"[..], &directory(&tags, 0), strip].concat()
}

/// Strips of a row each; as many as promised up to a million.
fn strips(count: u32) -> Vec<u8> {
    let listed = count.min(1_000_000);
    let start = 8 + 2 + 9 * 12 + 4;
    let tags = [
        (256, 1, 1),
        (257, 1, count),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, count, start),
        (277, 1, 1),
        (278, 1, 1),
        (279, count, start),
    ];
    [&b"II*\0\x08\0\0\0"[..], &directory(&tags, 0), &vec![1; 4 * listed as usize]].concat()
}

/// Two directories, each the next of the other.
fn round() -> Vec<u8> {
    let one = tiff(1, 1, 1, &[5], 1);
    let at = one.len() as u32;
    let tags = [
        (256, 1, 1),
        (257, 1, 1),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, 1, 8),
        (277, 1, 1),
        (278, 1, 1),
        (279, 1, 1),
    ];
    let mut file = [one, directory(&tags, 8)].concat();
    file[8 + 2 + 9 * 12..8 + 2 + 9 * 12 + 4].copy_from_slice(&at.to_le_bytes());
    file
}
