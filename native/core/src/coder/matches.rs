//! Matches, found for pictures: where the eight bytes ahead were seen last, and how far that goes.
//!
//! zstd's own search weighs short matches against long ones and looks at what was matched before. In a smooth picture
//! with a little noise nearly every place matches some place before, and then less is more: one table, matches of
//! eight bytes and more, and more places entered into the table, from which the next matches are nearer and longer.
//! Such a search waits for memory most of the time; so both halves of the picture are searched at once, each with a
//! table of its own, and one's steps fill the other's waits. Whichever is done takes a block of the other half.

use std::ops::Range;

use super::block::{Block, LEAST_MATCH as LEAST};
use super::written::Written;

/// Bytes that a step reads at once.
const WIDE: usize = 16;
/// Places that a table remembers: all of it stays in the core's own cache.
const PLACES: usize = 1 << TABLE_LOG;
const TABLE_LOG: u32 = 15;
/// So many literals in a row, and the search takes longer steps: this is noise.
const PATIENCE: usize = 128;

/// What a search keeps from picture to picture.
pub(super) struct Memory {
    /// Where eight bytes were last, by their hash; 0 where they were not.
    table: Box<[u32; PLACES]>,
    block: Block,
}

impl Default for Memory {
    fn default() -> Self {
        Self { table: vec![0; PLACES].try_into().expect("just so many"), block: Block::default() }
    }
}

twice! {
    /// Writes `bytes` as blocks of `length` bytes each.
    pub(super) fn find(bytes: &[u8], length: usize, memories: &mut [Memory; 2], written: &mut Written) {
        let first = written.count();
        let blocks = bytes.len().div_ceil(length);
        let mut left = [0..blocks / 2, blocks / 2..blocks];
        let mut lanes = memories.each_mut().map(Lane::new);
        loop {
            let [lane, other] = &mut lanes;
            while lane.goes_on() && other.goes_on() {
                lane.step(bytes);
                other.step(bytes);
            }
            let done = usize::from(lane.goes_on());
            lanes[done].end(bytes, written);
            // Of its own half first, then of what the other has left.
            let Some(next) = left[done].next().or_else(|| left[1 - done].next()) else { break };
            lanes[done].begin(bytes, next * length..bytes.len().min((next + 1) * length));
        }
        for mut lane in lanes {
            while lane.goes_on() {
                lane.step(bytes);
            }
            lane.end(bytes, written);
        }
        written.order(first);
    }
}

/// A block under search, or none.
struct Lane<'a> {
    table: &'a mut [u32; PLACES],
    block: &'a mut Block,
    at: usize,
    /// Steps begin before here.
    stop: usize,
    /// Where the block begins and ends.
    range: Range<usize>,
    /// Matches end here at the latest.
    most: usize,
    /// Literals of the block.
    literals: usize,
    /// Those before the last match.
    matched: usize,
}

impl<'a> Lane<'a> {
    fn new(Memory { table, block }: &'a mut Memory) -> Self {
        table.fill(0);
        Self { table, block, at: 0, stop: 0, range: 0..0, most: 0, literals: 0, matched: 0 }
    }

    fn begin(&mut self, bytes: &[u8], range: Range<usize>) {
        let Range { start, end } = range;
        // A step takes `WIDE` literals at most, and reads as much after what it takes.
        self.stop = end.saturating_sub(WIDE).min(bytes.len().saturating_sub(2 * WIDE));
        self.most = end.min(bytes.len().saturating_sub(WIDE));
        if start < self.at {
            // What it knows is still to come.
            self.table.fill(0);
        }
        self.block.begin();
        (self.at, self.range) = (start, range);
        (self.literals, self.matched) = (0, 0);
        if start == 0 {
            // The table's 0 is the first byte of all, which has nothing before it.
            self.take(bytes, 1);
        }
    }

    #[inline(always)]
    fn goes_on(&self) -> bool {
        self.at < self.stop
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
        // Most matches are short: the next step most likely begins here or soon after.
        fetch(bytes, self.table[hash(eight::<8>(ahead))] as usize);
        let differ = eight::<8>(ahead) ^ eight::<8>(behind);
        let mut length = LEAST + (differ.trailing_zeros() / 8) as usize;
        if differ == 0 {
            length = same(&bytes[..self.most], at, before);
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
        self.at = at + length;
    }

    /// Remembers where these eight bytes are.
    #[inline(always)]
    fn enter(&mut self, eight: u64, at: usize) {
        self.table[hash(eight)] = at as u32;
    }

    /// Takes literals up to `end`.
    fn take(&mut self, bytes: &[u8], end: usize) {
        let taken = &bytes[self.at..end];
        self.block.literals()[self.literals..][..taken.len()].copy_from_slice(taken);
        self.literals += taken.len();
        self.at = end;
    }

    /// Takes the rest of the block and writes it, if there is one.
    #[inline(never)]
    fn end(&mut self, bytes: &[u8], written: &mut Written) {
        let range = std::mem::take(&mut self.range);
        if !range.is_empty() {
            self.take(bytes, range.end);
            written.add(range.start, |room| self.block.end(self.literals, &bytes[range], room));
        }
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
    // The multiplier is zstd's own for eight bytes. The lowest bits of the product are those of the first pixel's gray
    // alone, and say the eighth of the table: in a part of the picture that has a few grays the same eighths are used
    // again and again, and stay near.
    const EIGHTHS: u32 = 3;
    eight.wrapping_mul(0xCF1B_BCDC_B7A5_6463).rotate_left(TABLE_LOG - EIGHTHS) as usize % PLACES
}

/// Brings what is at `at` near, while something else is done.
#[inline(always)]
fn fetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, wherever it points; and every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(at).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}

/// How far both places have the same bytes, of which `WIDE` are known.
#[inline(never)]
fn same(bytes: &[u8], at: usize, before: usize) -> usize {
    let end = bytes.len();
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
