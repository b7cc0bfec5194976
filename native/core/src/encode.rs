//! A message's frames, compressed: decoded, turned to gray and compressed in the compute pool, piece by piece.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::budget::Charge;
use crate::chooser::Chooser;
use crate::effort::Haste;
use crate::error::{Error, Result, guarded};
use crate::frame::{FrameSpec, MAX_PIXELS, Size, Tally, Unit, split};
use crate::loan::{Bytes, Loan};
use crate::memory::Buffer;
use crate::pool;

/// One compressed frame.
#[derive(Debug)]
pub struct EncodedFrame {
    /// A zstd frame of `size.pixels()` gray8 bytes.
    pub bytes: Buffer,
    /// crc32c of `bytes`.
    pub crc: u32,
}

/// All frames of a message, at least one, all of one size.
#[derive(Debug)]
pub struct EncodedMessage {
    /// Of each frame.
    pub size: Size,
    /// In order.
    pub frames: Vec<EncodedFrame>,
    /// Of all of them, before the region was cut out.
    pub tally: Tally,
    /// What they take of the budget.
    pub charge: Charge,
}

/// A unit of a message with its bytes, and what they take of the budget.
#[derive(Debug)]
pub struct Piece {
    unit: Unit,
    bytes: Bytes,
    /// They are one gray8 frame of this size, whatever the unit was.
    gray: Option<Size>,
    charge: Charge,
}

/// Cuts a message into pieces that are worked on side by side, and copies them unless each part is lent. `charge`: what
/// its bytes take of the budget. A message that is refused on sight is not copied.
pub fn cut<P: AsRef<[u8]>>(
    parts: &[P],
    loans: Option<&[Loan]>,
    spec: &FrameSpec,
    mut charge: Charge,
) -> Result<Vec<Piece>> {
    guarded(|| {
        let held = |unit: Unit| {
            let (charge, range) = (charge.split(unit.bytes.len()), unit.bytes.clone());
            if let Some(loans) = loans {
                let bytes = Bytes::Lent(loans[unit.part].clone(), range);
                return Piece { unit, bytes, gray: None, charge };
            }
            let own = &parts[unit.part].as_ref()[range];
            let (copy, gray) = match unit.gray_rows(own) {
                None => (Buffer::copy(own), None),
                Some((size, rows)) => {
                    (Buffer::gather(size.width as usize * size.height as usize, rows), Some(size))
                }
            };
            Piece { unit, bytes: Bytes::Copied(copy), gray, charge }
        };
        Ok(split(parts, spec)?.into_iter().map(held).collect())
    })
}

/// What compresses a message's frames.
#[derive(Debug, Clone)]
pub struct Compressor {
    /// Of the stream.
    pub chooser: Arc<Chooser>,
    /// How far the machine is behind, asked before each frame.
    pub haste: fn() -> Haste,
}

/// Pixels that the images of one message may decode to. A TIFF can name the same strip for thousands of pages, and a
/// few kilobytes of it then keep the machine busy for an hour.
const MAX_DECODED: u64 = 16 * MAX_PIXELS;

/// The frames of a piece, and what they take of the budget.
type Encoded = (Vec<(Size, EncodedFrame)>, Tally, Charge);

struct Job<F> {
    spec: FrameSpec,
    compressor: Compressor,
    /// Each is taken by the thread that works on it, and so gone as soon as it is compressed.
    pieces: Vec<Mutex<Option<Piece>>>,
    results: Vec<Mutex<Option<Result<Encoded>>>>,
    left: AtomicUsize,
    /// Pixels decoded from images so far, and how many may be.
    decoded: AtomicU64,
    max_decoded: u64,
    done: Mutex<Option<F>>,
}

/// Encodes a message's pieces in the compute pool, then calls `done` on one of its threads: once, and it must not
/// panic.
pub fn encode<F>(pieces: Vec<Piece>, spec: FrameSpec, compressor: Compressor, done: F)
where
    F: FnOnce(Result<EncodedMessage>) + Send + 'static,
{
    encode_within(MAX_DECODED, pieces, spec, compressor, done);
}

fn encode_within<F>(max_decoded: u64, pieces: Vec<Piece>, spec: FrameSpec, compressor: Compressor, done: F)
where
    F: FnOnce(Result<EncodedMessage>) + Send + 'static,
{
    let count = pieces.len();
    let job = Arc::new(Job {
        spec,
        compressor,
        pieces: pieces.into_iter().map(|piece| Mutex::new(Some(piece))).collect(),
        results: (0..count).map(|_| Mutex::new(None)).collect(),
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

fn taken<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl<F: FnOnce(Result<EncodedMessage>)> Job<F> {
    fn run(&self, n: usize) {
        // Each piece is run once, so it is there.
        let result = taken(&self.pieces[n]).map(|piece| guarded(|| self.encode(piece)));
        *self.results[n].lock().unwrap_or_else(PoisonError::into_inner) = result;
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if let Some(done) = taken(&self.done) {
            done(guarded(|| join(self.results.iter().filter_map(taken))));
        }
    }

    fn encode(&self, Piece { unit, bytes, gray, mut charge }: Piece) -> Result<Encoded> {
        let mut frames = Vec::new();
        let mut room = Vec::new();
        let mut take = |size, gray: &[u8]| {
            self.count(&unit, size)?;
            let (size, gray) = self.spec.region.cut(size, gray, &mut room)?;
            let Compressor { chooser, haste } = &self.compressor;
            let bytes = chooser.compress(gray, size.width as usize, haste())?;
            let crc = crc32c::crc32c(&bytes);
            frames.push((size, EncodedFrame { bytes, crc }));
            Ok(())
        };
        let tally = bytes.read(|bytes| match gray {
            Some(size) => take(size, bytes).map(|()| Tally::default()),
            None => unit.decode(bytes, &self.spec, &mut take),
        })?;
        charge.resize(frames.iter().map(|(_, frame)| frame.bytes.len()).sum());
        Ok((frames, tally, charge))
    }

    /// Refuses the message once its images decode to more than a message may.
    fn count(&self, unit: &Unit, size: Size) -> Result<()> {
        if unit.raw.is_some() {
            return Ok(());
        }
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

/// The pieces' frames in order; the first error in the message's order, whichever came first in time.
fn join(results: impl Iterator<Item = Result<Encoded>>) -> Result<EncodedMessage> {
    let mut message: Option<EncodedMessage> = None;
    for result in results {
        let (frames, tally, charge) = result?;
        let Some(&(first, _)) = frames.first() else { continue };
        let expected = message.as_ref().map_or(first, |message| message.size);
        if let Some((size, _)) = frames.iter().find(|(size, _)| *size != expected) {
            return Err(Error::shape(format!(
                "expected all frames of a message to be {expected} like its first, got one of {size}; send frames of \
                 one size"
            )));
        }
        let frames = frames.into_iter().map(|(_, frame)| frame);
        match &mut message {
            None => {
                message = Some(EncodedMessage { size: expected, frames: frames.collect(), tally, charge });
            }
            Some(message) => {
                message.frames.extend(frames);
                message.tally = message.tally.and(tally);
                message.charge.join(charge);
            }
        }
    }
    message.ok_or_else(|| Error::native("a message without frames passed all checks; please report it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::effort::Compression;
    use crate::error::Code;
    use crate::frame::{Format, Region};
    use crate::loan::Lender;
    use std::sync::mpsc;

    fn spec(width: u32, height: u32) -> FrameSpec {
        FrameSpec::new(Format::Auto, width, height)
    }

    fn compressor() -> Compressor {
        Compressor { chooser: Arc::new(Chooser::new(Compression::Auto)), haste: || Haste::None }
    }

    static BUDGET: Budget = Budget::new(1 << 30);

    fn encode_all(max: u64, parts: &[Vec<u8>], spec: FrameSpec) -> Result<EncodedMessage> {
        let charge = BUDGET.take(parts.iter().map(Vec::len).sum()).unwrap();
        let (tell, told) = mpsc::channel();
        let answer = move |result| tell.send(result).unwrap();
        encode_within(max, cut(parts, None, &spec, charge)?, spec, compressor(), answer);
        told.recv().unwrap()
    }

    fn encode_now(parts: &[Vec<u8>], spec: FrameSpec) -> Result<EncodedMessage> {
        encode_all(MAX_DECODED, parts, spec)
    }

    #[test]
    fn frames_stay_in_order_over_parts_and_units() {
        let frame = |n: usize| vec![u8::try_from(n % 251).unwrap(); 64 * 64];
        let parts = vec![(0..100).flat_map(frame).collect(), (100..130).flat_map(frame).collect()];
        let message = encode_now(&parts, spec(64, 64)).unwrap();
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
    fn a_gray_bmp_is_its_pixels_lent_or_copied() {
        for (width, height) in [(500, 300), (13, 7)] {
            let pixels: Vec<u8> = (0..width * height).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let mut file = std::io::Cursor::new(Vec::new());
            let image = image::GrayImage::from_vec(width, height, pixels.clone()).unwrap();
            image.write_to(&mut file, image::ImageFormat::Bmp).unwrap();
            let parts = [file.into_inner()];
            let lent = [Lender::default().lend(parts[0].clone())];
            for loans in [None, Some(&lent[..])] {
                let charge = BUDGET.take(parts[0].len()).unwrap();
                let pieces = cut(&parts, loans, &spec(0, 0), charge).unwrap();
                assert_eq!(pieces[0].gray.is_some(), loans.is_none());
                let (tell, told) = mpsc::channel();
                encode(pieces, spec(0, 0), compressor(), move |result| tell.send(result).unwrap());
                let message = told.recv().unwrap().unwrap();
                assert_eq!(message.size, Size { height, width });
                let mut gray = Vec::with_capacity(pixels.len());
                zstd_safe::decompress(&mut gray, &message.frames[0].bytes).unwrap();
                assert_eq!(gray, pixels);
            }
        }
    }

    #[test]
    fn the_region_s_size_is_the_message_s_and_all_pixels_are_tallied() {
        let region = Region { x: 1, width: 2, bin: 2, ..Region::WHOLE };
        let spec = FrameSpec { region, ..FrameSpec::new(Format::Mono10, 3, 2) };
        let frame: Vec<u8> = [4u16, 40, 60, 1024, 48, 52].iter().flat_map(|v| v.to_le_bytes()).collect();
        let message = encode_now(&[[frame.clone(), frame].concat()], spec).unwrap();
        assert_eq!(message.size, Size { width: 1, height: 1 });
        assert_eq!(message.frames.len(), 2);
        assert_eq!(message.tally, Tally { clipped: 2, bits: u16::MAX });
        let mut gray = Vec::with_capacity(1);
        zstd_safe::decompress(&mut gray, &message.frames[1].bytes).unwrap();
        assert_eq!(gray, [12]);
    }

    #[test]
    fn a_panic_in_a_piece_refuses_its_message_alone() {
        let (tell, told) = mpsc::channel();
        let parts = [vec![0; 64]];
        let pieces = cut(&parts, None, &spec(8, 8), BUDGET.take(64).unwrap()).unwrap();
        let broken = Compressor { haste: || panic!("in a thread of the pool"), ..compressor() };
        encode(pieces, spec(8, 8), broken, move |result| tell.send(result).unwrap());
        assert_eq!(told.recv().unwrap().unwrap_err().code, Code::Native);
        assert!(encode_now(&parts, spec(8, 8)).is_ok());
    }

    #[test]
    fn a_message_is_charged_for_what_it_holds() {
        static ALONE: Budget = Budget::new(1 << 30);
        let parts = [vec![0; 64 * 64 * 50]];
        let pieces = cut(&parts, None, &spec(64, 64), ALONE.take(parts[0].len()).unwrap()).unwrap();
        assert_eq!(ALONE.held(), parts[0].len());
        let (tell, told) = mpsc::channel();
        encode(pieces, spec(64, 64), compressor(), move |result| tell.send(result).unwrap());
        let message = told.recv().unwrap().unwrap();
        assert_eq!(ALONE.held(), message.frames.iter().map(|frame| frame.bytes.len()).sum::<usize>());
        drop(message);
        assert_eq!(ALONE.held(), 0);
    }

    #[test]
    fn images_that_decode_to_more_than_a_message_may_are_refused() {
        let mut file = std::io::Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
        for _ in 0..5 {
            encoder.write_image::<tiff::encoder::colortype::Gray8>(1000, 1000, &vec![7; 1_000_000]).unwrap();
        }
        let (image, raw) = (file.into_inner(), vec![0; 64]);
        let run = |parts: Vec<Vec<u8>>, max: u64| encode_all(max, &parts, spec(8, 8));
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
        let error = encode_now(&[vec![1; 64], cut, vec![2; 64]], spec(8, 8)).unwrap_err();
        assert_eq!(error.code, Code::FrameFormat);
    }
}
