//! PGM (netpbm): P5 in bytes or big-endian words, P2 in digits. A file may hold several images, each a frame.
//!
//! The greatest value (maxval) is white. Up to 255 the samples are spread over 0–255, which leaves those of maxval 255
//! as they are; above, they go through `depth` with as many significant bits as maxval has.

use super::depth::Samples;
use super::image::undecodable;
use super::{FrameSpec, Size, Tally, unpack};
use crate::error::Result;

/// What is said before the pixels.
struct Head {
    plain: bool,
    size: Size,
    /// 1–65535.
    max: u16,
}

/// Whether the bytes begin like a PGM.
pub(super) fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'2' | b'5', space, ..] if space.is_ascii_whitespace())
}

/// Whether the head makes sense and its pixels could be there.
pub(super) fn head_holds(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    head(&mut rest).is_some_and(|head| rest.len() as u64 >= head.size.pixels())
}

/// Hands the gray8 images of a file to `sink`.
pub(super) fn decode(
    bytes: &[u8],
    spec: &FrameSpec,
    sink: &mut dyn FnMut(Size, &[u8]) -> Result<()>,
) -> Result<Tally> {
    let unreadable = |what: &str| undecodable("PGM", bytes.len(), &what);
    let mut rest = bytes;
    let mut gray = Vec::new();
    let mut tally = Tally::default();
    loop {
        let head = head(&mut rest).ok_or_else(|| unreadable("its head is not whole"))?;
        let size = head.size.checked("an image")?;
        let seen = pixels(&head, &mut rest, spec, &mut gray).ok_or_else(|| unreadable("it lacks pixels"))?;
        tally = tally.and(seen);
        sink(size, &gray)?;
        if rest.trim_ascii().is_empty() {
            return Ok(tally);
        }
    }
}

/// Takes the head off `rest`; None when it is none.
fn head(rest: &mut &[u8]) -> Option<Head> {
    if !begins(rest) {
        return None;
    }
    let plain = rest[1] == b'2';
    *rest = &rest[2..];
    let mut field = || {
        skip_space(rest);
        number(rest)
    };
    let (width, height, max) = (field()?, field()?, field()?);
    let max = u16::try_from(max).ok().filter(|&max| max > 0)?;
    // Just one: behind it pixels begin, which may look like space.
    let (space, behind) = rest.split_first()?;
    *rest = behind;
    space.is_ascii_whitespace().then_some(Head { plain, size: Size { height, width }, max })
}

/// Takes the pixels of an image off `rest` and writes their gray levels; None when they are not all there.
fn pixels(head: &Head, rest: &mut &[u8], spec: &FrameSpec, gray: &mut Vec<u8>) -> Option<Tally> {
    let count = usize::try_from(head.size.pixels()).ok()?;
    let bytes_a_sample = if head.max > 255 { 2 } else { 1 };
    let significant = spec.significant((16 - head.max.leading_zeros()).max(8));
    if head.plain {
        // Each takes a digit and a space at least.
        if rest.len() < 2 * count - 1 {
            return None;
        }
        let mut samples = Vec::with_capacity(count);
        for _ in 0..count {
            skip_space(rest);
            samples.push(u16::try_from(number(rest)?).ok()?);
        }
        let fill = |first: usize, out: &mut [u16]| out.copy_from_slice(&samples[first..][..out.len()]);
        return Some(if bytes_a_sample == 1 {
            spread(&samples, head.max, gray)
        } else {
            Samples { count, fill, significant, shift: 0 }.levels(spec.depth, gray)
        });
    }
    let (raw, behind) = rest.split_at_checked(count * bytes_a_sample)?;
    *rest = behind;
    if bytes_a_sample == 1 {
        if head.max == 255 {
            gray.clear();
            gray.extend_from_slice(raw);
            return Some(Tally::default());
        }
        return Some(spread(&raw.iter().map(|&v| v.into()).collect::<Vec<_>>(), head.max, gray));
    }
    let fill = |first: usize, out: &mut [u16]| unpack::words(raw, true, first, out);
    Some(Samples { count, fill, significant, shift: 0 }.levels(spec.depth, gray))
}

/// Spreads samples over 0–255; those above their maximum are white, and clipped.
fn spread(samples: &[u16], max: u16, gray: &mut Vec<u8>) -> Tally {
    let level = |v: u16| u8::try_from(u32::from(v.min(max)) * 255 / u32::from(max)).unwrap_or(255);
    gray.clear();
    gray.extend(samples.iter().map(|&v| level(v)));
    let clipped = samples.iter().filter(|&&v| v > max).count();
    Tally { clipped: clipped as u64, bits: 0 }
}

/// Takes space and comments (from # to the end of a line) off the front.
fn skip_space(rest: &mut &[u8]) {
    loop {
        *rest = rest.trim_ascii_start();
        if rest.first() != Some(&b'#') {
            return;
        }
        let end = rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
        *rest = &rest[end..];
    }
}

/// Takes a number in digits off the front.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let digits = rest.iter().take(10).take_while(|b| b.is_ascii_digit()).count();
    let (number, behind) = rest.split_at(digits);
    *rest = behind;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};
    use crate::frame::{Depth, Format};

    const SPEC: FrameSpec = FrameSpec::new(Format::Image, 0, 0);

    fn frames(file: &[u8], spec: &FrameSpec) -> std::result::Result<(Vec<Vec<u8>>, Tally), Error> {
        let mut frames = Vec::new();
        let tally = decode(file, spec, &mut |size, gray| {
            assert_eq!(size.pixels(), gray.len() as u64);
            frames.push(gray.to_vec());
            Ok(())
        })?;
        Ok((frames, tally))
    }

    #[test]
    fn bytes_pass_and_comments_are_skipped() {
        let file = b"P5 # made by hand\n3\t# wide\n 1 255\n\x20\x0a\xff";
        assert_eq!(frames(file, &SPEC).unwrap().0, [[0x20, 0x0a, 0xff]]);
        assert_eq!(frames(b"P2\n3 1\n255\n7 8\n255\n", &SPEC).unwrap().0, [[7, 8, 255]]);
    }

    #[test]
    fn fewer_levels_are_spread_up_to_white() {
        let (levels, tally) = frames(b"P5 3 1 15 \x00\x07\x0f", &SPEC).unwrap();
        assert_eq!(levels, [[0, 119, 255]]);
        assert_eq!(tally.clipped, 0);
        let (levels, tally) = frames(b"P2 3 1 1 0 1 2", &SPEC).unwrap();
        assert_eq!((levels, tally.clipped), (vec![vec![0, 255, 255]], 1));
    }

    #[test]
    fn more_bits_go_through_depth_by_those_of_the_maximum() {
        let file = b"P5 2 1 4095\n\x0f\xf0\x00\x10";
        let (levels, tally) = frames(file, &SPEC).unwrap();
        assert_eq!(levels, [[255, 1]]);
        assert_eq!(tally, Tally { clipped: 0, bits: 0xff00 });
        let sixteen = FrameSpec { significant_bits: 16, ..SPEC };
        assert_eq!(frames(file, &sixteen).unwrap().0, [[15, 0]]);
        let window = FrameSpec { depth: Depth::Window { low: 16.0, high: 32.0 }, ..SPEC };
        assert_eq!(
            frames(b"P2 3 1 65535 16 24 33", &window).unwrap(),
            (vec![vec![0, 127, 255]], Tally { clipped: 1, bits: 57 })
        );
    }

    #[test]
    fn several_images_are_several_frames() {
        let file = b"P5 1 2 255\n\x01\x02P5 1 2 255\n\x03\x04\n";
        assert_eq!(frames(file, &SPEC).unwrap().0, [[1, 2], [3, 4]]);
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        for file in [
            &b"P5 2 2 255\n123"[..],
            b"P5 2 2 255",
            b"P5 2 2 0\n1234",
            b"P5 2 2 65536\n12345678",
            b"P5 -1 2 255\n12",
            b"P5 2 255\n",
            b"P2 2 1 255 1",
            b"P2 2 1 255 1 x",
            b"P2 2 1 65535 1 65536",
            b"P5 1 1 255\n1junk",
            b"P5 99999999999 1 255\n1",
        ] {
            assert_eq!(frames(file, &SPEC).unwrap_err().code, Code::FrameFormat, "{}", file.escape_ascii());
        }
        assert_eq!(frames(b"P5 8001 8000 255\n", &SPEC).unwrap_err().code, Code::FrameShape);
        assert_eq!(frames(b"P5 0 1 255\n", &SPEC).unwrap_err().code, Code::FrameShape);
    }
}
