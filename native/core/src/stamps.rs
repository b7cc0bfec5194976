//! When frames were taken, and where that says a chunk must end: a chunk's stamps assume even spacing.

use std::ops::Range;

use crate::error::{Error, Result};

/// How the frames of a message are stamped, in Unix ms.
#[derive(Debug, Clone, PartialEq)]
pub enum Stamping {
    /// On arrival: the last frame was complete at this time of the host's clock.
    Arrival(f64),
    /// The capture time of the first frame was given.
    First(f64),
    /// That of each frame was given.
    Each(Vec<f64>),
}

impl Stamping {
    /// From what a message brought: no stamps, one, or one a frame.
    pub fn new(stamps: &[f64], arrival: f64) -> Result<Self> {
        if let Some(bad) = stamps.iter().chain([&arrival]).find(|stamp| !stamp.is_finite()) {
            return Err(Error::shape(format!(
                "expected stamps in Unix milliseconds, got {bad}; correct the stamps"
            )));
        }
        Ok(match stamps {
            [] => Self::Arrival(arrival),
            [first] => Self::First(*first),
            each => Self::Each(each.to_vec()),
        })
    }

    /// Whether the stamps were given.
    pub fn given(&self) -> bool {
        !matches!(self, Self::Arrival(_))
    }

    /// The stamps of `count` frames, `period` ms apart where they are not given one by one.
    pub fn of_frames(&self, count: usize, period: f64) -> Result<Vec<f64>> {
        match self {
            Self::Arrival(at) => Ok((0..count).map(|n| at - frames(count - n) * period).collect()),
            Self::First(first) => Ok((0..count).map(|n| first + frames(n) * period).collect()),
            Self::Each(stamps) if stamps.len() == count => Ok(stamps.clone()),
            Self::Each(stamps) => Err(Error::shape(format!(
                "expected no stamp, one, or one for each of {count} frames, got {}; send as many as frames",
                stamps.len()
            ))),
        }
    }
}

/// A count of frames as a factor.
#[expect(clippy::cast_precision_loss, reason = "a chunk has far fewer than 2^53 frames")]
pub fn frames(count: usize) -> f64 {
    count as f64
}

/// The chunk that frames flow into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Frames in it.
    pub frames: usize,
    /// Stamp of the last one.
    pub stamp: f64,
}

/// Where the frames of a message go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whether the first segment goes on with the open chunk. If not, an open chunk is to be sealed first.
    pub continues: bool,
    /// Frames of one chunk each, in order; all but the last make their chunk due for sealing.
    pub segments: Vec<Range<usize>>,
}

/// Divides frames over chunks of `chunk_size`: a chunk ends when it is full, and where capture paused or the clock
/// went back by more than max(1 s, 4 frames).
pub fn plan(open: Option<Tail>, stamps: &[f64], stamping: &Stamping, chunk_size: usize, period: f64) -> Plan {
    let limit = f64::max(1000.0, 4.0 * period);
    let breaks = |before: f64, after: f64| after - before > limit || before - after > limit;
    let continues = open.is_some_and(|tail| {
        tail.frames < chunk_size
            && match stamping {
                // Frames that come in a burst lie before their arrival on paper only: the clock went back when the
                // arrival itself lies before what has been.
                Stamping::Arrival(at) => stamps[0] - tail.stamp <= limit && tail.stamp - at <= limit,
                _ => !breaks(tail.stamp, stamps[0]),
            }
    });
    let mut room = chunk_size - open.filter(|_| continues).map_or(0, |tail| tail.frames);
    let mut segments = Vec::new();
    let mut start = 0;
    for n in 1..stamps.len() {
        if n - start == room || breaks(stamps[n - 1], stamps[n]) {
            segments.push(start..n);
            start = n;
            room = chunk_size;
        }
    }
    segments.push(start..stamps.len());
    Plan { continues, segments }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PERIOD: f64 = 100.0;

    fn planned(open: Option<Tail>, stamps: &[f64], size: usize) -> Plan {
        plan(open, stamps, &Stamping::Each(stamps.to_vec()), size, PERIOD)
    }

    #[test]
    fn stamps_are_spread_back_from_arrival_and_on_from_the_first() {
        let arrival = Stamping::new(&[], 1000.0).unwrap();
        assert_eq!(arrival.of_frames(3, PERIOD).unwrap(), [700.0, 800.0, 900.0]);
        let first = Stamping::new(&[50.0], 1000.0).unwrap();
        assert_eq!(first.of_frames(3, PERIOD).unwrap(), [50.0, 150.0, 250.0]);
        let each = Stamping::new(&[1.0, 2.0], 1000.0).unwrap();
        assert_eq!(each.of_frames(2, PERIOD).unwrap(), [1.0, 2.0]);
        assert!(each.of_frames(3, PERIOD).unwrap_err().text.contains("for each of 3 frames, got 2"));
        assert!(Stamping::new(&[f64::NAN], 1000.0).is_err());
    }

    #[test]
    fn a_full_chunk_ends() {
        let stamps: Vec<f64> = (0..7).map(|n| f64::from(n) * PERIOD).collect();
        let plan = planned(Some(Tail { frames: 2, stamp: -PERIOD }), &stamps, 3);
        assert_eq!(plan, Plan { continues: true, segments: vec![0..1, 1..4, 4..7] });
        let fresh = planned(None, &stamps, 7);
        assert_eq!((fresh.continues, fresh.segments.len()), (false, 1));
    }

    #[test]
    fn a_pause_or_a_step_back_ends_a_chunk() {
        let tail = Some(Tail { frames: 1, stamp: 0.0 });
        assert!(planned(tail, &[1000.0], 9).continues);
        assert!(!planned(tail, &[1000.1], 9).continues);
        assert!(planned(tail, &[-1000.0], 9).continues);
        assert!(!planned(tail, &[-1000.1], 9).continues);
        assert_eq!(planned(None, &[0.0, 100.0, 5000.0, 5100.0], 9).segments, [0..2, 2..4]);
        let slow = plan(tail, &[3999.0], &Stamping::First(3999.0), 9, 1000.0);
        assert!(slow.continues, "four frames of a slow camera are no pause");
    }

    #[test]
    fn bursts_on_arrival_do_not_end_a_chunk() {
        let burst = Stamping::Arrival(10_000.0);
        let stamps = burst.of_frames(50, PERIOD).unwrap();
        let tail = Some(Tail { frames: 50, stamp: 9900.0 });
        assert!(plan(tail, &stamps, &burst, 200, PERIOD).continues, "50 more at the same moment");
        let clock_went_back = Stamping::Arrival(5000.0);
        let stamps = clock_went_back.of_frames(1, PERIOD).unwrap();
        assert!(!plan(tail, &stamps, &clock_went_back, 200, PERIOD).continues);
        let pause = Stamping::Arrival(12_000.0);
        assert!(!plan(tail, &pause.of_frames(1, PERIOD).unwrap(), &pause, 200, PERIOD).continues);
    }

    proptest! {
        #[test]
        fn segments_cover_all_frames_and_respect_the_size(
            steps in prop::collection::vec(prop_oneof![9 => Just(100.0), 1 => -3000.0..3000.0], 1..60),
            size in 1usize..9,
            open in prop::option::of(0usize..9),
        ) {
            let stamps: Vec<f64> = steps.iter().scan(0.0, |t, step| { *t += step; Some(*t) }).collect();
            let tail = open.map(|frames| Tail { frames: frames % size, stamp: 0.0 });
            let plan = planned(tail, &stamps, size);
            let mut next = 0;
            for (n, segment) in plan.segments.iter().enumerate() {
                prop_assert_eq!(segment.start, next);
                let before = if n == 0 && plan.continues { tail.unwrap().frames } else { 0 };
                prop_assert!(!segment.is_empty() && segment.len() + before <= size);
                next = segment.end;
                let inside = stamps[segment.clone()].windows(2).all(|w| (w[1] - w[0]).abs() <= 1000.0);
                prop_assert!(inside);
            }
            prop_assert_eq!(next, stamps.len());
        }
    }
}
