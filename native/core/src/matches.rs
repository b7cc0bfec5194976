//! Matches for zstd, found for pictures: where the eight bytes ahead were seen last, and how far that goes.
//!
//! zstd's own search weighs short matches against long ones and looks at what was matched before. In a smooth picture
//! with a little noise nearly every place matches some place before, and then less is more: one table, matches of
//! eight bytes and more, and more places entered into the table, from which the next matches are nearer and longer.
//! Such a search waits for memory most of the time; so two parts of the picture are searched at once, each with a table
//! of its own, and one part's steps fill the other's waits.

#![expect(clippy::cast_possible_truncation, reason = "places and lengths are below 2^21")]
#![expect(clippy::inline_always, reason = "both parts' states are to stay in registers")]

use std::ops::Range;
use std::slice;

use zstd_safe::zstd_sys::ZSTD_Sequence as Sequence;

/// Bytes that are looked for, the least length of a match.
const LEAST: usize = 8;
/// Bytes that a step reads at once.
const WIDE: usize = 16;
/// Places that a table remembers: all of it stays in the core's own cache.
const PLACES: usize = 1 << TABLE_LOG;
const TABLE_LOG: u32 = 14;
/// The most bytes of a block (RFC 8878, 3.1.1.2.4).
const BLOCK: usize = 128 << 10;
/// Two parts are no longer than the window, so that no match reaches beyond it.
pub(crate) const WINDOW_LOG: u32 = 21;
/// Bytes after the last literal that zstd may read.
pub(crate) const SLACK: usize = WIDE;
/// So many literals in a row, and the search takes longer steps: this is noise.
const PATIENCE: usize = 128;

/// Finds matches; keeps its memory from picture to picture.
pub(crate) struct Matches {
    tables: [Box<[u32; PLACES]>; 2],
    sequences: Vec<Sequence>,
    literals: Vec<u8>,
}

/// A picture as matches and the bytes between them.
pub(crate) struct Found<'a> {
    /// Each block ends with a sequence without a match.
    pub(crate) sequences: &'a [Sequence],
    /// All literals, and `SLACK` bytes more.
    pub(crate) literals: &'a [u8],
}

impl Default for Matches {
    fn default() -> Self {
        let table = || vec![0; PLACES].try_into().expect("just so many");
        Self { tables: [table(), table()], sequences: Vec::new(), literals: Vec::new() }
    }
}

impl Matches {
    /// All of `bytes`, rows of `row` bytes: parts begin with a row.
    pub(crate) fn find(&mut self, bytes: &[u8], row: usize) -> Found<'_> {
        let part = part_length(bytes.len(), row);
        let (sequences_a_part, literals_a_part) = (most_sequences(part), part + SLACK);
        let parts = bytes.len().div_ceil(part);
        let rooms = parts.next_multiple_of(2).max(2);
        grow(&mut self.sequences, rooms * sequences_a_part, NONE);
        grow(&mut self.literals, rooms * literals_a_part, 0);
        let (mut sequences, mut literals) = (0, 0);
        let [table, other_table] = &mut self.tables;
        for pair in bytes.chunks(2 * part) {
            let middle = part.min(pair.len());
            // What is there already stays; the rooms begin after it.
            let (room, other_room) =
                self.sequences[sequences..][..2 * sequences_a_part].split_at_mut(sequences_a_part);
            let (literal_room, other_literal_room) = self.literals[literals..].split_at_mut(literals_a_part);
            let mut lane = Lane::new(pair, 0..middle, table, room, literal_room);
            let mut other_lane =
                Lane::new(pair, middle..pair.len(), other_table, other_room, other_literal_room);
            while lane.goes_on() && other_lane.goes_on() {
                lane.step(pair);
                other_lane.step(pair);
            }
            let (ended, other_ended) =
                (lane.end(pair, sequences_a_part), other_lane.end(pair, sequences_a_part));
            let (from, literals_from) = (sequences + sequences_a_part, literals + literals_a_part);
            sequences += ended.0;
            literals += ended.1;
            self.sequences.copy_within(from..from + other_ended.0, sequences);
            self.literals.copy_within(literals_from..literals_from + other_ended.1, literals);
            sequences += other_ended.0;
            literals += other_ended.1;
        }
        if bytes.is_empty() {
            self.sequences[0] = NONE;
            sequences = 1;
        }
        Found { sequences: &self.sequences[..sequences], literals: &self.literals[..literals + SLACK] }
    }
}

/// No match.
const NONE: Sequence = Sequence { offset: 0, litLength: 0, matchLength: 0, rep: 0 };

/// Half of the picture, in whole rows if they fit, or as much as the window holds.
fn part_length(length: usize, row: usize) -> usize {
    const MOST: usize = 1 << (WINDOW_LOG - 1);
    let half = length.div_ceil(2).clamp(1, MOST);
    match half.checked_next_multiple_of(row.max(1)) {
        Some(rows) if rows <= MOST => rows,
        _ => half,
    }
}

/// Sequences that a part can come to: its matches and the ends of its blocks, of which none but the last is shorter
/// than half of what it may be.
fn most_sequences(part: usize) -> usize {
    part / LEAST + part / (BLOCK / 2) + 3
}

fn grow<T: Clone>(room: &mut Vec<T>, length: usize, value: T) {
    if room.len() < length {
        room.resize(length, value);
    }
}

/// A part under search.
struct Lane<'a> {
    /// Where eight bytes were last, by their hash; 0 where they were not.
    table: &'a mut [u32; PLACES],
    /// Room for more.
    sequences: slice::IterMut<'a, Sequence>,
    literals: &'a mut [u8],
    at: usize,
    /// Steps begin before here.
    stop: usize,
    /// Where the part ends.
    end: usize,
    /// Matches end here at the latest.
    most: usize,
    /// Where the block began.
    block: usize,
    /// Literals since the last match.
    run: usize,
    literal_count: usize,
}

impl<'a> Lane<'a> {
    fn new(
        bytes: &[u8],
        part: Range<usize>,
        table: &'a mut [u32; PLACES],
        sequences: &'a mut [Sequence],
        literals: &'a mut [u8],
    ) -> Self {
        table.fill(0);
        let Range { start, end } = part;
        // A step takes `WIDE` literals at most, and reads as much after what it takes.
        let stop = end.saturating_sub(WIDE).min(bytes.len().saturating_sub(2 * WIDE));
        let (at, block) = (start, start);
        let mut lane = Self {
            table,
            sequences: sequences.iter_mut(),
            literals,
            at,
            stop,
            end,
            most: end.min(bytes.len().saturating_sub(WIDE)),
            block,
            run: 0,
            literal_count: 0,
        };
        // The table's 0 is the first byte of all, which has nothing before it.
        lane.take(bytes, end.min(start + 1));
        lane
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
            self.literals[self.literal_count] = ahead[0];
            self.literal_count += 1;
            self.run += 1;
            self.at = at + 1;
            if self.run > PATIENCE {
                // This is noise.
                let more = (self.run / PATIENCE).min(WIDE - 1);
                self.literals[self.literal_count..][..more].copy_from_slice(&ahead[1..=more]);
                self.literal_count += more;
                self.run += more;
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
        if end - self.block > BLOCK {
            self.end_block();
        }
        self.put((at - before) as u32, length as u32);
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

    #[inline(always)]
    fn put(&mut self, offset: u32, length: u32) {
        let room = self.sequences.next().expect("there is room for all that a part can come to");
        *room = Sequence { offset, litLength: self.run as u32, matchLength: length, rep: 0 };
        self.run = 0;
    }

    /// Ends the block before the place where it stands, if there is anything in it, and those that literals have filled.
    #[inline(always)]
    fn end_block(&mut self) {
        while self.at - self.block > BLOCK {
            let (all, matched) = (self.run, self.at - self.run - self.block);
            self.run = BLOCK - matched;
            let taken = self.run;
            self.put(0, 0);
            self.run = all - taken;
            self.block += BLOCK;
        }
        if self.at > self.block {
            self.put(0, 0);
            self.block = self.at;
        }
    }

    /// Takes literals up to `end`.
    #[inline(always)]
    fn take(&mut self, bytes: &[u8], end: usize) {
        let taken = &bytes[self.at..end];
        self.literals[self.literal_count..][..taken.len()].copy_from_slice(taken);
        self.literal_count += taken.len();
        self.run += taken.len();
        self.at = end;
    }

    /// The rest; how many sequences and literals all came to, of the room for so many sequences.
    fn end(mut self, bytes: &[u8], room: usize) -> (usize, usize) {
        while self.goes_on() {
            self.step(bytes);
        }
        self.take(bytes, self.end);
        self.end_block();
        (room - self.sequences.len(), self.literal_count)
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

/// How far both places have the same bytes, of which `WIDE` are known; no more than half a block.
#[inline(never)]
fn same(bytes: &[u8], at: usize, before: usize) -> usize {
    let end = bytes.len().min(at + BLOCK / 2);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the sequences stand for.
    fn told(found: &Found<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut literals = &found.literals[..found.literals.len() - SLACK];
        let mut block = 0;
        for sequence in found.sequences {
            let (taken, rest) = literals.split_at(sequence.litLength as usize);
            bytes.extend_from_slice(taken);
            literals = rest;
            for _ in 0..sequence.matchLength {
                bytes.push(bytes[bytes.len() - sequence.offset as usize]);
            }
            assert!(sequence.offset <= 1 << WINDOW_LOG);
            assert!(sequence.matchLength == 0 || sequence.matchLength as usize >= LEAST);
            assert!(bytes.len() - block <= BLOCK);
            if sequence.matchLength == 0 {
                block = bytes.len();
            }
        }
        assert!(literals.is_empty());
        assert_eq!(block, bytes.len());
        bytes
    }

    fn noise(length: usize, seed: u32, levels: u32) -> Vec<u8> {
        let mut state = seed | 1;
        (0..length)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state % levels) as u8
            })
            .collect()
    }

    #[test]
    fn sequences_stand_for_the_bytes() {
        let mut matches = Matches::default();
        for length in (0..200).chain([BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, (4 << 20) + 12345]) {
            for levels in [1, 2, 3, 256] {
                for row in [0, 1, 17, 1000] {
                    let bytes = noise(length, 7, levels);
                    assert!(told(&matches.find(&bytes, row)) == bytes, "{length} {levels} {row}");
                }
            }
        }
    }

    #[test]
    fn finds_what_was_there_before() {
        let once = noise(5000, 3, 256);
        let bytes = once.repeat(20);
        let found = Matches::default().find(&bytes, 5000).literals.len();
        assert!(found < 2 * once.len() + 1000, "{found}");
    }
}
