//! Samples of more than 8 bits, reduced to gray levels by the contracts' formulas.

use crate::error::{Error, Result};

/// How a sample of more than 8 bits becomes a gray level. 8-bit samples pass unchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// `v >> (significant bits − 8)`, at most 255.
    FullScale,
    /// `trunc(v / max · 255)`, max of each frame; a black frame stays black.
    FrameMax,
    /// `trunc(clamp((v − low) / (high − low), 0, 1) · 255)`.
    Window {
        /// Raw count that becomes black.
        low: f64,
        /// Raw count that becomes white.
        high: f64,
    },
}

impl Depth {
    /// Reads the name of a setting; `low` and `high` belong to `window`.
    pub fn parse(name: &str, low: f64, high: f64) -> Result<Self> {
        match name {
            "full-scale" => Ok(Self::FullScale),
            "frame-max" => Ok(Self::FrameMax),
            "window" if low.is_finite() && high.is_finite() && low < high => Ok(Self::Window { low, high }),
            "window" => Err(Error::format(format!(
                "expected a window with low below high, got {low} to {high}; set both ends in raw counts"
            ))),
            _ => Err(Error::format(format!(
                "expected full-scale, frame-max or window as the depth, got \"{name}\"; set depth to one of them"
            ))),
        }
    }
}

/// What was seen of the samples that became gray levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pixels whose sample the depth cannot show: above the significant bits, or outside of the window.
    pub clipped: u64,
    /// Which bits of samples of more than 8 are ever set: all or-ed, the highest significant bit moved up to the
    /// highest of 16. 0 when there were none.
    pub bits: u16,
}

impl Tally {
    /// That of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { clipped: self.clipped + other.clipped, bits: self.bits | other.bits }
    }
}

/// Samples that are worked on at once: few enough for the nearest cache, and a multiple of how many share bytes in
/// packed formats.
const BLOCK: usize = 4096;

/// The samples of one frame, as they come.
pub(super) struct Samples<F> {
    /// How many.
    pub(super) count: usize,
    /// Writes those from a number on (a multiple of `BLOCK`) into a slice.
    pub(super) fill: F,
    /// Bits that carry signal, 8–16.
    pub(super) significant: u32,
    /// Bits below them that mean nothing.
    pub(super) shift: u32,
}

impl<F: Fn(usize, &mut [u16])> Samples<F> {
    /// Their gray levels, into `out`.
    pub(super) fn levels(&self, depth: Depth, out: &mut Vec<u8>) -> Tally {
        out.resize(self.count, 0);
        match depth {
            Depth::FullScale => {
                let (shift, highest) = (self.significant - 8, u16::MAX >> (16 - self.significant));
                self.blocks(out, |block, bits, levels| {
                    full_scale(block, shift, levels);
                    if bits > highest { count_outside(block, 0, highest.into()) } else { 0 }
                })
            }
            Depth::FrameMax => {
                let highest = self.max();
                let max = f64::from(highest.max(1));
                let level = Levels::new(self.count, highest, |v| trunc(v / max * 255.0));
                self.blocks(out, |block, _, levels| {
                    level.write(block, levels);
                    0
                })
            }
            Depth::Window { low, high } => {
                let width = high - low;
                let level =
                    Levels::new(self.count, u16::MAX, |v| trunc(((v - low) / width).clamp(0.0, 1.0) * 255.0));
                let (lowest, highest) = (whole(low.ceil()), whole(high.floor()));
                self.blocks(out, |block, _, levels| {
                    level.write(block, levels);
                    count_outside(block, lowest, highest)
                })
            }
        }
    }

    /// Walks the samples: `write` is given a block, its bits or-ed, and where its levels go; it answers how many of its
    /// samples are clipped.
    fn blocks(&self, out: &mut [u8], mut write: impl FnMut(&[u16], u16, &mut [u8]) -> u64) -> Tally {
        let (mut clipped, mut seen) = (0, 0);
        let mut room = [0; BLOCK];
        for (n, levels) in out.chunks_mut(BLOCK).enumerate() {
            let block = &mut room[..levels.len()];
            let bits = self.read(n * BLOCK, block);
            seen |= bits;
            clipped += write(block, bits, levels);
        }
        let moved_up = u32::from(seen) << (16 - self.significant);
        let bits = u16::try_from(moved_up).unwrap_or(u16::MAX);
        Tally { clipped, bits }
    }

    /// The greatest sample.
    fn max(&self) -> u16 {
        let mut room = [0; BLOCK];
        let mut max = 0;
        for first in (0..self.count).step_by(BLOCK) {
            let block = &mut room[..BLOCK.min(self.count - first)];
            self.read(first, block);
            max = max.max(greatest(block));
        }
        max
    }

    /// Reads a block; gives all bits that are set in it.
    fn read(&self, first: usize, block: &mut [u16]) -> u16 {
        (self.fill)(first, block);
        if self.shift > 0 {
            shift_right(block, self.shift);
        }
        or_all(block)
    }
}

/// The gray level of each sample: a formula, looked up where a frame has more pixels than there are samples.
struct Levels<L> {
    formula: L,
    table: Option<Vec<u8>>,
}

impl<L: Fn(f64) -> u8> Levels<L> {
    /// For `count` samples up to `highest`.
    fn new(count: usize, highest: u16, formula: L) -> Self {
        let table =
            (count > usize::from(highest)).then(|| (0..=highest).map(|v| formula(v.into())).collect());
        Self { formula, table }
    }

    fn write(&self, block: &[u16], levels: &mut [u8]) {
        match &self.table {
            Some(table) => block.iter().zip(levels).for_each(|(&v, level)| *level = table[usize::from(v)]),
            None => block.iter().zip(levels).for_each(|(&v, level)| *level = (self.formula)(v.into())),
        }
    }
}

twice! {
    fn full_scale(block: &[u16], shift: u32, levels: &mut [u8]) {
        for (&v, level) in block.iter().zip(levels) {
            *level = low_byte((v >> shift).min(255));
        }
    }
}

twice! {
    fn or_all(block: &[u16]) -> u16 {
        block.iter().fold(0, |bits, v| bits | v)
    }
}

twice! {
    fn greatest(block: &[u16]) -> u16 {
        block.iter().fold(0, |max, &v| max.max(v))
    }
}

twice! {
    fn shift_right(block: &mut [u16], shift: u32) {
        for v in block {
            *v >>= shift;
        }
    }
}

twice! {
    fn count_outside(block: &[u16], low: i32, high: i32) -> u64 {
        let outside = |v: u16| u32::from(i32::from(v) < low || i32::from(v) > high);
        block.iter().map(|&v| outside(v)).sum::<u32>().into()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "callers pass at most 255")]
fn low_byte(v: u16) -> u8 {
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

#[expect(clippy::cast_possible_truncation, reason = "an end beyond the samples is beyond them as an i32 too")]
fn whole(v: f64) -> i32 {
    v as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use proptest::prelude::*;

    fn levels(samples: &[u16], significant: u32, shift: u32, depth: Depth) -> (Vec<u8>, Tally) {
        let fill =
            |first: usize, block: &mut [u16]| block.copy_from_slice(&samples[first..first + block.len()]);
        let mut out = vec![99; 7];
        let tally = Samples { count: samples.len(), fill, significant, shift }.levels(depth, &mut out);
        (out, tally)
    }

    fn gray(samples: &[u16], significant: u32, depth: Depth) -> Vec<u8> {
        levels(samples, significant, 0, depth).0
    }

    /// The contracts' formulas, sample by sample.
    fn reference(samples: &[u16], significant: u32, shift: u32, depth: Depth) -> (Vec<u8>, Tally) {
        let mut tally = Tally::default();
        let counts: Vec<u16> = samples.iter().map(|v| v >> shift).collect();
        let max = f64::from(counts.iter().copied().max().unwrap_or(0));
        let level = |v: u16| match depth {
            Depth::FullScale => u8::try_from(v >> (significant - 8)).unwrap_or(255),
            Depth::FrameMax if v == 0 => 0,
            Depth::FrameMax => trunc(f64::from(v) / max * 255.0),
            Depth::Window { low, high } => {
                trunc(((f64::from(v) - low) / (high - low)).clamp(0.0, 1.0) * 255.0)
            }
        };
        for &v in &counts {
            let moved_up = u32::from(v) << (16 - significant);
            tally.bits |= u16::try_from(moved_up).unwrap_or(u16::MAX);
            tally.clipped += u64::from(match depth {
                Depth::FullScale => u32::from(v) >= 1 << significant,
                Depth::FrameMax => false,
                Depth::Window { low, high } => f64::from(v) < low || f64::from(v) > high,
            });
        }
        (counts.into_iter().map(level).collect(), tally)
    }

    #[test]
    fn names_that_are_no_depth_list_those_that_are() {
        let error = Depth::parse("half", 0.0, 1.0).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
        assert!(error.text.contains("half") && error.text.contains("frame-max"), "{error}");
        assert!(Depth::parse("window", 5.0, 5.0).is_err());
        assert!(Depth::parse("window", f64::NAN, 5.0).is_err());
    }

    #[test]
    fn full_scale_shifts_and_clamps() {
        assert_eq!(gray(&[0, 3, 4, 1023, 1024, 65535], 10, Depth::FullScale), [0, 0, 1, 255, 255, 255]);
        assert_eq!(gray(&[4095, 2048], 12, Depth::FullScale), [255, 128]);
        assert_eq!(gray(&[65535, 256, 255], 16, Depth::FullScale), [255, 1, 0]);
        assert_eq!(gray(&[255, 7, 256], 8, Depth::FullScale), [255, 7, 255]);
    }

    #[test]
    fn samples_filled_from_the_top_lose_the_bits_below() {
        let (levels, tally) = levels(&[0xfff0, 0x0010, 0x8000], 12, 4, Depth::FullScale);
        assert_eq!(levels, [255, 0, 128]);
        assert_eq!(tally, Tally { clipped: 0, bits: 0xfff0 });
    }

    #[test]
    fn frame_max_in_the_order_of_the_formula() {
        assert_eq!(gray(&[0, 0], 16, Depth::FrameMax), [0, 0]);
        assert_eq!(gray(&[1, 2, 3], 16, Depth::FrameMax), [85, 170, 255]);
    }

    /// Counts on both sides of a block and of a table, few distinct values and many.
    fn frames() -> impl Strategy<Value = Vec<u16>> {
        let lengths = prop_oneof![1usize..70, BLOCK - 3..BLOCK + 4, Just(3 * BLOCK + 1), Just(70_001)];
        (lengths, 1..=u16::MAX, any::<u16>()).prop_map(|(length, top, seed)| {
            let mut state = u32::from(seed) << 1 | 1;
            (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) as u16 % top
                })
                .collect()
        })
    }

    fn depths() -> impl Strategy<Value = Depth> {
        let window = (0u16..60_000, 1u16..=5535)
            .prop_map(|(low, width)| Depth::Window { low: low.into(), high: (low + width).into() });
        prop_oneof![
            Just(Depth::FullScale),
            Just(Depth::FrameMax),
            window,
            Just(Depth::Window { low: -3.5, high: 1e9 })
        ]
    }

    proptest! {
        #[test]
        fn levels_are_those_of_the_formulas(samples in frames(), significant in 8u32..=16, msb: bool, depth in depths()) {
            let shift = if msb { 16 - significant } else { 0 };
            prop_assert_eq!(
                levels(&samples, significant, shift, depth),
                reference(&samples, significant, shift, depth)
            );
        }

        #[test]
        fn no_depth_inverts_the_order_of_samples(mut v in prop::collection::vec(any::<u16>(), 1..50), bits in 8u32..=16) {
            v.sort_unstable();
            for depth in [Depth::FullScale, Depth::FrameMax, Depth::Window { low: 100.0, high: 40000.5 }] {
                let levels = gray(&v, bits, depth);
                prop_assert!(levels.is_sorted(), "{depth:?}: {levels:?}");
            }
        }
    }
}
