//! Pixels behind a mosaic of colours: the gray of a pixel is the truncated mean of a block of 2×2.
//!
//! Any such block has one red, two green and one blue, so the order of the colours does not matter. The block of a
//! pixel reaches to the right and down; in the last column and row, where it would leave the frame, it is moved in by
//! one. A frame one pixel wide or high has blocks of 1×2.

use super::Size;

/// Writes the grays of a frame to `out`.
pub(super) fn gray(mosaic: &[u8], size: Size, out: &mut Vec<u8>) {
    out.resize(mosaic.len(), 0);
    let width = size.width as usize;
    let height = size.height as usize;
    for (y, grays) in out.chunks_exact_mut(width).enumerate() {
        let top = y.min(height.saturating_sub(2));
        let row = |y: usize| &mosaic[y * width..][..width];
        blocks(row(top), row((top + 1).min(height - 1)), grays);
    }
}

twice! {
    fn blocks(upper: &[u8], lower: &[u8], out: &mut [u8]) {
        let column = |x: usize| u16::from(upper[x]) + u16::from(lower[x]);
        let last = out.len() - 1;
        if last == 0 {
            out[0] = quarter(2 * column(0));
            return;
        }
        let next = upper[1..].iter().zip(&lower[1..]);
        for ((gray, here), next) in out.iter_mut().zip(upper.iter().zip(lower)).zip(next) {
            *gray = quarter(u16::from(*here.0) + u16::from(*here.1) + u16::from(*next.0) + u16::from(*next.1));
        }
        out[last] = out[last - 1];
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of u8 is a u8")]
fn quarter(sum: u16) -> u8 {
    (sum / 4) as u8
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_flat_colour_is_flat_gray_to_the_last_pixel() {
        // Red 40, green 20, blue 60.
        let size = Size { width: 5, height: 3 };
        let colour = |n: usize| match (n / 5 % 2, n % 5 % 2) {
            (0, 0) => 40,
            (1, 1) => 60,
            _ => 20,
        };
        let mosaic: Vec<u8> = (0..15).map(colour).collect();
        let mut out = Vec::new();
        gray(&mosaic, size, &mut out);
        assert_eq!(out, [35; 15]);
    }

    proptest! {
        #[test]
        fn each_gray_is_the_mean_of_its_block(width in 1usize..70, height in 1usize..6, seed: u32) {
            let mosaic: Vec<u8> = (0..width * height)
                .map(|n| (seed.wrapping_add(n as u32).wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            let mut out = vec![1; 3];
            let size = Size { width: width as u32, height: height as u32 };
            gray(&mosaic, size, &mut out);
            let at = |x: usize, y: usize| u32::from(mosaic[y.min(height - 1) * width + x.min(width - 1)]);
            for (n, &level) in out.iter().enumerate() {
                let (x, y) = ((n % width).min(width.saturating_sub(2)), (n / width).min(height.saturating_sub(2)));
                let sum = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
                prop_assert_eq!(u32::from(level), sum / 4, "pixel {}", n);
            }
        }
    }
}
