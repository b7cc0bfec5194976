//! What a crash left of a chunk: checked against its journal, cut at the first record that does not hold, sealed.
//!
//! The states that a crash can leave, by the order in which [`crate::chunk`] does things:
//! an empty journal, with or without an empty part (removed); frames and journal, torn or not; all frames and a piece
//! of the index; all of that and a sidecar; shard and journal. Anything else is reported and left untouched.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::chunk::{OpenChunk, SealedChunk, describe};
use crate::compress::content_size;
use crate::error::{Error, Result};
use crate::files::{self, ChunkFiles};
use crate::journal::{HEADER, Header, RECORD, Record};
use crate::{shard, sidecar};

/// What became of a chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// The chunk, if it had frames that hold.
    pub sealed: Option<SealedChunk>,
    /// Frames that hold.
    pub frames_kept: usize,
    /// Bytes cut off the part.
    pub bytes_cut: u64,
    /// What did not hold. With `sealed` None too: the files were left as they are. Both None: there was nothing.
    pub damaged: Option<String>,
}

impl Recovered {
    fn untouched(damaged: impl Into<String>) -> Self {
        Self { sealed: None, frames_kept: 0, bytes_cut: 0, damaged: Some(damaged.into()) }
    }
}

/// Recovers chunk `number` of `folder`. Calling it again after a crash or an error in it does no harm.
pub fn recover(folder: &Path, number: u32, fps: f64) -> Result<Recovered> {
    if !(fps > 0.0 && fps.is_finite()) {
        return Err(Error::native(format!("expected frames per second above 0, got {fps}; check it before")));
    }
    let files = ChunkFiles::new(folder, number);
    let period = 1000.0 / fps;
    let Some(journal) = read_if_there(&files.open)? else {
        return Ok(Recovered::untouched(format!("expected a journal {}, found none", files.open.display())));
    };
    let part = length_if_there(&files.part)?;
    let shard = length_if_there(&files.shard)?;
    let header = journal.first_chunk::<HEADER>().and_then(Header::decode);
    if part.unwrap_or(0) == 0
        && shard.is_none()
        && (journal.len() < HEADER || journal.len() == HEADER && header.is_some())
    {
        files::remove(&files.part)?;
        files::remove(&files.open)?;
        return Ok(Recovered { sealed: None, frames_kept: 0, bytes_cut: 0, damaged: None });
    }
    let Some(header) = header else {
        return Ok(Recovered::untouched("the journal's header does not hold"));
    };
    match (part, shard) {
        (Some(length), None) => finish_part(files, number, header, &journal, length, period),
        (None, Some(length)) => finish_shard(&files, number, header, &journal, length, period),
        (None, None) => Ok(Recovered::untouched("the frames are missing, the journal alone is there")),
        (Some(_), Some(_)) => {
            Ok(Recovered::untouched("there are both a sealed and an open chunk of this number"))
        }
    }
}

/// An unsealed chunk.
fn finish_part(
    files: ChunkFiles,
    number: u32,
    header: Header,
    journal: &[u8],
    length: u64,
    period: f64,
) -> Result<Recovered> {
    let mut walked = walk(&files.part, header, journal, length)?;
    let frames_kept = walked.records.len();
    let kept = walked.records.last().map_or(0, Record::end);
    let bytes_cut = if walked.index.is_some() { 0 } else { length - kept };
    if frames_kept == 0 {
        let damaged = walked.damaged.unwrap_or_else(|| "no frame in it was journalled".into());
        return Ok(Recovered::untouched(damaged));
    }
    if walked.damaged.is_none() && bytes_cut > 0 {
        walked.damaged = Some(format!("{bytes_cut} bytes behind the last journalled frame"));
    }
    let mut chunk = OpenChunk::reopen(files, number, header, walked.records, walked.crc)?;
    let sealed = Some(chunk.seal(period)?);
    Ok(Recovered { sealed, frames_kept, bytes_cut, damaged: walked.damaged })
}

/// A chunk that was sealed but for the last steps: all of it must hold.
fn finish_shard(
    files: &ChunkFiles,
    number: u32,
    header: Header,
    journal: &[u8],
    length: u64,
    period: f64,
) -> Result<Recovered> {
    let walked = walk(&files.shard, header, journal, length)?;
    let Some(index) = walked.index.filter(|index| walked.damaged.is_none() && index.whole) else {
        let what = walked.damaged.unwrap_or_else(|| "its index is not that of the journal".into());
        return Ok(Recovered::untouched(format!("the sealed chunk does not hold: {what}")));
    };
    let sealed = describe(number, &header, &walked.records, period)?;
    if !fs::read_to_string(&files.sidecar).is_ok_and(|text| sidecar::holds(&text)) {
        let crc = crc32c::crc32c_append(walked.crc, &index.bytes);
        files::write_aside(&files.sidecar, &sidecar::text(&sealed, crc))?;
    }
    files::sync_folder(&files.folder)?;
    files::remove(&files.open)?;
    Ok(Recovered { frames_kept: sealed.frames, sealed: Some(sealed), bytes_cut: 0, damaged: None })
}

/// What of a chunk holds.
struct Walked {
    records: Vec<Record>,
    /// crc32c of their frames.
    crc: u32,
    /// Set: exactly these frames are followed by their index, or the beginning of it, and by nothing else.
    index: Option<Index>,
    /// The first thing that does not hold.
    damaged: Option<String>,
}

struct Index {
    bytes: Vec<u8>,
    whole: bool,
}

/// Walks the journal along the frames in `path`, a file of `length` bytes.
fn walk(path: &Path, header: Header, journal: &[u8], length: u64) -> Result<Walked> {
    let unreadable = |error: io::Error| Error::io("read", path, &error);
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let (whole, torn) = journal[HEADER..].as_chunks::<RECORD>();
    let mut walked = Walked { records: Vec::new(), crc: 0, index: None, damaged: None };
    let mut frame = Vec::new();
    let mut end = 0;
    for (n, bytes) in whole.iter().enumerate() {
        let Some(record) = Record::decode(bytes).filter(|record| record.offset == end) else {
            walked.damaged = Some(format!("journal record {n} does not hold"));
            break;
        };
        if record.end() > length {
            walked.damaged = Some(format!("frame {n} is cut short"));
            break;
        }
        frame.resize(record.length as usize, 0);
        file.read_exact(&mut frame).map_err(unreadable)?;
        if crc32c::crc32c(&frame) != record.frame_crc || content_size(&frame) != Some(header.size.pixels()) {
            walked.damaged = Some(format!("frame {n} does not hold"));
            break;
        }
        walked.crc = crc32c::crc32c_append(walked.crc, &frame);
        end = record.end();
        walked.records.push(record);
    }
    if walked.damaged.is_none() && !torn.is_empty() {
        walked.damaged = Some(format!("journal record {} is cut short", whole.len()));
    }
    if walked.damaged.is_none() {
        let bytes = shard::index(walked.records.iter().map(|record| record.length));
        let mut behind = Vec::new();
        file.take(bytes.len() as u64 + 1).read_to_end(&mut behind).map_err(unreadable)?;
        walked.index = bytes.starts_with(&behind).then(|| Index { whole: behind == bytes, bytes });
    }
    Ok(walked)
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

fn length_if_there(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(about) => Ok(Some(about.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", path, &error)),
    }
}
