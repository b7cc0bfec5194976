//! Which way a stream's frames are compressed: all ways are tried on its first frames and where frames have changed, one
//! after the other on one frame of many later, and the one that costs the least is used in between.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::compress::{Way, compress};
use crate::cpu_time::ThreadTime;
use crate::effort::{Compression, Haste};
use crate::error::Result;
use crate::memory::Buffer;
use crate::ways::{OWN, SYMBOLS};

/// Frames that are tried at the beginning.
const FIRST_TRIALS: u64 = 2;
/// Runs of each way in those, of which the fastest counts: what runs first in a thread is slow.
const FIRST_RUNS: usize = 2;
/// One frame of so many is tried later, in one other way.
const LATER_TRIALS: u64 = 1024;
/// One frame of so many is looked at: if its size is another than that of those tried, it is tried too. The first frames
/// may have been black.
const LOOKS: u64 = 256;
/// What is another size: by this part.
const OTHER: f64 = 0.25;
/// Levels up to here take no more effort than the way that is taken in haste.
const LIGHT_LEVEL: i32 = 1;
/// A way must be better by this to take over.
const MARGIN: f64 = 0.99;

/// See the module. One a stream.
#[derive(Debug)]
pub struct Chooser {
    compression: Compression,
    /// Frames seen.
    frames: AtomicU64,
    /// Frames tried.
    trials: AtomicU64,
    /// Index of the way in use.
    chosen: AtomicUsize,
    /// What the ways cost, in the order of the compression's ways. Held while a frame is tried.
    costs: Mutex<Vec<Cost>>,
}

/// What a way costs a frame: averages over the trials of such frames, the later ones counting more.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    bytes: f64,
    seconds: f64,
}

impl Chooser {
    /// Nothing is tried yet.
    pub fn new(compression: Compression) -> Self {
        Self {
            compression,
            frames: AtomicU64::new(0),
            trials: AtomicU64::new(0),
            chosen: AtomicUsize::new(0),
            costs: Mutex::new(Vec::new()),
        }
    }

    /// What it was made for.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The way in use, without haste.
    pub fn way(&self) -> Way {
        match self.compression {
            Compression::Level(level) => Way::level(level),
            other => other.ways()[self.chosen.load(Ordering::Relaxed)],
        }
    }

    /// `gray`, rows of `row` bytes, as one zstd frame.
    pub fn compress(&self, gray: &[u8], row: usize, haste: Haste) -> Result<Buffer> {
        let frame = self.frames.fetch_add(1, Ordering::Relaxed);
        match haste {
            Haste::None => {}
            Haste::Some => return compress(gray, row, &self.hasty()),
            Haste::Great => return compress(gray, row, &SYMBOLS),
        }
        let trials = self.trials.load(Ordering::Relaxed);
        if trials >= FIRST_TRIALS && !frame.is_multiple_of(LATER_TRIALS) {
            let zstd = compress(gray, row, &self.way())?;
            if !frame.is_multiple_of(LOOKS) || !self.is_other(zstd.len()) {
                return Ok(zstd);
            }
        }
        if !self.compression.ways().is_empty()
            && let Some(costs) = self.costs_alone()
        {
            return self.try_ways(costs, gray, row);
        }
        compress(gray, row, &self.way())
    }

    /// None while another frame is tried: two trials at once would disturb each other.
    fn costs_alone(&self) -> Option<MutexGuard<'_, Vec<Cost>>> {
        match self.costs.try_lock() {
            Ok(costs) => Some(costs),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Whether a frame in the way in use has another size than those that were tried.
    fn is_other(&self, bytes: usize) -> bool {
        let costs = self.costs_alone();
        let tried = costs.as_ref().and_then(|costs| costs.get(self.chosen.load(Ordering::Relaxed)));
        tried.is_some_and(|tried| is_other(as_f64(bytes), tried.bytes))
    }

    /// No more effort than is asked for otherwise, and no more than little.
    fn hasty(&self) -> Way {
        match self.compression {
            Compression::Level(level) if level <= LIGHT_LEVEL => Way::level(level),
            _ => OWN,
        }
    }

    /// Compresses in all ways, chooses, and answers the frame in the way chosen. Later in the way in use and in one of
    /// the others in turn, unless the frame is of another kind than those before: all of them take as long as ten
    /// frames, for which those behind this one would wait.
    fn try_ways(&self, mut costs: MutexGuard<'_, Vec<Cost>>, gray: &[u8], row: usize) -> Result<Buffer> {
        let trial = self.trials.fetch_add(1, Ordering::Relaxed);
        let runs = if trial < FIRST_TRIALS { FIRST_RUNS } else { 1 };
        let ways = self.compression.ways();
        let before = self.chosen.load(Ordering::Relaxed);
        let run = |n: usize| fastest(gray, row, &ways[n], runs).map(|(frame, cost)| (n, frame, cost));
        // The way in use comes first.
        let mut tried = vec![run(before)?];
        let is_new = costs.get(before).is_none_or(|known| is_other(tried[0].2.bytes, known.bytes));
        let is_due = |n: usize| is_new || trial < FIRST_TRIALS || trial % ways.len() as u64 == n as u64;
        for n in (0..ways.len()).filter(|&n| n != before && is_due(n)) {
            tried.push(run(n)?);
        }
        costs.resize(ways.len(), Cost::default());
        for &(n, _, cost) in &tried {
            costs[n] = if is_new { cost } else { costs[n].and(cost) };
        }
        let chosen = cheapest(&costs, self.compression.price(), before);
        self.chosen.store(chosen, Ordering::Relaxed);
        // One that was not run here may have become the cheapest by what the one in use costs now.
        let answered = tried.iter().position(|&(n, ..)| n == chosen).unwrap_or(0);
        Ok(tried.swap_remove(answered).1)
    }
}

impl Cost {
    /// With another trial.
    fn and(self, new: Self) -> Self {
        Self {
            bytes: f64::midpoint(self.bytes, new.bytes),
            seconds: f64::midpoint(self.seconds, new.seconds),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a frame has fewer than 2^52 bytes")]
fn as_f64(bytes: usize) -> f64 {
    bytes as f64
}

/// What was learnt of frames of so many bytes says nothing of these.
fn is_other(bytes: f64, tried: f64) -> bool {
    (bytes - tried).abs() > OTHER * tried
}

/// The frame, and what it cost with the least time it took.
fn fastest(gray: &[u8], row: usize, way: &Way, runs: usize) -> Result<(Buffer, Cost)> {
    let mut seconds = f64::INFINITY;
    let mut frame = Buffer::default();
    for _ in 0..runs {
        let began = ThreadTime::now();
        frame = compress(gray, row, way)?;
        seconds = seconds.min(began.elapsed().as_secs_f64());
    }
    let cost = Cost { bytes: as_f64(frame.len()), seconds };
    Ok((frame, cost))
}

/// Index of the least bytes + seconds x price; `before` stays unless another is clearly better.
fn cheapest(costs: &[Cost], price: f64, before: usize) -> usize {
    let total = |cost: &Cost| cost.bytes + cost.seconds * price;
    let mut chosen = before;
    for (n, cost) in costs.iter().enumerate() {
        if total(cost) < total(&costs[chosen]) * if chosen == before { MARGIN } else { 1.0 } {
            chosen = n;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::{content_size, decompress};
    use crate::ways::{BALANCED, LONG};

    const ROW: usize = 200;
    const PIXELS: u32 = 200 * 150;

    /// Frames of 200x150 around a level, with noise of so many counts.
    fn frame(seed: u32, noise: u32) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).max(1);
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        (0..PIXELS)
            .map(|n| {
                let smooth = 40 + (n % 200) / 8;
                u8::try_from(smooth + if noise == 0 { 0 } else { random() % noise }).unwrap()
            })
            .collect()
    }

    #[test]
    fn every_way_of_every_compression_is_plain_zstd() {
        for compression in [Compression::Auto, Compression::Fast, Compression::Small] {
            for way in compression.ways() {
                for gray in [frame(1, 0), frame(2, 9), vec![0; 1], vec![7; 3], frame(3, 180)] {
                    for row in [1, 7, ROW, 100_000] {
                        let zstd = compress(&gray, row, way).unwrap();
                        assert_eq!(content_size(&zstd), Some(gray.len() as u64), "{way:?}");
                        assert_eq!(decompress(&zstd, gray.len()).as_ref(), Some(&gray), "{way:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn symbols_do_for_noise_and_matches_for_a_clean_picture() {
        let bytes = |noise, way| compress(&frame(1, noise), ROW, way).unwrap().len();
        assert!(bytes(16, &SYMBOLS) * 100 < bytes(16, &LONG) * 102);
        assert!(bytes(0, &SYMBOLS) > bytes(0, &LONG) * 2);
    }

    /// What the ways cost so far, bytes a frame; empty before the first trial.
    fn costs(chooser: &Chooser) -> Vec<f64> {
        chooser.costs.lock().unwrap().iter().map(|cost| cost.bytes).collect()
    }

    #[test]
    fn answers_the_frame_it_was_given_whatever_is_tried() {
        for compression in [Compression::Auto, Compression::Fast, Compression::Small, Compression::Level(5)] {
            let chooser = Chooser::new(compression);
            for n in 0..20 {
                let gray = frame(n, if n < 10 { 0 } else { 16 });
                for haste in [Haste::None, Haste::Some, Haste::Great] {
                    let zstd = chooser.compress(&gray, ROW, haste).unwrap();
                    assert_eq!(decompress(&zstd, gray.len()).unwrap(), gray);
                }
            }
            assert_eq!(costs(&chooser).len(), compression.ways().len());
        }
    }

    #[test]
    fn the_first_trials_wait_for_a_time_without_haste() {
        let chooser = Chooser::new(Compression::Auto);
        for n in 0..10 {
            chooser.compress(&frame(n, 16), ROW, Haste::Some).unwrap();
        }
        assert!(costs(&chooser).is_empty());
        chooser.compress(&frame(10, 16), ROW, Haste::None).unwrap();
        assert_eq!(costs(&chooser).len(), BALANCED.len());
    }

    /// Compresses such frames, the first having this number.
    fn stream(chooser: &Chooser, numbers: std::ops::Range<u64>, noise: u32) {
        for n in numbers {
            chooser.compress(&frame(u32::try_from(n).unwrap(), noise), ROW, Haste::None).unwrap();
        }
    }

    #[test]
    fn looks_again_from_time_to_time() {
        let chooser = Chooser::new(Compression::Fast);
        stream(&chooser, 0..LATER_TRIALS, 16);
        assert_eq!(chooser.trials.load(Ordering::Relaxed), FIRST_TRIALS);
        stream(&chooser, LATER_TRIALS..LATER_TRIALS + 1, 16);
        assert_eq!(chooser.trials.load(Ordering::Relaxed), FIRST_TRIALS + 1);
    }

    #[test]
    fn later_looks_at_one_other_way_at_a_time() {
        let chooser = Chooser::new(Compression::Small);
        stream(&chooser, 0..FIRST_TRIALS, 16);
        let first = costs(&chooser);
        let mut before = first.clone();
        for turn in 1..=before.len() as u64 {
            chooser.frames.store(turn * LATER_TRIALS, Ordering::Relaxed);
            let chosen = chooser.chosen.load(Ordering::Relaxed);
            // Frames of the same kind.
            stream(&chooser, turn..turn + 1, 14);
            let after = costs(&chooser);
            let changed: Vec<usize> =
                (0..after.len()).filter(|&n| after[n].to_bits() != before[n].to_bits()).collect();
            assert!(changed.contains(&chosen) && changed.len() <= 2, "{changed:?}, in use {chosen}");
            before = after;
        }
        assert!(before.iter().zip(&first).all(|(one, other)| one < other), "each has had its turn");
    }

    #[test]
    fn looks_again_soon_when_the_picture_has_changed_and_forgets_what_it_knew() {
        let chooser = Chooser::new(Compression::Small);
        stream(&chooser, 0..8, 0);
        let before = costs(&chooser);
        stream(&chooser, 8..LOOKS + 1, 16);
        let after = costs(&chooser);
        let new = Chooser::new(Compression::Small);
        stream(&new, LOOKS..LOOKS + 1, 16);
        assert_eq!(after, costs(&new));
        assert!(before.iter().zip(&after).all(|(one, other)| other > one), "{before:?} {after:?}");
    }

    #[test]
    fn a_level_is_that_level() {
        let gray = frame(1, 3);
        let chooser = Chooser::new(Compression::Level(7));
        let mut expected = Vec::with_capacity(zstd_safe::compress_bound(gray.len()));
        zstd_safe::compress(&mut expected, &gray, 7).unwrap();
        assert_eq!(*chooser.compress(&gray, ROW, Haste::None).unwrap(), expected);
    }

    #[test]
    fn haste_takes_no_more_effort_than_was_asked_for() {
        assert_eq!(Chooser::new(Compression::Level(-3)).hasty(), Way::level(-3));
        assert_eq!(Chooser::new(Compression::Level(19)).hasty(), OWN);
        assert_eq!(Chooser::new(Compression::Small).hasty(), OWN);
    }

    #[test]
    fn the_way_in_use_stays_unless_another_is_clearly_better() {
        let cost = |bytes| Cost { bytes, seconds: 0.0 };
        assert_eq!(cheapest(&[cost(100.0), cost(99.5)], 1.0, 0), 0);
        assert_eq!(cheapest(&[cost(100.0), cost(98.0), cost(97.9)], 1.0, 0), 2);
        let slow = Cost { bytes: 10.0, seconds: 10.0 };
        assert_eq!(cheapest(&[cost(100.0), slow], 1.0, 0), 1);
        assert_eq!(cheapest(&[cost(100.0), slow], 10.0, 0), 0);
    }
}
