//! A block of a zstd frame (RFC 8878, 3.1.1.2): literals and matches as they are found, then their codes.

use super::bits::Bits;
use super::fse::{CODES, Counts, State, Table};
use super::huffman;
use super::lengths::{LITERALS, Length, MATCHES};

/// The most bytes of a block (RFC 8878, 3.1.1.2.4).
pub(super) const MOST: usize = 128 << 10;
/// The least length of a match here.
pub(super) const LEAST_MATCH: usize = 8;
const MOST_SEQUENCES: usize = MOST / LEAST_MATCH;
/// Bytes of a block's head.
const HEADER: usize = 3;
/// In its first byte: it is the last one of its frame.
pub(super) const LAST: u8 = 1;
/// Accuracy of the tables at the most (RFC 8878, 3.1.1.3.2.1.1).
const LENGTH_LOG: u32 = 9;
const OFFSET_LOG: u32 = 8;
/// The most bits of a sequence: of its states, and more for its codes.
const SEQUENCE_BITS: usize = STATES_BITS as usize + (16 + 16 + 21);
const STATES_BITS: u32 = 2 * LENGTH_LOG + OFFSET_LOG;
/// More bits than these do not fit between two flushes with those of the states.
const MANY: u32 = 63 - 7 - STATES_BITS;
/// Bytes of the room that a block is written to.
pub(super) const ROOM: usize = HEADER + MOST + huffman::SLACK + MOST_SEQUENCES * SEQUENCE_BITS / 8 + 1024;

/// Literals, a match.
#[derive(Debug, Clone, Copy, Default)]
struct Sequence {
    /// What its codes leave open: of the literals, the match, the offset.
    more: u64,
    /// A byte each: the codes of the literals, the match and the offset; the bits of `more`.
    codes: u32,
}

/// A block under way.
pub(super) struct Block {
    sequences: Box<[Sequence; MOST_SEQUENCES]>,
    literals: Box<[u8; MOST]>,
    count: usize,
    literal_counts: Counts,
    match_counts: Counts,
    offset_counts: Counts,
    tables: Box<[Table; 3]>,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            sequences: vec![Sequence::default(); MOST_SEQUENCES].try_into().expect("just so many"),
            literals: vec![0; MOST].try_into().expect("just so many"),
            count: 0,
            literal_counts: [0; CODES],
            match_counts: [0; CODES],
            offset_counts: [0; CODES],
            tables: Box::new([const { Table::new() }; 3]),
        }
    }
}

impl Block {
    /// Forgets what is there, also of a block that was never ended.
    pub(super) fn begin(&mut self) {
        self.count = 0;
        self.literal_counts = [0; CODES];
        self.match_counts = [0; CODES];
        self.offset_counts = [0; CODES];
    }

    /// The room for all its literals.
    #[inline(always)]
    pub(super) fn literals(&mut self) -> &mut [u8; MOST] {
        &mut self.literals
    }

    /// So many literals, the latest ones, then a match of `length` bytes, `offset` back.
    #[inline(always)]
    pub(super) fn put(&mut self, literals: usize, length: usize, offset: usize) {
        let Length { mut codes, more } = MATCHES.code(length - 3);
        self.match_counts[(codes >> 8) as usize % CODES] += 1;
        // The three least stand for the last offsets, which are not looked for.
        let offset = offset as u64 + 3;
        // Never 0, as the compiler cannot know.
        let bits = (offset | 1).ilog2();
        self.offset_counts[bits as usize % CODES] += 1;
        let mut more = u64::from(more) | (offset ^ 1 << bits) << (codes >> 24);
        codes += bits << 16 | bits << 24;
        if literals > 0 {
            let before = LITERALS.code(literals);
            self.literal_counts[before.codes as usize % CODES] += 1;
            more = u64::from(before.more) | more << (before.codes >> 24);
            codes += before.codes;
        }
        self.sequences[self.count] = Sequence { more, codes };
        self.count += 1;
    }

    /// Writes the block, which stands for `bytes` and has so many literals; the bytes written.
    pub(super) fn end(&mut self, literals: usize, bytes: &[u8], room: &mut [u8]) -> usize {
        const RAW: usize = 0;
        const COMPRESSED: usize = 2;
        let mut end = HEADER + huffman::section(&self.literals[..literals], &mut room[HEADER..]);
        end += self.sequences_section(&mut room[end..]);
        let mut kind = COMPRESSED;
        if end - HEADER >= bytes.len() {
            end = HEADER + bytes.len();
            room[HEADER..end].copy_from_slice(bytes);
            kind = RAW;
        }
        let header = kind << 1 | (end - HEADER) << 3;
        room[..HEADER].copy_from_slice(&header.to_le_bytes()[..HEADER]);
        end
    }

    /// RFC 8878, 3.1.1.3.2.
    fn sequences_section(&mut self, room: &mut [u8]) -> usize {
        let sequences = &self.sequences[..self.count];
        self.literal_counts[0] = self.count as u32 - self.literal_counts.iter().sum::<u32>();
        let mut at = if sequences.len() < 128 {
            room[0] = sequences.len() as u8;
            1
        } else {
            room[0] = 128 + (sequences.len() >> 8) as u8;
            room[1] = sequences.len() as u8;
            2
        };
        if sequences.is_empty() {
            return at;
        }
        let modes_at = at;
        let mut modes = 0;
        at += 1;
        let counts = [
            (&self.literal_counts, LENGTH_LOG),
            (&self.offset_counts, OFFSET_LOG),
            (&self.match_counts, LENGTH_LOG),
        ];
        for (table, (counts, log)) in self.tables.iter_mut().zip(counts) {
            table.make(counts, log);
            modes <<= 2;
            if let Some(only) = table.only() {
                modes |= 1;
                room[at] = only;
                at += 1;
            } else {
                modes |= 2;
                at += table.describe(&mut room[at..]);
            }
        }
        room[modes_at] = modes << 2;
        at + stream(sequences, &self.tables, &mut room[at..])
    }
}

/// Writes a block of nothing; its bytes.
pub(super) fn none(room: &mut [u8]) -> usize {
    room[..HEADER].fill(0);
    HEADER
}

twice! {
    /// Sequences from the last to the first (RFC 8878, 3.1.1.3.2.2).
    fn stream(sequences: &[Sequence], tables: &[Table; 3], room: &mut [u8]) -> usize {
        let mut bits = Bits::new(room);
        let [literals, offset, matched] = tables;
        let mut sequences = sequences.iter().rev();
        let Some(&Sequence { more, codes }) = sequences.next() else { return 0 };
        let mut matched = State::new(matched, codes >> 8);
        let mut offset = State::new(offset, codes >> 16);
        let mut literals = State::new(literals, codes);
        bits.add(more, codes >> 24);
        bits.flush();
        for &Sequence { more, codes } in sequences {
            offset.put(codes >> 16, &mut bits);
            matched.put(codes >> 8, &mut bits);
            literals.put(codes, &mut bits);
            let count = codes >> 24;
            if count > MANY {
                bits.flush();
            }
            bits.add(more, count);
            bits.flush();
        }
        matched.end(&mut bits);
        offset.end(&mut bits);
        literals.end(&mut bits);
        bits.end()
    }
}
