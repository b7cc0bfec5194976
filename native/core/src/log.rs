//! The chunks of one stream on disk, one after the other: what [`crate::writer`] does in order, on one thread at a time.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::chunk::{Mark, OpenChunk, SealedChunk};
use crate::encode::{EncodedFrame, EncodedMessage};
use crate::error::{Error, Result, guarded};
use crate::frame::{Size, Tally};
use crate::journal::Header;
use crate::stamps::{Plan, Stamping, plan};

/// How a stream's chunks are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the chunk files are; must exist.
    pub folder: PathBuf,
    /// Number of the next chunk.
    pub next_number: u32,
    /// Frames a chunk.
    pub chunk_size: usize,
    /// Frames a second.
    pub fps: f64,
    /// Of the stream's frames, once known.
    pub size: Option<Size>,
}

/// Where a message's frames go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Place {
    /// Into the open chunk, and those after it.
    #[default]
    Flow,
    /// Into a chunk of the caller's, which may come in several messages, one behind the other.
    Chunk {
        /// Of the chunk in the stream.
        index: u64,
        /// Frames of it that earlier messages have brought. None: what is open is sealed first.
        before: usize,
        /// The next message brings more. If not, the chunk is sealed.
        more: bool,
    },
}

impl Place {
    /// A whole chunk in one message.
    pub fn whole(index: u64) -> Self {
        Self::Chunk { index, before: 0, more: false }
    }
}

/// What became of an accepted message.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Frames in it.
    pub frames: usize,
    /// Of each frame.
    pub size: Size,
    /// Of their samples.
    pub tally: Tally,
    /// Chunks sealed since the last answer.
    pub sealed: Vec<SealedChunk>,
}

/// See the module. A message is taken whole or not at all.
#[derive(Debug)]
pub struct ChunkLog {
    options: Options,
    /// The last takes frames; those before it, and it too when `due`, wait to be sealed.
    chunks: VecDeque<OpenChunk>,
    due: bool,
    /// Index of the open chunk when it is of the caller's and more of it is to come.
    unfinished: Option<u64>,
    /// Sealed, but the answer that should have said so was an error.
    untold: VecDeque<SealedChunk>,
}

impl ChunkLog {
    /// Touches no file.
    pub fn new(options: Options) -> Self {
        Self { options, chunks: VecDeque::new(), due: false, unfinished: None, untold: VecDeque::new() }
    }

    fn period(&self) -> f64 {
        1000.0 / self.options.fps
    }

    /// Frames in the chunk that takes frames.
    pub fn open_frames(&self) -> usize {
        self.open().and_then(OpenChunk::tail).map_or(0, |tail| tail.frames)
    }

    fn open(&self) -> Option<&OpenChunk> {
        self.chunks.back().filter(|_| !self.due)
    }

    /// Takes a message.
    ///
    /// An error means that none of its frames is on disk. Sealing what the message made full may fail without failing
    /// the message, whose frames are in an open chunk then: the next call tries again, and fails if that fails.
    pub fn append(
        &mut self,
        message: &EncodedMessage,
        stamping: &Stamping,
        place: Place,
    ) -> Result<Accepted> {
        let count = message.frames.len();
        self.check(message.size, count, place)?;
        let stamps = stamping.of_frames(count, self.period())?;
        self.seal_due()?;
        let plan = match place {
            Place::Chunk { before, .. } => {
                Plan { continues: before > 0, segments: std::iter::once(0..count).collect() }
            }
            Place::Flow => {
                let tail = self.open().filter(|_| self.unfinished.is_none()).and_then(OpenChunk::tail);
                plan(tail, &stamps, stamping, self.options.chunk_size, self.period())
            }
        };
        if !plan.continues && !self.chunks.is_empty() {
            self.due = true;
            self.seal_due()?;
        }
        let before: (usize, Option<Mark>) = (self.chunks.len(), self.chunks.back().map(OpenChunk::mark));
        let number = self.options.next_number;
        let written = guarded(|| {
            for (n, range) in plan.segments.iter().enumerate() {
                if n > 0 || !plan.continues {
                    self.start_chunk(message.size, place)?;
                }
                if let Some(chunk) = self.chunks.back_mut() {
                    let frames: &[EncodedFrame] = &message.frames[range.clone()];
                    chunk.append(frames, &stamps[range.clone()], stamping.given())?;
                }
            }
            Ok(())
        });
        if let Err(error) = written {
            self.undo(before, number);
            return Err(error);
        }
        self.options.size = Some(message.size);
        (self.due, self.unfinished) = match place {
            Place::Chunk { index, more, .. } => (!more, more.then_some(index)),
            Place::Flow => (self.open_frames() >= self.options.chunk_size, None),
        };
        // The frames are in; a chunk that cannot be sealed now stays due.
        let _ = guarded(|| self.seal_due());
        Ok(Accepted {
            frames: count,
            size: message.size,
            tally: message.tally,
            sealed: self.untold.drain(..).collect(),
        })
    }

    /// Seals the open chunk. Answers a chunk that no answer has named yet, the oldest first; None when there is none.
    pub fn seal(&mut self) -> Result<Option<SealedChunk>> {
        self.due = !self.chunks.is_empty();
        self.seal_due()?;
        Ok(self.untold.pop_front())
    }

    /// Makes all accepted frames outlive a power failure.
    pub fn sync(&mut self) -> Result<()> {
        self.chunks.iter_mut().try_for_each(OpenChunk::sync)
    }

    /// Syncs and lets go of all files, even when the sync fails.
    pub fn close(&mut self) -> Result<()> {
        let synced = self.sync();
        self.chunks.clear();
        self.due = false;
        self.unfinished = None;
        synced
    }

    fn check(&self, size: Size, count: usize, place: Place) -> Result<()> {
        if let Some(expected) = self.options.size.filter(|expected| *expected != size) {
            return Err(Error::shape(format!(
                "expected frames of {expected} like the stream's first, got {size}; finalize the stream before the \
                 frame size changes"
            )));
        }
        let Place::Chunk { index, before, .. } = place else { return Ok(()) };
        if before > 0 && (self.unfinished, self.open_frames()) != (Some(index), before) {
            return Err(Error::native(format!(
                "expected a part of chunk {index} behind its first {before} frames, which are not there; send it whole"
            )));
        }
        let count = before + count;
        if count > self.options.chunk_size {
            return Err(Error::shape(format!(
                "expected at most {} frames for one chunk, got {count}; send fewer at once or raise the chunk size",
                self.options.chunk_size
            )));
        }
        Ok(())
    }

    fn start_chunk(&mut self, size: Size, place: Place) -> Result<()> {
        let number = self.options.next_number;
        let chunk_index = match place {
            Place::Chunk { index, .. } => index,
            Place::Flow => number.into(),
        };
        let header = Header { size, chunk_index };
        self.chunks.push_back(OpenChunk::create(&self.options.folder, number, header)?);
        self.options.next_number += 1;
        Ok(())
    }

    /// Takes back what a message that failed has written.
    fn undo(&mut self, (chunks, mark): (usize, Option<Mark>), number: u32) {
        self.chunks.drain(chunks..).rev().for_each(OpenChunk::discard);
        self.options.next_number = number;
        if let (Some(chunk), Some(mark)) = (self.chunks.back_mut(), mark) {
            chunk.rewind(mark);
        }
    }

    /// Seals, oldest first, all chunks that take no more frames.
    fn seal_due(&mut self) -> Result<()> {
        let period = self.period();
        let keep = usize::from(!self.due);
        while self.chunks.len() > keep {
            let Some(chunk) = self.chunks.front_mut() else { break };
            let sealed = chunk.seal(period)?;
            self.untold.push_back(sealed);
            self.chunks.pop_front();
        }
        self.due = self.due && !self.chunks.is_empty();
        if self.chunks.is_empty() {
            self.unfinished = None;
        }
        Ok(())
    }
}
