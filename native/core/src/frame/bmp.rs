//! The BMPs that cameras write, read at the speed of copying: uncompressed, 8 bits with a whole palette, 24 or 32 bits.
//! Others, and those that are not whole, are left to the `image` crate.

use super::Size;
use super::gray::{mean, means, means_of_four};

/// Sizes of the second header, BITMAPINFOHEADER and its extensions, whose first 40 bytes are the same.
const INFO_HEADERS: [u32; 5] = [40, 52, 56, 108, 124];

/// What the two headers say, as far as it is of use here.
struct Head<'a> {
    size: Size,
    /// The first row of the file is the lowest.
    bottom_up: bool,
    bits: usize,
    /// Blue, green, red and nothing of each of 256 colours.
    palette: Option<&'a [[u8; 4]; 256]>,
    /// Rows, each filled up to a multiple of four bytes.
    rows: &'a [u8],
}

impl<'a> Head<'a> {
    /// The rows, from the top, without what fills them up.
    fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (height, bottom_up, rows) = (self.size.height as usize, self.bottom_up, self.rows);
        let (length, stride) = self.lengths();
        (0..height).map(move |n| {
            let at = if bottom_up { height - 1 - n } else { n };
            &rows[at * stride..][..length]
        })
    }

    /// Bytes of a row, without and with what fills it up.
    fn lengths(&self) -> (usize, usize) {
        let length = self.size.width as usize * self.bits / 8;
        (length, length.next_multiple_of(4))
    }

    /// Of 8 bits: the gray level of each.
    fn levels(&self) -> Option<[u8; 256]> {
        Some(self.palette?.map(|[b, g, r, _]| mean(r, g, b)))
    }
}

/// Whether each value is its own level.
fn is_gray(levels: &[u8; 256]) -> bool {
    levels.iter().enumerate().all(|(n, &level)| n == level.into())
}

/// The gray8 pixels of a BMP, None when it is another one than those above.
pub(super) fn decode(bytes: &[u8]) -> Option<(Size, Vec<u8>)> {
    let head = whole(bytes)?;
    // Gray pixels are copied as they are.
    let levels = head.levels().filter(|levels| !is_gray(levels));
    let width = head.size.width as usize;
    let mut out = vec![0; width * head.size.height as usize];
    for (row, grays) in head.rows().zip(out.chunks_exact_mut(width)) {
        match (head.bits, &levels) {
            (24, _) => means(row.as_chunks().0, grays),
            (32, _) => means_of_four(row.as_chunks().0, grays),
            (_, Some(levels)) => {
                row.iter().zip(grays).for_each(|(&v, gray)| *gray = levels[usize::from(v)]);
            }
            _ => grays.copy_from_slice(row),
        }
    }
    Some((head.size, out))
}

/// The rows of a BMP whose pixels are gray8 as they are, from the top; None when it is another one.
pub(super) fn gray_rows(bytes: &[u8]) -> Option<(Size, impl Iterator<Item = &[u8]>)> {
    let head = whole(bytes)?;
    head.levels().is_some_and(|levels| is_gray(&levels)).then(|| (head.size, head.rows()))
}

/// What the headers say of a BMP as above whose pixels are all there.
fn whole(bytes: &[u8]) -> Option<Head<'_>> {
    let head = head(bytes)?;
    let height = head.size.checked("an image").ok()?.height as usize;
    let (length, stride) = head.lengths();
    (head.rows.len() >= stride * (height - 1) + length).then_some(head)
}

fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let short = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let length = long(14).filter(|length| INFO_HEADERS.contains(length))?;
    let bits = short(28).filter(|bits| matches!(bits, 8 | 24 | 32))?;
    let [planes, uncompressed] = [short(26)? == 1, long(30)? == 0];
    if !planes || !uncompressed {
        return None;
    }
    let palette = if bits == 8 {
        let colours = long(46).filter(|colours| matches!(colours, 0 | 256));
        colours.and_then(|_| bytes.get(14 + length as usize..)?.as_chunks().0.first_chunk())
    } else {
        None
    };
    if bits == 8 && palette.is_none() {
        return None;
    }
    let height = long(22)?.cast_signed();
    let size = Size { height: height.unsigned_abs(), width: long(18)? };
    let behind = 14 + length as usize + palette.map_or(0, |palette| 4 * palette.len());
    let start = usize::try_from(long(10)?).ok().filter(|&start| start >= behind)?;
    Some(Head { size, bottom_up: height > 0, bits: bits.into(), palette, rows: bytes.get(start..)? })
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;
    use image::ImageFormat;
    use proptest::prelude::*;

    /// A BMP of random pixels; of 8 bits with a gray palette or one of any colours.
    fn bmp(size: Size, bottom_up: bool, bits: u16, header: u32, gray: bool, seed: u32) -> Vec<u8> {
        let random = |n: usize| (seed.wrapping_add(n as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
        let height = size.height.cast_signed();
        let stride = (size.width as usize * usize::from(bits) / 8).next_multiple_of(4);
        let palette: Vec<u8> = match bits {
            8 => (0..=255)
                .flat_map(|n: u8| if gray { [n, n, n, 0] } else { [random(n.into()), n / 3, n, 9] })
                .collect(),
            _ => Vec::new(),
        };
        let start = 14 + header + palette.len() as u32;
        let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
        file.extend(start.to_le_bytes());
        file.extend(header.to_le_bytes());
        file.extend(size.width.to_le_bytes());
        file.extend((if bottom_up { height } else { -height }).to_le_bytes());
        file.extend(1u16.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.resize(14 + header as usize, 0);
        file.extend(palette);
        file.extend((0..stride * size.height as usize).map(random));
        file
    }

    #[test]
    fn other_kinds_are_left_alone() {
        let size = Size { height: 2, width: 3 };
        let whole = bmp(size, true, 8, 40, true, 1);
        for (at, other) in [(14, 12), (26, 2), (28, 4), (30, 1), (46, 17), (10, 53), (22, 0), (18, 0)] {
            let mut file = whole.clone();
            file[at] = other;
            assert_eq!(decode(&file), None, "{other} at {at}");
        }
        for length in 0..whole.len() - 1 {
            assert_eq!(decode(&whole[..length]), None, "{length} bytes");
        }
        assert!(decode(&whole[..whole.len() - 1]).is_some(), "the last row need not be filled up");
    }

    proptest! {
        #[test]
        fn pixels_are_those_of_another_decoder(
            (width, height) in (1u32..40, 1u32..6),
            bottom_up: bool,
            bits in prop::sample::select(vec![8u16, 24, 32]),
            header in prop::sample::select(vec![40u32, 108, 124]),
            gray: bool,
            seed: u32,
        ) {
            let size = Size { height, width };
            let file = bmp(size, bottom_up, bits, header, gray, seed);
            let (found, pixels) = decode(&file).unwrap();
            prop_assert_eq!(found, size);
            let image = image::load_from_memory_with_format(&file, ImageFormat::Bmp).unwrap().to_rgb8();
            let expected: Vec<u8> = image.pixels().map(|p| mean(p.0[0], p.0[1], p.0[2])).collect();
            prop_assert_eq!(pixels, expected);
        }
    }
}
