//! Colour, reduced to gray: the truncated integer mean of red, green and blue.

/// Truncated mean of three channels.
pub(super) fn mean(r: u8, g: u8, b: u8) -> u8 {
    let sum = u16::from(r) + u16::from(g) + u16::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "a mean of u8 is a u8")]
    let mean = (sum / 3) as u8;
    mean
}

/// Truncated mean of three 16-bit channels.
pub(super) fn mean16(r: u16, g: u16, b: u16) -> u16 {
    let sum = u32::from(r) + u32::from(g) + u32::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "a mean of u16 is a u16")]
    let mean = (sum / 3) as u16;
    mean
}

twice! {
    /// The grays of pixels of three channels, in any order.
    pub(super) fn means(pixels: &[[u8; 3]], out: &mut [u8]) {
        for (&[r, g, b], gray) in pixels.iter().zip(out) {
            *gray = mean(r, g, b);
        }
    }
}

twice! {
    /// The grays of pixels of three channels and one that is ignored.
    pub(super) fn means_of_four(pixels: &[[u8; 4]], out: &mut [u8]) {
        for (&[r, g, b, _], gray) in pixels.iter().zip(out) {
            *gray = mean(r, g, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_mean_is_the_integer_mean(r: u8, g: u8, b: u8) {
            prop_assert_eq!(u32::from(mean(r, g, b)), (u32::from(r) + u32::from(g) + u32::from(b)) / 3);
        }

        #[test]
        fn the_wide_mean_is_the_integer_mean(r: u16, g: u16, b: u16) {
            prop_assert_eq!(u32::from(mean16(r, g, b)), (u32::from(r) + u32::from(g) + u32::from(b)) / 3);
        }

        #[test]
        fn many_means_are_each_the_mean(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let three = bytes.as_chunks::<3>().0;
            let mut out = vec![0; three.len()];
            means(three, &mut out);
            prop_assert_eq!(out, three.iter().map(|&[r, g, b]| mean(r, g, b)).collect::<Vec<_>>());
            let four = bytes.as_chunks::<4>().0;
            let mut out = vec![0; four.len()];
            means_of_four(four, &mut out);
            prop_assert_eq!(out, four.iter().map(|&[r, g, b, _]| mean(r, g, b)).collect::<Vec<_>>());
        }
    }
}
