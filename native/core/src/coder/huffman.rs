//! Literals by Huffman's codes (RFC 8878, 3.1.1.3.1 and 4.2).

use super::bits::Bits;
use super::fse::{CODES, State, Table};

/// The longest code (RFC 8878, 4.2.1).
const LONGEST: u8 = 11;
/// The most accurate table of the codes' weights (RFC 8878, 4.2.1.2).
const WEIGHTS_LOG: u32 = 6;
/// Fewer are not worth their table.
const FEW: usize = 64;
/// Fewer are one stream, others four, which a decoder reads at once.
const ONE_STREAM: usize = 1024;
/// Bytes that a section may reach into its room beyond its literals.
pub(super) const SLACK: usize = 512;

/// The kinds of a section (RFC 8878, 3.1.1.3.1.1).
const RAW: u64 = 0;
const SAME: u64 = 1;
const COMPRESSED: u64 = 2;

/// Writes the literals section of a block; the bytes written.
pub(super) fn section(literals: &[u8], room: &mut [u8]) -> usize {
    let counts = count(literals);
    let different = counts.iter().filter(|&&count| count > 0).count();
    if different == 1 {
        let at = header(SAME, literals.len(), room);
        room[at] = literals[0];
        return at + 1;
    }
    if literals.len() >= FEW
        && let Some(bytes) = compressed(literals, &counts, room)
        && bytes < literals.len()
    {
        return bytes;
    }
    let at = header(RAW, literals.len(), room);
    room[at..at + literals.len()].copy_from_slice(literals);
    at + literals.len()
}

/// The head of a section that is not compressed.
fn header(kind: u64, length: usize, room: &mut [u8]) -> usize {
    let (format, format_bits, length_bits) = match length {
        0..32 => (0, 1, 5),
        32..4096 => (1, 2, 12),
        _ => (3, 2, 20),
    };
    let mut bits = Bits::new(room);
    bits.add(kind, 2);
    bits.add(format, format_bits);
    bits.add(length as u64, length_bits);
    bits.end_forwards()
}

/// None where that is not possible or no smaller.
fn compressed(literals: &[u8], counts: &[u32; 256], room: &mut [u8]) -> Option<usize> {
    const HEADER: usize = 5;
    let lengths = lengths(counts);
    let total: u64 =
        counts.iter().zip(&lengths).map(|(&count, &bits)| u64::from(count) * u64::from(bits)).sum();
    if total / 8 >= literals.len() as u64 {
        return None;
    }
    let codes = codes(&lengths);
    let tree = HEADER + describe(&lengths, &mut room[HEADER..])?;
    let end = if literals.len() < ONE_STREAM {
        tree + stream(literals, &codes, &mut room[tree..])
    } else {
        let mut at = tree + 6;
        for (n, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
            let bytes = stream(part, &codes, &mut room[at..]);
            if n < 3 {
                room[tree + 2 * n..][..2].copy_from_slice(&u16::try_from(bytes).ok()?.to_le_bytes());
            }
            at += bytes;
        }
        at
    };
    // The widths of both lengths follow from the longer one.
    let (format, width) = match literals.len() {
        0..ONE_STREAM => (0, 10),
        ONE_STREAM..16_384 => (2, 14),
        _ => (3, 18),
    };
    let bytes = end - HEADER;
    let head = COMPRESSED | format << 2 | (literals.len() as u64) << 4 | (bytes as u64) << (4 + width);
    let head_bytes = (4 + 2 * width) / 8;
    room[..head_bytes].copy_from_slice(&head.to_le_bytes()[..head_bytes]);
    room.copy_within(HEADER..end, head_bytes);
    Some(head_bytes + bytes)
}

/// How often each byte is there.
fn count(literals: &[u8]) -> [u32; 256] {
    // Two at a time: the same byte twice would wait for itself.
    let mut counts = [[0u32; 256]; 2];
    let mut pairs = literals.chunks_exact(2);
    for pair in &mut pairs {
        counts[0][usize::from(pair[0])] += 1;
        counts[1][usize::from(pair[1])] += 1;
    }
    for &byte in pairs.remainder() {
        counts[0][usize::from(byte)] += 1;
    }
    let [mut all, other] = counts;
    for (all, other) in all.iter_mut().zip(other) {
        *all += other;
    }
    all
}

/// Bits of each byte's code, none longer than `LONGEST`, 0 for those that are not there. Two bytes at least are.
fn lengths(counts: &[u32; 256]) -> [u8; 256] {
    let mut bytes: Vec<u8> = (0..=255).filter(|&byte| counts[usize::from(byte)] > 0).collect();
    bytes.sort_by_key(|&byte| counts[usize::from(byte)]);
    // Huffman's tree: leaves by their counts, then the nodes above two of the least, which come by their counts too.
    let leaves = bytes.len();
    let mut weights: Vec<u32> = bytes.iter().map(|&byte| counts[usize::from(byte)]).collect();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut node) = (0, leaves);
    for parent in leaves..2 * leaves - 1 {
        let mut least = || {
            let is_leaf = leaf < leaves && (node >= parent || weights[leaf] <= weights[node]);
            let next = if is_leaf { &mut leaf } else { &mut node };
            let least = *next;
            *next += 1;
            parents[least] = parent;
            weights[least]
        };
        let weight = least() + least();
        weights.push(weight);
    }
    let mut depths = vec![0u8; parents.len()];
    for n in (0..parents.len() - 1).rev() {
        depths[n] = depths[parents[n]] + 1;
    }
    // Codes that are too long become shorter; rare ones pay for it, and frequent ones take what is left.
    let mut lengths: Vec<u8> = depths[..leaves].iter().map(|&depth| depth.min(LONGEST)).collect();
    let share = |length: u8| 1u32 << (LONGEST - length);
    let all = 1 << LONGEST;
    let mut taken: u32 = lengths.iter().map(|&length| share(length)).sum();
    for length in &mut lengths {
        while taken > all && *length < LONGEST {
            *length += 1;
            taken -= share(*length);
        }
    }
    while taken < all {
        for length in lengths.iter_mut().rev() {
            if share(*length) <= all - taken {
                taken += share(*length);
                *length -= 1;
            }
        }
    }
    let mut by_byte = [0; 256];
    for (byte, length) in bytes.into_iter().zip(lengths) {
        by_byte[usize::from(byte)] = length;
    }
    by_byte
}

/// Each byte's code and its length: the longest codes begin with 0, equally long ones follow each other as their bytes do.
fn codes(lengths: &[u8; 256]) -> [(u16, u8); 256] {
    let mut next = [0u16; LONGEST as usize + 1];
    for length in lengths {
        next[usize::from(*length)] += 1;
    }
    // From how many codes have a length to the first of them.
    let mut first = 0;
    for next in next[1..].iter_mut().rev() {
        let codes = std::mem::replace(next, first);
        first = u16::midpoint(first, codes);
    }
    lengths.map(|length| {
        let next = &mut next[usize::from(length)];
        *next += 1;
        (*next - 1, length)
    })
}

/// Describes the tree by the weights of all bytes but the last, whose weight follows (RFC 8878, 4.2.1.1); the bytes
/// written, None where it cannot be described.
fn describe(lengths: &[u8; 256], room: &mut [u8]) -> Option<usize> {
    let longest = lengths.iter().max().copied().unwrap_or(0);
    let last = lengths.iter().rposition(|&length| length > 0)?;
    let weights = lengths.map(|length| if length == 0 { 0 } else { longest + 1 - length });
    let weights = &weights[..last];
    let mut counts = [0; CODES];
    for &weight in weights {
        counts[usize::from(weight)] += 1;
    }
    let mut table = Table::new();
    table.make(&counts, WEIGHTS_LOG);
    if weights.len() > 2 && table.only().is_none() {
        let bytes = weights_stream(weights, &table, &mut room[1..]);
        if bytes < weights.len().div_ceil(2).min(128) {
            room[0] = bytes as u8;
            return Some(1 + bytes);
        }
    }
    if weights.len() > 128 {
        return None;
    }
    room[0] = 127 + weights.len() as u8;
    for (room, pair) in room[1..].iter_mut().zip(weights.chunks(2)) {
        *room = pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
    }
    Some(1 + weights.len().div_ceil(2))
}

/// Weights by two states in turn (RFC 8878, 4.2.1.2).
fn weights_stream(weights: &[u8], table: &Table, room: &mut [u8]) -> usize {
    let described = table.describe(room);
    let mut bits = Bits::new(&mut room[described..]);
    let last = weights.len() - 1;
    let mut states = [last - last % 2, last - 1 + last % 2].map(|n| State::new(table, weights[n].into()));
    for n in (0..last - 1).rev() {
        states[n % 2].put(weights[n].into(), &mut bits);
        bits.flush();
    }
    let [even, odd] = states;
    odd.end(&mut bits);
    even.end(&mut bits);
    described + bits.end()
}

/// Codes from the last byte to the first; the bytes written.
fn stream(literals: &[u8], codes: &[(u16, u8); 256], room: &mut [u8]) -> usize {
    let mut bits = Bits::new(room);
    let put = |bits: &mut Bits<'_>, byte: u8| {
        let (code, length) = codes[usize::from(byte)];
        bits.add(u64::from(code), u32::from(length));
    };
    let mut fours = literals.rchunks_exact(4);
    for four in &mut fours {
        for &byte in four.iter().rev() {
            put(&mut bits, byte);
        }
        bits.flush();
    }
    for &byte in fours.remainder().iter().rev() {
        put(&mut bits, byte);
    }
    bits.flush();
    bits.end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn codes_are_no_longer_than_may_be_and_leave_none_over(
            counts in prop::collection::vec(prop_oneof![Just(0u32), 1u32..4, 1u32..100_000], 256),
        ) {
            let counts: [u32; 256] = counts.try_into().unwrap();
            prop_assume!(counts.iter().filter(|&&count| count > 0).count() > 1);
            let lengths = lengths(&counts);
            let all: u32 = lengths.iter().filter(|&&length| length > 0).map(|&length| 1 << (LONGEST - length)).sum();
            prop_assert_eq!(all, 1 << LONGEST);
            for (count, length) in counts.iter().zip(lengths) {
                prop_assert_eq!(*count > 0, length > 0);
                prop_assert!(length <= LONGEST);
            }
        }
    }

    #[test]
    fn a_few_frequent_bytes_have_the_shortest_codes() {
        // Fibonacci's numbers make the deepest tree.
        let mut counts = [0; 256];
        let (mut one, mut other) = (1, 1);
        for count in counts.iter_mut().take(30) {
            *count = one;
            (one, other) = (other, one + other);
        }
        let lengths = lengths(&counts);
        assert!(lengths[..30].is_sorted_by(|rare, frequent| rare >= frequent), "{:?}", &lengths[..30]);
        assert_eq!((lengths[0], lengths[29]), (LONGEST, 1));
    }
}
