//! What of a gray frame is kept, and how it is turned: cut out, then binned, then flipped.

use super::Size;
use crate::error::{Error, Result};

/// Which way a frame is turned over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flip {
    /// Not at all.
    #[default]
    None,
    /// Left becomes right.
    Horizontal,
    /// Top becomes bottom.
    Vertical,
    /// Both: a half turn.
    Both,
}

impl Flip {
    /// Reads the name of a setting.
    pub fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "none" => Self::None,
            "horizontal" => Self::Horizontal,
            "vertical" => Self::Vertical,
            "both" => Self::Both,
            _ => {
                return Err(Error::format(format!(
                    "expected none, horizontal, vertical or both as flip, got \"{name}\"; set flip to one of them"
                )));
            }
        })
    }
}

/// A part of a frame, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Its first column.
    pub x: u32,
    /// Its first row.
    pub y: u32,
    /// Its columns; 0 = up to the frame's right edge.
    pub width: u32,
    /// Its rows; 0 = down to the frame's lower edge.
    pub height: u32,
    /// Side of the squares of pixels whose truncated mean becomes one: 1, 2 or 4. Pixels that fill no square are left
    /// out.
    pub bin: u32,
    /// How the result is turned over.
    pub flip: Flip,
}

impl Region {
    /// The frame as it is.
    pub const WHOLE: Self = Self { x: 0, y: 0, width: 0, height: 0, bin: 1, flip: Flip::None };

    /// The region of a gray frame and its size; in `room`, unless it is the frame itself.
    ///
    /// `ERR_FRAME_SHAPE` when it is not inside of the frame, or has no square to be binned.
    pub fn cut<'a>(&self, size: Size, gray: &'a [u8], room: &'a mut Vec<u8>) -> Result<(Size, &'a [u8])> {
        if *self == Self::WHOLE {
            return Ok((size, gray));
        }
        let cut = self.inside(size)?;
        let bin = self.bin as usize;
        let (left, top) = (self.x as usize, self.y as usize);
        let (columns, rows) = (cut.width as usize / bin, cut.height as usize / bin);
        room.clear();
        room.resize(columns * rows, 0);
        for (n, out) in room.chunks_exact_mut(columns).enumerate() {
            let y = if matches!(self.flip, Flip::Vertical | Flip::Both) { rows - 1 - n } else { n };
            let row =
                |down: usize| &gray[(top + y * bin + down) * size.width as usize + left..][..columns * bin];
            match bin {
                2 => bin2([row(0), row(1)], out),
                4 => bin4([row(0), row(1), row(2), row(3)], out),
                _ => out.copy_from_slice(row(0)),
            }
            if matches!(self.flip, Flip::Horizontal | Flip::Both) {
                out.reverse();
            }
        }
        Ok((Size { width: cut.width / self.bin, height: cut.height / self.bin }, room))
    }

    /// The size of what is cut out, before it is binned.
    fn inside(&self, size: Size) -> Result<Size> {
        let Self { x, y, bin, .. } = *self;
        let span = |wanted: u32, from: u32, all: u32| match wanted {
            0 => all.checked_sub(from).filter(|&span| span > 0),
            wanted => (u64::from(from) + u64::from(wanted) <= u64::from(all)).then_some(wanted),
        };
        let (Some(width), Some(height)) =
            (span(self.width, x, size.width), span(self.height, y, size.height))
        else {
            let end = |from: u32, wanted: u32| u64::from(from) + u64::from(wanted.max(1));
            return Err(Error::shape(format!(
                "expected a region inside of the frame of {size}, got columns {x} to {} and rows {y} to {}; correct \
                 cropX, cropY, cropWidth and cropHeight",
                end(x, self.width) - 1,
                end(y, self.height) - 1
            )));
        };
        let cut = Size { height, width };
        if width < bin || height < bin {
            return Err(Error::shape(format!(
                "expected at least {bin}×{bin} pixels to bin, got {cut}; lower bin or enlarge the region"
            )));
        }
        Ok(cut)
    }
}

twice! {
    fn bin2(rows: [&[u8]; 2], out: &mut [u8]) {
        let [upper, lower] = rows.map(|row| row.as_chunks::<2>().0);
        for ((gray, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            let sum: u16 = upper.iter().chain(lower).map(|&v| u16::from(v)).sum();
            *gray = low_byte(sum / 4);
        }
    }
}

twice! {
    fn bin4(rows: [&[u8]; 4], out: &mut [u8]) {
        let [a, b, c, d] = rows.map(|row| row.as_chunks::<4>().0);
        for ((((gray, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let sum: u16 = (0..4).map(|x| u16::from(a[x]) + u16::from(b[x]) + u16::from(c[x]) + u16::from(d[x])).sum();
            *gray = low_byte(sum / 16);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of u8 is a u8")]
fn low_byte(mean: u16) -> u8 {
    mean as u8
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    fn frame(size: Size, seed: u32) -> Vec<u8> {
        (0..size.pixels() as u32)
            .map(|n| (seed.wrapping_add(n).wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect()
    }

    #[test]
    fn the_whole_frame_is_not_copied() {
        let (gray, mut room) = ([1, 2, 3, 4], Vec::new());
        let (size, same) = Region::WHOLE.cut(Size { width: 2, height: 2 }, &gray, &mut room).unwrap();
        assert_eq!(size, Size { width: 2, height: 2 });
        assert!(std::ptr::eq(same, &raw const gray[..]));
    }

    #[test]
    fn a_region_out_of_the_frame_names_the_numbers() {
        let size = Size { width: 10, height: 5 };
        let outside = [
            (10, 0, 0, 0),
            (0, 5, 0, 0),
            (3, 0, 8, 1),
            (0, 0, 11, 1),
            (0, 4, 1, 2),
            (u32::MAX, 0, u32::MAX, 1),
        ];
        for (x, y, width, height) in outside {
            let region = Region { x, y, width, height, ..Region::WHOLE };
            let error = region.cut(size, &frame(size, 1), &mut Vec::new()).unwrap_err();
            assert_eq!(error.code, Code::FrameShape);
            assert!(error.text.contains("10×5") && error.text.contains(&x.to_string()), "{error}");
        }
        let thin = Region { height: 3, bin: 4, ..Region::WHOLE };
        assert!(thin.cut(size, &frame(size, 1), &mut Vec::new()).unwrap_err().text.contains("4×4"));
    }

    proptest! {
        #[test]
        fn each_pixel_is_the_mean_of_its_own_square(
            (width, height) in (1u32..80, 1u32..20),
            (left, top, right, bottom) in (0u32..80, 0u32..20, 0u32..80, 0u32..20),
            bin in prop::sample::select(vec![1u32, 2, 4]),
            flip in prop::sample::select(vec![Flip::None, Flip::Horizontal, Flip::Vertical, Flip::Both]),
            seed: u32,
        ) {
            let size = Size { height, width };
            let gray = frame(size, seed);
            let (x, y) = (left % width, top % height);
            let (cut_width, cut_height) = (right % (width - x + 1), bottom % (height - y + 1));
            let region = Region { x, y, width: cut_width, height: cut_height, bin, flip };
            let across = (if cut_width == 0 { width - x } else { cut_width }) / bin;
            let down = (if cut_height == 0 { height - y } else { cut_height }) / bin;
            let mut room = vec![9; 5];
            let result = region.cut(size, &gray, &mut room);
            if across > 0 && down > 0 {
                let (size, pixels) = result.unwrap();
                prop_assert_eq!(size, Size { height: down, width: across });
                for row in 0..down {
                    for column in 0..across {
                        let from_left = if matches!(flip, Flip::Horizontal | Flip::Both) { across - 1 - column } else { column };
                        let from_top = if matches!(flip, Flip::Vertical | Flip::Both) { down - 1 - row } else { row };
                        let mut sum = 0;
                        for dy in 0..bin {
                            for dx in 0..bin {
                                sum += u32::from(gray[((y + from_top * bin + dy) * width + x + from_left * bin + dx) as usize]);
                            }
                        }
                        prop_assert_eq!(u32::from(pixels[(row * across + column) as usize]), sum / (bin * bin));
                    }
                }
            } else {
                prop_assert_eq!(result.unwrap_err().code, Code::FrameShape);
            }
        }
    }
}
