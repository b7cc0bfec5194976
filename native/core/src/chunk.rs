//! One open chunk: `NNNNNN.part` with frames, `NNNNNN.open` with its journal (see [`crate::journal`]), until sealing
//! makes them `NNNNNN.shard` with `NNNNNN.json` beside it.
//!
//! Sealing: index appended to the part (see [`crate::shard`]) and synced; sidecar written aside, synced, renamed; part
//! renamed to shard; folder synced; journal removed. A crash at any point leaves what [`crate::recover`] can finish.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::encode::EncodedFrame;
use crate::error::{Error, Result};
use crate::files::{self, ChunkFiles};
use crate::frame::Size;
use crate::journal::{HEADER, Header, RECORD, Record};
use crate::stamps::{Tail, frames};
use crate::{crc, shard, sidecar};

/// What is known of a sealed chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct SealedChunk {
    /// Of its files.
    pub number: u32,
    /// Its place in the stream.
    pub chunk_index: u64,
    /// Frames in it.
    pub frames: usize,
    /// Of each frame.
    pub size: Size,
    /// When its first frame was taken, Unix ms, without clock correction.
    pub start_ms: f64,
    /// Of the shard file.
    pub bytes: u64,
}

/// A chunk that frames are appended to. Dropping it leaves its files as they are.
#[derive(Debug)]
pub struct OpenChunk {
    files: ChunkFiles,
    number: u32,
    header: Header,
    part: File,
    journal: File,
    records: Vec<Record>,
    /// crc32c of the frames in the part.
    crc: u32,
    /// Bytes may stand behind the last whole frame or record, left by a write that failed.
    ragged: bool,
    /// The folder knows the files' names even after a power failure.
    named: bool,
    /// The part has become the shard.
    renamed: bool,
}

/// The disk begins with what was appended whenever so many bytes more have come: the sync that seals a chunk then has
/// little left to wait for.
const WRITEBACK: u64 = 4 << 20;

impl OpenChunk {
    /// Makes the files of a new chunk. Never overwrites an earlier one.
    pub fn create(folder: &Path, number: u32, header: Header) -> Result<Self> {
        let files = ChunkFiles::new(folder, number);
        if files.shard.exists() {
            return Err(Error::spool(format!(
                "expected no chunk {number} yet, found {}; start numbering after the last chunk",
                files.shard.display()
            )));
        }
        let journal = files::create(&files.open)?;
        let part = files::create(&files.part).inspect_err(|_| {
            // Ours and empty; should this fail too, recovery takes an empty journal for what it is.
            let _ = files::remove(&files.open);
        })?;
        let records = Vec::new();
        Ok(Self {
            files,
            number,
            header,
            part,
            journal,
            records,
            crc: 0,
            ragged: false,
            named: false,
            renamed: false,
        })
    }

    /// Takes up a chunk of which `records` hold; whatever stands behind them is cut off at the next write or seal.
    /// `crc` is the crc32c of their frames.
    pub(crate) fn reopen(
        files: ChunkFiles,
        number: u32,
        header: Header,
        records: Vec<Record>,
        crc: u32,
    ) -> Result<Self> {
        let part = files::open(&files.part)?;
        let journal = files::open(&files.open)?;
        let (ragged, named, renamed) = (true, true, false);
        Ok(Self { files, number, header, part, journal, records, crc, ragged, named, renamed })
    }

    /// Frames in it, and when the last was taken.
    pub fn tail(&self) -> Option<Tail> {
        self.records.last().map(|last| Tail { frames: self.records.len(), stamp: last.stamp })
    }

    /// A point to come back to by [`Self::rewind`].
    pub fn mark(&self) -> Mark {
        Mark { records: self.records.len(), crc: self.crc }
    }

    /// Forgets what was appended after `mark` and cuts it off. Should the disk refuse even that, it is cut off before
    /// the next write.
    pub fn rewind(&mut self, mark: Mark) {
        self.records.truncate(mark.records);
        self.crc = mark.crc;
        self.ragged = true;
        let _ = self.cut();
    }

    /// Appends frames with one write to each file.
    pub fn append(&mut self, new: &[EncodedFrame], stamps: &[f64], given: bool) -> Result<()> {
        self.cut()?;
        let mut journal = Vec::with_capacity(HEADER + RECORD * new.len());
        if self.records.is_empty() {
            journal.extend(self.header.encode());
        }
        let mut offset = self.length();
        let mut records = Vec::with_capacity(new.len());
        for (frame, &stamp) in new.iter().zip(stamps) {
            let length = u32::try_from(frame.bytes.len())
                .map_err(|_| Error::shape("a compressed frame exceeds 4 GiB; crop it"))?;
            let record = Record { offset, length, given, stamp, frame_crc: frame.crc };
            offset = record.end();
            journal.extend(record.encode());
            records.push(record);
        }
        self.ragged = true;
        let frames = new.iter().map(|frame| &*frame.bytes);
        files::write_all(&mut self.part, frames)
            .map_err(|error| Error::io("write", &self.files.part, &error))?;
        self.journal.write_all(&journal).map_err(|error| Error::io("write", &self.files.open, &error))?;
        self.ragged = false;
        let add = |crc, frame: &EncodedFrame| crc::combine(crc, frame.crc, frame.bytes.len());
        self.crc = new.iter().fold(self.crc, add);
        let before = self.length();
        self.records.extend(records);
        if before / WRITEBACK < self.length() / WRITEBACK {
            files::begin_writeback(&self.part);
        }
        Ok(())
    }

    /// Makes all appended frames outlive a power failure: the part, then the journal, which speaks of it.
    pub fn sync(&mut self) -> Result<()> {
        if self.renamed {
            return files::sync_folder(&self.files.folder);
        }
        self.part.sync_data().map_err(|error| Error::io("sync", &self.files.part, &error))?;
        self.journal.sync_data().map_err(|error| Error::io("sync", &self.files.open, &error))?;
        if !self.named {
            files::sync_folder(&self.files.folder)?;
            self.named = true;
        }
        Ok(())
    }

    /// Turns the chunk into a shard. After an error the chunk stays as it was, and this can be called again.
    pub fn seal(&mut self, period: f64) -> Result<SealedChunk> {
        let sealed = self.describe(period)?;
        if !self.renamed {
            self.cut()?;
            let index = shard::index(self.records.iter().map(|record| record.length));
            self.ragged = true;
            self.part
                .write_all(&index)
                .and_then(|()| self.part.sync_data())
                .map_err(|error| Error::io("write", &self.files.part, &error))?;
            let crc = crc32c::crc32c_append(self.crc, &index);
            files::write_aside(&self.files.sidecar, &sidecar::text(&sealed, crc))?;
            files::rename(&self.files.part, &self.files.shard)?;
            self.renamed = true;
        }
        files::sync_folder(&self.files.folder)?;
        files::remove(&self.files.open)?;
        Ok(sealed)
    }

    /// Removes the files of a chunk that was made in vain.
    pub fn discard(self) {
        // What cannot be removed is an unconfirmed rest, which recovery will meet and report.
        let _ = files::remove(&self.files.part);
        let _ = files::remove(&self.files.open);
    }

    fn describe(&self, period: f64) -> Result<SealedChunk> {
        describe(self.number, &self.header, &self.records, period)
    }

    /// Bytes of the frames in the part.
    fn length(&self) -> u64 {
        self.records.last().map_or(0, Record::end)
    }

    /// Cuts both files back to whole frames and records.
    fn cut(&mut self) -> Result<()> {
        if !self.ragged {
            return Ok(());
        }
        let journal = match self.records.len() {
            0 => 0,
            n => HEADER + RECORD * n,
        };
        let length = self.length();
        set_end(&mut self.part, length).map_err(|error| Error::io("shorten", &self.files.part, &error))?;
        set_end(&mut self.journal, journal as u64)
            .map_err(|error| Error::io("shorten", &self.files.open, &error))?;
        self.ragged = false;
        Ok(())
    }
}

/// A state of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    records: usize,
    crc: u32,
}

fn set_end(file: &mut File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length)).map(|_| ())
}

/// What a chunk of these records will be called when sealed. A chunk whose first frame was stamped on arrival ends
/// when its last frame arrived, and its start is reckoned back from there.
pub(crate) fn describe(number: u32, header: &Header, records: &[Record], period: f64) -> Result<SealedChunk> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else {
        return Err(Error::native("a chunk without frames cannot be sealed; please report it"));
    };
    let start_ms =
        if first.given { first.stamp } else { (last.stamp + period) - frames(records.len()) * period };
    Ok(SealedChunk {
        number,
        chunk_index: header.chunk_index,
        frames: records.len(),
        size: header.size,
        start_ms,
        bytes: last.end() + shard::index_length(records.len()) as u64,
    })
}
