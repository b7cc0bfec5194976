//! Matches, found for pictures: where the eight bytes ahead were seen last, and how far that goes.
//!
//! zstd's own search weighs short matches against long ones and looks at what was matched before. In a smooth picture
//! with a little noise nearly every place matches some place before, and then less is more: one table, matches of
//! eight bytes and more, and more places entered into the table, from which the next matches are nearer and longer.
//! Such a search waits for memory most of the time; so two parts of the picture are searched at once, each with a table
//! of its own, and one part's steps fill the other's waits.

use std::ops::Range;

use super::block::{self, Block, LEAST_MATCH as LEAST};

/// Bytes that a step reads at once.
const WIDE: usize = 16;
/// Places that a table remembers: all of it stays in the core's own cache.
const PLACES: usize = 1 << TABLE_LOG;
const TABLE_LOG: u32 = 14;
/// So many literals in a row, and the search takes longer steps: this is noise.
const PATIENCE: usize = 128;
/// The longest match.
const LONGEST: usize = block::MOST / 2;
/// Steps end so far before a block is full: with the literals of the last one and what is left at the end of a part.
const RESERVE: usize = 4 * WIDE;

/// What a part's search keeps from picture to picture.
pub(super) struct Memory {
    table: Box<[u32; PLACES]>,
    block: Block,
    /// Blocks written.
    blocks: Vec<u8>,
}

impl Default for Memory {
    fn default() -> Self {
        let table = vec![0; PLACES].try_into().expect("just so many");
        Self { table, block: Block::default(), blocks: Vec::new() }
    }
}

/// Two parts of `bytes` as blocks of a zstd frame: one up to `middle`, one from there on.
pub(super) fn find<'a>(bytes: &[u8], middle: usize, memories: &'a mut [Memory; 2]) -> [Blocks<'a>; 2] {
    let [memory, other_memory] = memories;
    let mut lane = Lane::new(bytes, 0..middle, memory);
    let mut other = Lane::new(bytes, middle..bytes.len(), other_memory);
    while lane.goes_on(bytes) && other.goes_on(bytes) {
        while lane.at < lane.pause && other.at < other.pause {
            lane.step(bytes);
            other.step(bytes);
        }
    }
    [lane.end(bytes), other.end(bytes)]
}

/// Blocks of a zstd frame.
pub(super) struct Blocks<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the last one begins.
    pub(super) last: usize,
}

/// A part under search.
struct Lane<'a> {
    /// Where eight bytes were last, by their hash; 0 where they were not.
    table: &'a mut [u32; PLACES],
    block: &'a mut Block,
    /// Room for all blocks.
    room: &'a mut [u8],
    at: usize,
    /// Steps begin before here, until the next block.
    pause: usize,
    /// Steps begin before here.
    stop: usize,
    /// Where the part ends.
    end: usize,
    /// Matches end here at the latest.
    most: usize,
    /// Where the block began.
    began: usize,
    /// Literals of the block.
    literals: usize,
    /// Those before the last match.
    matched: usize,
    /// Bytes of the blocks written.
    written: usize,
    /// Where the last of them begins.
    last: usize,
}

impl<'a> Lane<'a> {
    fn new(bytes: &[u8], part: Range<usize>, memory: &'a mut Memory) -> Self {
        let Range { start, end } = part;
        let Memory { table, block, blocks } = memory;
        table.fill(0);
        // No block but the last is shorter than half of what it may be.
        let room = part.len() + (part.len() / LONGEST + 2) * block::HEADER + block::ROOM;
        if blocks.len() < room {
            blocks.resize(room, 0);
        }
        // A step takes `WIDE` literals at most, and reads as much after what it takes.
        let stop = end.saturating_sub(WIDE).min(bytes.len().saturating_sub(2 * WIDE));
        let most = end.min(bytes.len().saturating_sub(WIDE));
        let mut lane = Self {
            table,
            block,
            room: blocks,
            at: start,
            pause: 0,
            stop,
            end,
            most,
            began: start,
            literals: 0,
            matched: 0,
            written: 0,
            last: 0,
        };
        // The table's 0 is the first byte of all, which has nothing before it.
        lane.take(bytes, end.min(start + 1));
        lane
    }

    /// Whether there are steps left in the part; ends a block that is full.
    fn goes_on(&mut self, bytes: &[u8]) -> bool {
        if self.at >= self.stop {
            return false;
        }
        if self.at + RESERVE >= self.began + block::MOST {
            self.end_block(bytes);
        }
        self.pause = self.stop.min(self.began + block::MOST - RESERVE);
        true
    }

    /// A literal, or a match.
    #[inline(always)]
    fn step(&mut self, bytes: &[u8]) {
        let at = self.at;
        let ahead = wide(bytes, at);
        let first = eight::<0>(ahead);
        let place = &mut self.table[hash(first)];
        let before = *place as usize;
        *place = at as u32;
        let behind = wide(bytes, before);
        if eight::<0>(behind) != first {
            let run = self.literals - self.matched;
            let literals = self.block.literals();
            literals[self.literals] = ahead[0];
            self.literals += 1;
            self.at = at + 1;
            if run >= PATIENCE {
                // This is noise.
                let more = (run / PATIENCE).min(WIDE - 1);
                literals[self.literals..][..more].copy_from_slice(&ahead[1..=more]);
                self.literals += more;
                self.at += more;
            }
            return;
        }
        let differ = eight::<8>(ahead) ^ eight::<8>(behind);
        let mut length = LEAST + (differ.trailing_zeros() / 8) as usize;
        if differ == 0 {
            length = same(&bytes[..self.most], at, before);
        }
        let end = at + length;
        if end - self.began > block::MOST {
            self.end_block(bytes);
            self.pause = self.stop.min(self.began + block::MOST - RESERVE);
        }
        self.block.put(self.literals - self.matched, length, at - before);
        self.matched = self.literals;
        // The places from which a match may begin next time.
        self.enter(eight::<1>(ahead), at + 1);
        self.enter(eight::<2>(ahead), at + 2);
        self.enter(eight::<3>(ahead), at + 3);
        self.enter(eight::<4>(ahead), at + 4);
        self.enter(eight::<5>(ahead), at + 5);
        self.enter(eight::<6>(ahead), at + 6);
        self.enter(eight::<7>(ahead), at + 7);
        let last = end - 2;
        self.enter(load(bytes, last), last);
        self.at = end;
    }

    /// Remembers where these eight bytes are.
    #[inline(always)]
    fn enter(&mut self, eight: u64, at: usize) {
        self.table[hash(eight)] = at as u32;
    }

    /// Ends the block before the place where it stands.
    #[inline(never)]
    fn end_block(&mut self, bytes: &[u8]) {
        let room = &mut self.room[self.written..];
        self.last = self.written;
        self.written += self.block.end(self.literals, &bytes[self.began..self.at], room);
        self.began = self.at;
        (self.literals, self.matched) = (0, 0);
    }

    /// Takes literals up to `end`.
    fn take(&mut self, bytes: &[u8], end: usize) {
        let taken = &bytes[self.at..end];
        self.block.literals()[self.literals..][..taken.len()].copy_from_slice(taken);
        self.literals += taken.len();
        self.at = end;
    }

    /// The rest.
    fn end(mut self, bytes: &[u8]) -> Blocks<'a> {
        while self.goes_on(bytes) {
            while self.at < self.pause {
                self.step(bytes);
            }
        }
        if self.end - self.began > block::MOST {
            self.end_block(bytes);
        }
        self.take(bytes, self.end);
        if self.at > self.began {
            self.end_block(bytes);
        }
        Blocks { bytes: &self.room[..self.written], last: self.last }
    }
}

/// The bytes from `at` on.
#[inline(always)]
fn wide(bytes: &[u8], at: usize) -> &[u8; WIDE] {
    bytes
        .get(at..at.wrapping_add(WIDE))
        .and_then(<[u8]>::first_chunk)
        .expect("the last step is far from the end")
}

/// Eight of them, from `FROM` on.
#[inline(always)]
fn eight<const FROM: usize>(wide: &[u8; WIDE]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&wide[FROM..FROM + 8]);
    u64::from_le_bytes(eight)
}

#[inline(always)]
fn hash(eight: u64) -> usize {
    // The multiplier is zstd's own for eight bytes.
    (eight.wrapping_mul(0xCF1B_BCDC_B7A5_6463) >> (64 - TABLE_LOG)) as usize
}

/// How far both places have the same bytes, of which `WIDE` are known; no more than the longest match.
#[inline(never)]
fn same(bytes: &[u8], at: usize, before: usize) -> usize {
    let end = bytes.len().min(at + LONGEST);
    let mut length = WIDE;
    while at + length + 8 <= end {
        let differ = load(bytes, at + length) ^ load(bytes, before + length);
        if differ != 0 {
            return length + (differ.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    length.min(end - at)
}

/// The eight bytes from `at` on.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
