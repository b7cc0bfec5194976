//! One zstd frame an image, as the inner codec of the shard wants it: content size written, no checksum.

use std::cell::RefCell;

use zstd_safe::CParameter;

use crate::coder::Coder;
use crate::error::{Error, Result};
use crate::memory::Buffer;

/// How zstd is to work. All of it is zstd: what reads level 3 reads this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// For people.
    pub name: &'static str,
    /// What all that is not said here comes from.
    pub level: i32,
    /// How matches are found.
    pub search: Search,
    /// Bytes that share one table of symbols: small blocks follow the brightness from row to row.
    pub block: Option<u32>,
}

/// How matches are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// As the level does.
    Level,
    /// By zstd, told how.
    Zstd(Parameters),
    /// By this crate (`coder`).
    Own,
}

/// See `ZSTD_compressionParameters` in zstd.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "zstd's own names")]
pub struct Parameters {
    pub strategy: Strategy,
    pub window_log: u32,
    /// Of all tables.
    pub table_log: u32,
    pub search_log: u32,
    pub min_match: u32,
    /// For `Fast`: how far each step goes; as large as a block it finds nothing, and symbols alone are coded.
    pub target_length: u32,
}

/// zstd's strategies, as far as they are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "zstd's own names")]
pub enum Strategy {
    Fast,
    DoubleFast,
    Lazy,
}

impl Way {
    /// A level of zstd as it is.
    pub const fn level(level: i32) -> Self {
        Self { name: "level", level, search: Search::Level, block: None }
    }

    /// What zstd has to be told, for rows of `row` bytes.
    fn parameters(&self, row: usize) -> impl Iterator<Item = CParameter> {
        let search = match self.search {
            Search::Zstd(parameters) => Some(parameters),
            Search::Level | Search::Own => None,
        };
        let search = search.into_iter().flat_map(|search| {
            let strategy = match search.strategy {
                Strategy::Fast => zstd_safe::Strategy::ZSTD_fast,
                Strategy::DoubleFast => zstd_safe::Strategy::ZSTD_dfast,
                Strategy::Lazy => zstd_safe::Strategy::ZSTD_lazy,
            };
            [
                CParameter::Strategy(strategy),
                CParameter::WindowLog(search.window_log),
                CParameter::HashLog(search.table_log),
                CParameter::ChainLog(search.table_log),
                CParameter::SearchLog(search.search_log),
                CParameter::MinMatch(search.min_match),
                CParameter::TargetLength(search.target_length),
                // `Fast` with a target length would else leave out the coding of symbols.
                CParameter::LiteralCompressionMode(zstd_safe::ParamSwitch::Enable),
            ]
        });
        let block = self.block.map(|block| CParameter::MaxBlockSize(whole_rows(block, row)));
        std::iter::once(CParameter::CompressionLevel(self.level)).chain(search).chain(block)
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.search {
            Search::Level => write!(f, "level {}", self.level),
            Search::Zstd(_) | Search::Own => f.write_str(self.name),
        }
    }
}

/// The largest number of whole rows that fits into a block, or the block where not one does: blocks that end with a row
/// see the same columns.
fn whole_rows(block: u32, row: usize) -> u32 {
    /// The least that zstd takes.
    const LEAST: u32 = 1024;
    match u32::try_from(row) {
        Ok(row) if (1..=block).contains(&row) => (block / row * row).max(LEAST),
        _ => block,
    }
}

fn refused(code: zstd_safe::ErrorCode) -> Error {
    Error::native(format!("zstd cannot compress a frame: {}", zstd_safe::get_error_name(code)))
}

/// Compresses frame after frame; made anew for each it would cost as much as a frame.
pub struct Compressor {
    context: zstd_safe::CCtx<'static>,
    /// What the context was told last.
    told: Option<(Way, usize)>,
    /// For [`Search::Own`], once that is asked for.
    own: Option<Coder>,
    /// For the others.
    room: Vec<u8>,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { context: zstd_safe::CCtx::create(), told: None, own: None, room: Vec::new() }
    }
}

impl Compressor {
    /// `bytes`, rows of `row` bytes, as one zstd frame.
    pub fn compress(&mut self, bytes: &[u8], row: usize, way: &Way) -> Result<Buffer> {
        if way.search == Search::Own {
            return Ok(self.own.get_or_insert_default().compress(bytes, row));
        }
        if self.told != Some((*way, row)) {
            self.told = None;
            self.context.reset(zstd_safe::ResetDirective::SessionAndParameters).map_err(refused)?;
            for parameter in way.parameters(row) {
                self.context.set_parameter(parameter).map_err(refused)?;
            }
            self.told = Some((*way, row));
        }
        self.room.clear();
        self.room.reserve(zstd_safe::compress_bound(bytes.len()));
        self.context.compress2(&mut self.room, bytes).map_err(refused)?;
        Ok(Buffer::copy(&self.room))
    }
}

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::default();
}

/// `bytes`, rows of `row` bytes, as one zstd frame.
pub fn compress(bytes: &[u8], row: usize, way: &Way) -> Result<Buffer> {
    COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(bytes, row, way))
}

/// Levels that zstd knows.
pub fn levels() -> std::ops::RangeInclusive<i32> {
    zstd_safe::min_c_level()..=zstd_safe::max_c_level()
}
/// The bytes a zstd frame says it holds, None when it does not say or is none.
pub fn content_size(frame: &[u8]) -> Option<u64> {
    zstd_safe::get_frame_content_size(frame).ok().flatten()
}

/// Bytes of the zstd frame that `bytes` begin with, None when they begin with no whole one.
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    zstd_safe::find_frame_compressed_size(bytes).ok()
}

/// The `size` bytes that `frame` holds, None unless it is one whole zstd frame of just so many. Takes no more memory
/// than that, whatever the frame says.
pub fn decompress(frame: &[u8], size: usize) -> Option<Vec<u8>> {
    if frame_length(frame) != Some(frame.len()) || content_size(frame) != u64::try_from(size).ok() {
        return None;
    }
    let mut bytes = Vec::with_capacity(size);
    zstd_safe::decompress(&mut bytes, frame).ok()?;
    (bytes.len() == size).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_just_what_was_compressed_or_nothing() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| (n * n % 251) as u8).collect();
        let frame = compress(&bytes, 50, &Way::level(1)).unwrap();
        assert_eq!(decompress(&frame, 5000), Some(bytes));
        assert_eq!(decompress(&frame, 4999), None);
        assert_eq!(decompress(&frame, 5001), None);
        for length in 0..frame.len() {
            assert_eq!(decompress(&frame[..length], 5000), None, "cut at {length}");
        }
        let twice = [&*frame, &*frame].concat();
        assert_eq!(decompress(&twice, 5000), None, "two frames");
        assert_eq!(frame_length(&twice), Some(frame.len()));
        assert_eq!(frame_length(&frame[1..]), None);
    }

    #[test]
    fn says_its_size_and_has_no_checksum() {
        for level in [1, 3, 9] {
            let bytes: Vec<u8> = (0..5000u32).map(|n| (n * n % 251) as u8).collect();
            let frame = compress(&bytes, 50, &Way::level(level)).unwrap();
            assert_eq!(content_size(&frame), Some(5000));
            let descriptor = frame[4];
            assert_eq!(descriptor & 0b100, 0, "checksum flag (RFC 8878, 3.1.1.1.1)");
            let mut back = Vec::with_capacity(5000);
            zstd_safe::decompress(&mut back, &frame).unwrap();
            assert_eq!(back, bytes);
        }
        assert_eq!(content_size(b"not zstd"), None);
    }
}
