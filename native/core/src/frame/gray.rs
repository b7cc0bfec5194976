//! Colour and depth, reduced to eight bits of gray by the contracts' formulas.

use super::{Depth, FrameSpec};

/// Truncated integer mean of three channels.
pub(super) fn mean(r: u8, g: u8, b: u8) -> u8 {
    let sum = u16::from(r) + u16::from(g) + u16::from(b);
    low_byte(u32::from(sum / 3))
}

/// Truncated integer mean of three 16-bit channels.
pub(super) fn mean16(r: u16, g: u16, b: u16) -> u16 {
    let sum = u32::from(r) + u32::from(g) + u32::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "a mean of u16 is a u16")]
    let mean = (sum / 3) as u16;
    mean
}

/// Appends 16-bit samples to `out` as gray levels, by `spec.depth`. `samples` is walked twice for `FrameMax`.
pub(super) fn depth16(samples: impl Iterator<Item = u16> + Clone, spec: &FrameSpec, out: &mut Vec<u8>) {
    match spec.depth {
        Depth::FullScale => {
            let shift = spec.shift();
            out.extend(samples.map(|v| low_byte((u32::from(v) >> shift).min(255))));
        }
        Depth::FrameMax => {
            let max = f64::from(samples.clone().max().unwrap_or(0).max(1));
            out.extend(samples.map(|v| trunc(f64::from(v) / max * 255.0)));
        }
        Depth::Window { low, high } => {
            let width = high - low;
            out.extend(samples.map(|v| trunc(((f64::from(v) - low) / width).clamp(0.0, 1.0) * 255.0)));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "callers pass at most 255")]
fn low_byte(v: u32) -> u8 {
    debug_assert!(v <= 255);
    v as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 255 by construction, and truncating is what the formula says"
)]
fn trunc(v: f64) -> u8 {
    v as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Format;
    use proptest::prelude::*;

    fn gray(samples: &[u16], bits: u32, depth: Depth) -> Vec<u8> {
        let spec = FrameSpec {
            format: Format::Mono16,
            width: 0,
            height: 0,
            big_endian: false,
            significant_bits: bits,
            depth,
        };
        let mut out = Vec::new();
        depth16(samples.iter().copied(), &spec, &mut out);
        out
    }

    #[test]
    fn full_scale_shifts_and_clamps() {
        assert_eq!(gray(&[0, 3, 4, 1023, 1024, 65535], 10, Depth::FullScale), [0, 0, 1, 255, 255, 255]);
        assert_eq!(gray(&[4095, 2048], 12, Depth::FullScale), [255, 128]);
        assert_eq!(gray(&[65535, 256, 255], 16, Depth::FullScale), [255, 1, 0]);
        assert_eq!(gray(&[65535, 256], 8, Depth::FullScale), [255, 1], "8 says nothing about 16-bit samples");
    }

    #[test]
    fn frame_max_in_the_order_of_the_formula() {
        assert_eq!(gray(&[0, 0], 16, Depth::FrameMax), [0, 0]);
        assert_eq!(gray(&[1, 2, 3], 16, Depth::FrameMax), [85, 170, 255]);
    }

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
        fn no_depth_inverts_the_order_of_samples(mut v in prop::collection::vec(any::<u16>(), 1..50), bits in 8u32..=16) {
            v.sort_unstable();
            for depth in [Depth::FullScale, Depth::FrameMax, Depth::Window { low: 100.0, high: 40000.5 }] {
                let levels = gray(&v, bits, depth);
                prop_assert!(levels.is_sorted(), "{depth:?}: {levels:?}");
            }
        }

        #[test]
        fn frame_max_makes_the_brightest_white(v in prop::collection::vec(any::<u16>(), 1..50)) {
            let levels = gray(&v, 16, Depth::FrameMax);
            let white = v.iter().any(|&s| s > 0);
            prop_assert_eq!(levels.iter().max(), Some(&if white { 255 } else { 0 }));
        }

        #[test]
        fn the_window_s_ends_are_black_and_white(low in 0u16..1000, width in 1u16..1000, v: u16) {
            let (low, high) = (low, low + width);
            let level = gray(&[v], 16, Depth::Window { low: low.into(), high: high.into() })[0];
            if v <= low { prop_assert_eq!(level, 0) }
            if v >= high { prop_assert_eq!(level, 255) }
        }
    }
}
