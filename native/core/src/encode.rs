//! A message's frames, compressed: decoded, turned to gray and compressed in the compute pool, unit by unit.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::compress::compress;
use crate::error::{Error, Result, guarded};
use crate::frame::{FrameSpec, MAX_PIXELS, Size, Tally, Unit, split};
use crate::pool;

/// One compressed frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// A zstd frame of `size.pixels()` gray8 bytes.
    pub bytes: Vec<u8>,
    /// crc32c of `bytes`.
    pub crc: u32,
}

/// All frames of a message, at least one, all of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedMessage {
    /// Of each frame.
    pub size: Size,
    /// In order.
    pub frames: Vec<EncodedFrame>,
    /// Of all of them, before the region was cut out.
    pub tally: Tally,
}

impl EncodedMessage {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(|frame| frame.bytes.len()).sum()
    }
}

/// Pixels that the images of one message may decode to. A TIFF can name the same strip for thousands of pages, and a
/// few kilobytes of it then keep the machine busy for an hour.
const MAX_DECODED: u64 = 16 * MAX_PIXELS;

type UnitResult = Result<(Vec<(Size, EncodedFrame)>, Tally)>;

struct Job<F> {
    parts: Vec<Vec<u8>>,
    spec: FrameSpec,
    level: i32,
    units: Vec<Unit>,
    results: Vec<OnceLock<UnitResult>>,
    left: AtomicUsize,
    /// Pixels decoded from images so far, and how many may be.
    decoded: AtomicU64,
    max_decoded: u64,
    done: Mutex<Option<F>>,
}

/// Encodes `parts` in the compute pool, then calls `done` on one of its threads. A message that is refused on sight is
/// refused at once, on this thread. `done` is called once, and must not panic.
pub fn encode<F>(parts: Vec<Vec<u8>>, spec: FrameSpec, level: i32, done: F)
where
    F: FnOnce(Result<EncodedMessage>) + Send + 'static,
{
    match guarded(|| split(&parts, &spec)) {
        Ok(units) => encode_units(parts, spec, level, units, MAX_DECODED, done),
        Err(error) => done(Err(error)),
    }
}

fn encode_units<F>(
    parts: Vec<Vec<u8>>,
    spec: FrameSpec,
    level: i32,
    units: Vec<Unit>,
    max_decoded: u64,
    done: F,
) where
    F: FnOnce(Result<EncodedMessage>) + Send + 'static,
{
    let count = units.len();
    let job = Arc::new(Job {
        parts,
        spec,
        level,
        units,
        results: (0..count).map(|_| OnceLock::new()).collect(),
        left: AtomicUsize::new(count),
        decoded: AtomicU64::new(0),
        max_decoded,
        done: Mutex::new(Some(done)),
    });
    for n in 0..count {
        let job = Arc::clone(&job);
        pool::compute().submit(move || job.run(n));
    }
}

impl<F: FnOnce(Result<EncodedMessage>)> Job<F> {
    fn run(self: Arc<Self>, n: usize) {
        let result = guarded(|| self.encode(n));
        // Each unit is run once, so its place is free.
        let _ = self.results[n].set(result);
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last unit: the other threads are through with `self`, or about to let go of it.
        let results = match Arc::try_unwrap(self) {
            Ok(job) => job.results.into_iter().filter_map(OnceLock::into_inner).collect::<Vec<_>>(),
            Err(job) => job.results.iter().filter_map(|result| result.get().cloned()).collect(),
        };
        if let Some(done) = done {
            done(guarded(|| join(results)));
        }
    }

    fn encode(&self, n: usize) -> UnitResult {
        let mut frames = Vec::new();
        let mut room = Vec::new();
        let unit = &self.units[n];
        let tally = unit.decode(&self.parts, &self.spec, &mut |size, gray| {
            self.count(unit, size)?;
            let (size, gray) = self.spec.region.cut(size, gray, &mut room)?;
            let bytes = compress(gray, self.level)?;
            let crc = crc32c::crc32c(&bytes);
            frames.push((size, EncodedFrame { bytes, crc }));
            Ok(())
        })?;
        Ok((frames, tally))
    }

    /// Refuses the message once its images decode to more than a message may.
    fn count(&self, unit: &Unit, size: Size) -> Result<()> {
        let Unit::Image { .. } = unit else { return Ok(()) };
        let decoded = self.decoded.fetch_add(size.pixels(), Ordering::Relaxed) + size.pixels();
        if decoded <= self.max_decoded {
            return Ok(());
        }
        Err(Error::shape(format!(
            "expected images of at most {} megapixels in a message, got more; send fewer images or pages at once",
            self.max_decoded / 1_000_000
        )))
    }
}

/// The units' frames in order; the first error in the message's order, whichever came first in time.
fn join(results: Vec<UnitResult>) -> Result<EncodedMessage> {
    let mut frames = Vec::new();
    let mut tally = Tally::default();
    let mut first = None;
    for result in results {
        let (encoded, seen) = result?;
        tally = tally.and(seen);
        for (size, frame) in encoded {
            let expected = *first.get_or_insert(size);
            if size != expected {
                return Err(Error::shape(format!(
                    "expected all frames of a message to be {expected} like its first, got one of {size}; send frames \
                     of one size"
                )));
            }
            frames.push(frame);
        }
    }
    let size =
        first.ok_or_else(|| Error::native("a message without frames passed all checks; please report it"))?;
    Ok(EncodedMessage { size, frames, tally })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::frame::{Format, Region};
    use std::sync::mpsc;

    fn spec(width: u32, height: u32) -> FrameSpec {
        FrameSpec::new(Format::Auto, width, height)
    }

    fn encode_now(parts: Vec<Vec<u8>>, spec: FrameSpec) -> Result<EncodedMessage> {
        let (tell, told) = mpsc::channel();
        encode(parts, spec, 3, move |result| tell.send(result).unwrap());
        told.recv().unwrap()
    }

    #[test]
    fn frames_stay_in_order_over_parts_and_units() {
        let frame = |n: usize| vec![u8::try_from(n % 251).unwrap(); 64 * 64];
        let parts = vec![(0..100).flat_map(frame).collect(), (100..130).flat_map(frame).collect()];
        let message = encode_now(parts, spec(64, 64)).unwrap();
        assert_eq!(message.size, Size { width: 64, height: 64 });
        assert_eq!(message.frames.len(), 130);
        for (n, encoded) in message.frames.iter().enumerate() {
            let mut gray = Vec::with_capacity(64 * 64);
            zstd_safe::decompress(&mut gray, &encoded.bytes).unwrap();
            assert_eq!(gray, frame(n));
            assert_eq!(encoded.crc, crc32c::crc32c(&encoded.bytes));
        }
    }

    #[test]
    fn the_region_s_size_is_the_message_s_and_all_pixels_are_tallied() {
        let region = Region { x: 1, width: 2, bin: 2, ..Region::WHOLE };
        let spec = FrameSpec { region, ..FrameSpec::new(Format::Mono10, 3, 2) };
        let frame: Vec<u8> = [4u16, 40, 60, 1024, 48, 52].iter().flat_map(|v| v.to_le_bytes()).collect();
        let message = encode_now(vec![[frame.clone(), frame].concat()], spec).unwrap();
        assert_eq!(message.size, Size { width: 1, height: 1 });
        assert_eq!(message.frames.len(), 2);
        assert_eq!(message.tally, Tally { clipped: 2, bits: u16::MAX });
        let mut gray = Vec::with_capacity(1);
        zstd_safe::decompress(&mut gray, &message.frames[1].bytes).unwrap();
        assert_eq!(gray, [12]);
    }

    #[test]
    fn a_panic_in_a_unit_refuses_its_message_alone() {
        let (tell, told) = mpsc::channel();
        let beyond = Unit::Image { part: 1 }; // there is none: the index panics, in a thread of the pool
        let whole = Unit::Raw { part: 0, format: Format::Mono8, frames: 0..1 };
        let answer = move |result| tell.send(result).unwrap();
        encode_units(vec![vec![0; 64]], spec(8, 8), 1, vec![whole, beyond], MAX_DECODED, answer);
        assert_eq!(told.recv().unwrap().unwrap_err().code, Code::Native);
        assert!(encode_now(vec![vec![0; 64]], spec(8, 8)).is_ok());
    }

    #[test]
    fn images_that_decode_to_more_than_a_message_may_are_refused() {
        let mut file = std::io::Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
        for _ in 0..5 {
            encoder.write_image::<tiff::encoder::colortype::Gray8>(1000, 1000, &vec![7; 1_000_000]).unwrap();
        }
        let (image, raw) = (file.into_inner(), vec![0; 64]);
        let run = |parts: Vec<Vec<u8>>, max: u64| {
            let (tell, told) = mpsc::channel();
            let units = split(&parts, &spec(8, 8)).unwrap();
            encode_units(parts, spec(8, 8), 1, units, max, move |result| tell.send(result).unwrap());
            told.recv().unwrap()
        };
        assert_eq!(run(vec![image.clone()], 5_000_000).unwrap().frames.len(), 5);
        let error = run(vec![image.clone()], 4_999_999).unwrap_err();
        assert_eq!(error.code, Code::FrameShape);
        assert!(error.text.contains("4 megapixels"), "{error}");
        assert!(run(vec![image.clone(), image], 9_999_999).is_err(), "all parts of a message count");
        assert!(run(vec![raw; 3], 0).is_ok(), "raw pixels are as large as they come");
    }

    #[test]
    fn a_bad_part_among_good_ones_refuses_the_message() {
        let mut cut = b"\x89PNG\r\n\x1a\n".to_vec();
        cut.extend([0; 20]);
        let error = encode_now(vec![vec![1; 64], cut, vec![2; 64]], spec(8, 8)).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
    }
}
