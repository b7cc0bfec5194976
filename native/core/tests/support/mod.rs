//! Blocking calls of a writer, and frames to send.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use atomscale_core::budget;
use atomscale_core::chunk::SealedChunk;
use atomscale_core::effort::Compression;
use atomscale_core::error::Result;
use atomscale_core::frame::{Format, FrameSpec, Size};
use atomscale_core::log::{Accepted, Options, Place};
use atomscale_core::stamps::Stamping;
use atomscale_core::writer::{ChunkWriter, Message};

pub const SIZE: Size = Size { width: 12, height: 8 };
pub const FPS: f64 = 10.0;

pub fn options(folder: &Path, chunk_size: usize) -> Options {
    Options { folder: folder.to_path_buf(), next_number: 0, chunk_size, fps: FPS, size: None }
}

pub fn writer(folder: &Path, chunk_size: usize) -> ChunkWriter {
    ChunkWriter::new(options(folder, chunk_size), Compression::Level(3)).unwrap()
}

pub fn spec(size: Size) -> FrameSpec {
    FrameSpec::new(Format::Auto, size.width, size.height)
}

/// A frame that differs from all others and does not compress away.
pub fn frame(n: usize, size: Size) -> Vec<u8> {
    let mut state = 0x9e37_79b9u32 ^ u32::try_from(n).unwrap().wrapping_mul(0x85eb_ca6b);
    (0..size.pixels())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[3] >> 2
        })
        .collect()
}

/// A message of one part, its frames stamped one by one or on arrival.
pub fn message(bytes: Vec<u8>, size: Size, stamps: &[f64]) -> Message {
    message_of(&[bytes], Ok(spec(size)), stamps)
}

pub fn message_of(parts: &[Vec<u8>], spec: Result<FrameSpec>, stamps: &[f64]) -> Message {
    let charge = budget::process().take(0).unwrap();
    Message::new(parts, None, charge, spec, Stamping::new(stamps, 1e12), Place::Flow)
}

pub fn stamp(n: usize) -> f64 {
    1e12 + n as f64 * 1000.0 / FPS
}

pub fn push(writer: &ChunkWriter, message: Message) -> Receiver<Result<Accepted>> {
    let (tell, told) = channel();
    writer.push(message, Box::new(move |result| tell.send(result).unwrap()));
    told
}

pub fn push_frame(writer: &ChunkWriter, n: usize) -> Result<Accepted> {
    push(writer, message(frame(n, SIZE), SIZE, &[stamp(n)])).recv().unwrap()
}

pub fn seal(writer: &ChunkWriter) -> Result<Option<SealedChunk>> {
    let (tell, told) = channel();
    writer.seal(Box::new(move |result| tell.send(result).unwrap()));
    told.recv().unwrap()
}

pub fn sync(writer: &ChunkWriter) -> Result<()> {
    let (tell, told) = channel();
    writer.sync(Box::new(move |result| tell.send(result).unwrap()));
    told.recv().unwrap()
}

pub fn close(writer: &ChunkWriter) -> Result<()> {
    let (tell, told) = channel();
    writer.close(Box::new(move |result| tell.send(result).unwrap()));
    told.recv().unwrap()
}

/// The frames of a shard, by its own index: an independent reader of the format.
pub fn read_shard(path: &Path, frames: usize) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let index = &bytes[bytes.len() - 16 * frames - 4..bytes.len() - 4];
    let crc = u32::from_le_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
    assert_eq!(crc, atomscale_core::crc32c(index));
    let words: Vec<usize> =
        index.as_chunks().0.iter().map(|b| usize::try_from(u64::from_le_bytes(*b)).unwrap()).collect();
    words
        .as_chunks()
        .0
        .iter()
        .map(|&[offset, length]| {
            let mut gray = Vec::with_capacity(1 << 20);
            zstd_safe::decompress(&mut gray, &bytes[offset..offset + length]).unwrap();
            gray
        })
        .collect()
}

/// Names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
