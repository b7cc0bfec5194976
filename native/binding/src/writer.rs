//! `ChunkWriter`.
#![expect(clippy::needless_pass_by_value, reason = "napi hands values over")]

use std::path::PathBuf;

use atomscale_core::chunk::SealedChunk as Sealed;
use atomscale_core::effort::Compression;
use atomscale_core::frame::{Depth, Flip, Format, FrameSpec as Spec, Region as Cut, Size};
use atomscale_core::log::{Accepted, Options, Place};
use atomscale_core::stamps::Stamping;
use atomscale_core::{budget, error, writer};
use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Object, Uint8ArraySlice};
use napi_derive::napi;

use crate::lender;
use crate::promise::{Settler, promise};
use crate::to_js;

/// How raw bytes become gray8 frames.
#[napi(object, object_to_js = false)]
pub struct FrameSpec {
    /// auto, image, or a PFNC name in lower case: mono8, mono10, mono12, mono16, mono10p, mono12p, mono10packed,
    /// mono12packed, rgb8, bgr8, rgba8, bayerrg8, bayergr8, bayergb8, bayerbg8.
    pub format: String,
    /// Pixels of a raw frame; 0 = not given.
    pub width: u32,
    /// Pixels of a raw frame; 0 = not given.
    pub height: u32,
    /// Bytes before the pixels of each raw frame, which are skipped.
    pub header_bytes: u32,
    /// Byte order of raw 16-bit samples.
    pub big_endian: bool,
    /// Raw 16-bit samples are filled from the most significant bit.
    pub msb_aligned: bool,
    /// Bits that carry signal in a sample of more than 8 bits, 8–16; 0 = as the format or the image says.
    pub significant_bits: u32,
    /// full-scale, frame-max or window.
    pub depth: String,
    /// Raw count that becomes black, for depth window.
    pub low: f64,
    /// Raw count that becomes white, for depth window.
    pub high: f64,
    /// What of a frame is kept; none = all of it, as it is.
    pub region: Option<Region>,
}

/// A part of the gray frame, cut out, then binned, then flipped.
#[napi(object, object_to_js = false)]
pub struct Region {
    /// Its first column.
    pub x: u32,
    /// Its first row.
    pub y: u32,
    /// Pixels; 0 = up to the right edge.
    pub width: u32,
    /// Pixels; 0 = down to the lower edge.
    pub height: u32,
    /// Side of the squares whose truncated mean becomes a pixel: 1, 2 or 4.
    pub bin: u32,
    /// none, horizontal, vertical or both.
    pub flip: String,
}

/// How a stream's chunks are made.
#[napi(object, object_to_js = false)]
pub struct WriterOptions {
    /// Where the chunk files are; must exist.
    pub folder: String,
    /// Number of the next chunk; its files are `NNNNNN.part`, .open, .shard, .json.
    pub next_number: u32,
    /// Frames a chunk.
    pub chunk_size: u32,
    /// Frames a second.
    pub fps: f64,
    /// auto, fast, small, or a level of zstd.
    pub compression: String,
    /// Of the stream's frames; 0 = not known yet.
    pub width: u32,
    /// Of the stream's frames; 0 = not known yet.
    pub height: u32,
}

/// A chunk that is a shard on disk now, ready to be sent.
#[napi(object, object_from_js = false)]
pub struct SealedChunk {
    /// Of its files.
    pub number: u32,
    /// Its place in the stream.
    pub chunk_index: i64,
    /// Frames in it.
    pub frames: u32,
    /// Of each frame.
    pub height: u32,
    /// Of each frame.
    pub width: u32,
    /// When its first frame was taken, Unix ms, without clock correction.
    pub start_ms: f64,
    /// Of the shard file.
    pub bytes: i64,
}

/// A chunk of the caller's, or a part of one: its parts are pushed one behind the other.
#[napi(object, object_to_js = false)]
pub struct ChunkPart {
    /// Of the chunk in the stream.
    pub chunk_index: u32,
    /// Frames of it that earlier pushes have brought. None: what is open is sealed first.
    pub before: u32,
    /// The next push brings more. If not, the chunk is sealed.
    pub more: bool,
    /// The bytes are not copied: until the push is settled they are read in place, and must neither change nor move.
    pub lent: bool,
}

/// What became of an accepted message.
#[napi(object, object_from_js = false)]
pub struct PushResult {
    /// Frames in it.
    pub frames: u32,
    /// Pixels that `depth` could not show: samples above the significant bits, or outside of the window.
    pub clipped: i64,
    /// Which bits of samples of more than 8 are ever set: all or-ed, the highest significant bit moved up to the
    /// highest of 16. 0 when there were none.
    pub sample_bits: u32,
    /// Chunks sealed since the last answer, oldest first.
    pub sealed: Vec<SealedChunk>,
    /// Of each frame.
    pub height: u32,
    /// Of each frame.
    pub width: u32,
}

/// Writes the frames of one stream to disk, chunk by chunk. Calls are answered in the order they were made.
#[napi]
pub struct ChunkWriter {
    writer: writer::ChunkWriter,
    settler: Settler,
}

#[napi]
impl ChunkWriter {
    /// Touches no file yet.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: WriterOptions) -> napi::Result<Self> {
        let WriterOptions { folder, next_number, chunk_size, fps, compression, width, height } = options;
        let size = (width > 0 && height > 0).then_some(Size { height, width });
        let chunk_size = chunk_size as usize;
        let folder = PathBuf::from(folder);
        let options = Options { folder, next_number, chunk_size, fps, size };
        let compression = Compression::parse(&compression).map_err(|error| to_js(&error))?;
        let writer = writer::ChunkWriter::new(options, compression).map_err(|error| to_js(&error))?;
        Ok(Self { writer, settler: Settler::default() })
    }

    /// Takes the frames of a message, whole or not at all; resolved when they are in the open chunk's file.
    ///
    /// The bytes are copied in the call, unless they are lent; `ERR_OVERLOAD` is thrown by the call itself, all else
    /// rejects.
    /// stamps: Unix ms; length 0 = stamped on arrival, 1 = capture time of the first frame, else one a frame.
    /// `arrivalMs`: the host's clock now. `part`: null = frames flow into the open chunk; else they are that chunk, or that
    /// part of it.
    #[napi(catch_unwind, ts_return_type = "Promise<PushResult>")]
    pub fn push<'env>(
        &self,
        env: &'env Env,
        parts: Vec<Uint8ArraySlice<'env>>,
        spec: FrameSpec,
        stamps: Float64ArraySlice<'env>,
        arrival_ms: f64,
        #[napi(ts_arg_type = "ChunkPart | null")] part: Option<ChunkPart>,
    ) -> napi::Result<Object<'env>> {
        let bytes = parts.iter().map(|part| part.len()).sum();
        let charge = budget::process().take(bytes).map_err(|error| to_js(&error))?;
        let stamping = Stamping::new(&stamps, arrival_ms);
        let place = part.as_ref().map_or(Place::Flow, |&ChunkPart { chunk_index, before, more, .. }| {
            Place::Chunk { index: chunk_index.into(), before: before as usize, more }
        });
        let lent = part.as_ref().is_some_and(|part| part.lent);
        let loans = lent.then(|| lender::lend(*env, &parts)).transpose()?;
        let message = writer::Message::new(&parts, loans.as_deref(), charge, parse(&spec), stamping, place);
        let (done, promise) = promise(env, self.settler.clone(), push_result)?;
        self.writer.push(message, Box::new(done));
        Ok(promise)
    }

    /// Seals the open chunk. Resolves to the oldest chunk that no answer has named yet, null when there is none: so
    /// after a push that failed, call it until it is null.
    #[napi(catch_unwind, ts_return_type = "Promise<SealedChunk | null>")]
    pub fn seal<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (done, promise) =
            promise(env, self.settler.clone(), |chunk: Option<Sealed>| chunk.as_ref().map(sealed_chunk))?;
        self.writer.seal(Box::new(done));
        Ok(promise)
    }

    /// Makes what was pushed before outlive a power failure: syncs the part, then the journal.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn sync<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (done, promise) = promise(env, self.settler.clone(), |()| ())?;
        self.writer.sync(Box::new(done));
        Ok(promise)
    }

    /// After all earlier calls, syncs and releases the files; does not seal. Later calls reject with `ERR_NATIVE`, but
    /// for another close.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (done, promise) = promise(env, self.settler.clone(), |()| ())?;
        self.writer.close(Box::new(done));
        Ok(promise)
    }

    /// Compresses what is pushed from now on otherwise: auto, fast, small, or a level of zstd.
    #[napi(catch_unwind)]
    pub fn set_compression(&self, compression: String) -> napi::Result<()> {
        self.writer.set_compression(Compression::parse(&compression).map_err(|error| to_js(&error))?);
        Ok(())
    }

    /// Frames in the open chunk.
    #[napi(getter)]
    pub fn open_frames(&self) -> u32 {
        count(self.writer.open_frames())
    }
}

fn parse(spec: &FrameSpec) -> error::Result<Spec> {
    let significant_bits = spec.significant_bits;
    if !matches!(significant_bits, 0 | 8..=16) {
        return Err(error::Error::format(format!(
            "expected 8 to 16 significant bits, or 0, got {significant_bits}; set those of the camera"
        )));
    }
    Ok(Spec {
        format: Format::parse(&spec.format)?,
        width: spec.width,
        height: spec.height,
        header_bytes: spec.header_bytes,
        big_endian: spec.big_endian,
        msb_aligned: spec.msb_aligned,
        significant_bits,
        depth: Depth::parse(&spec.depth, spec.low, spec.high)?,
        region: spec.region.as_ref().map_or(Ok(Cut::WHOLE), parse_region)?,
    })
}

fn parse_region(region: &Region) -> error::Result<Cut> {
    let Region { x, y, width, height, bin, ref flip } = *region;
    if !matches!(bin, 1 | 2 | 4) {
        return Err(error::Error::format(format!("expected 1, 2 or 4 as bin, got {bin}; set one of them")));
    }
    Ok(Cut { x, y, width, height, bin, flip: Flip::parse(flip)? })
}

fn push_result(accepted: Accepted) -> PushResult {
    PushResult {
        frames: count(accepted.frames),
        clipped: accepted.tally.clipped.cast_signed(),
        sample_bits: accepted.tally.bits.into(),
        sealed: accepted.sealed.iter().map(sealed_chunk).collect(),
        height: accepted.size.height,
        width: accepted.size.width,
    }
}

pub(crate) fn sealed_chunk(chunk: &Sealed) -> SealedChunk {
    SealedChunk {
        number: chunk.number,
        chunk_index: chunk.chunk_index.cast_signed(),
        frames: count(chunk.frames),
        height: chunk.size.height,
        width: chunk.size.width,
        start_ms: chunk.start_ms,
        bytes: chunk.bytes.cast_signed(),
    }
}

/// A count of frames; a chunk has at most a u32 of them.
pub(crate) fn count(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

/// Bytes held by pushes that are not on disk yet, over all writers of the process.
#[napi]
pub fn memory_in_flight() -> i64 {
    i64::try_from(budget::process().held()).unwrap_or(i64::MAX)
}

/// How many bytes may be so held before a push throws `ERR_OVERLOAD`; 128 MiB unless set.
#[napi]
pub fn set_memory_limit(bytes: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float to usize saturates")]
    let bytes = bytes as usize;
    budget::process().set_limit(bytes);
}
