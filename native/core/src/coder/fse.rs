//! Finite state entropy, the coding of codes in a zstd frame (RFC 8878, 4.1).

use super::bits::Bits;

/// The most accurate table of all (RFC 8878, 3.1.1.3.2.1.1).
pub(super) const MOST_LOG: u32 = 9;
/// The least accurate one that can be described.
const LEAST_LOG: u32 = 5;
const MOST_STATES: usize = 1 << MOST_LOG;
/// More than there are codes of any kind.
pub(super) const CODES: usize = 64;

/// How often each code is there.
pub(super) type Counts = [u32; CODES];

/// How codes are written: from a code's states one goes to others by a few bits.
pub(super) struct Table {
    log: u32,
    /// States a code, of 2^log.
    shares: [u16; CODES],
    steps: [Step; CODES],
    states: [u32; MOST_STATES],
}

/// From any state to one of a code's.
#[derive(Clone, Copy, Default)]
struct Step {
    /// Added to the state, the bits to write stand above the 16th.
    bits: u32,
    /// Where the code's states begin, less its share; below 0 it wraps.
    first: u32,
}

impl Table {
    pub(super) const fn new() -> Self {
        let none = Step { bits: 0, first: 0 };
        Self { log: 0, shares: [0; CODES], steps: [none; CODES], states: [0; MOST_STATES] }
    }

    /// Made for codes that are there so often, of which there is one at least; with 2^`most_log` states at the most.
    pub(super) fn make(&mut self, counts: &Counts, most_log: u32) {
        let different = counts.iter().filter(|&&count| count > 0).count();
        let total: u32 = counts.iter().sum();
        self.log = if different == 1 {
            0
        } else {
            // Each code gets a state, and more than that where there are more.
            let least = different.next_power_of_two().ilog2() + 1;
            (total.ilog2().saturating_sub(2)).max(least).clamp(LEAST_LOG, most_log)
        };
        self.share(counts, total);
        self.spread();
    }

    /// Shares of the states like those of the codes, none without one.
    fn share(&mut self, counts: &Counts, total: u32) {
        let size = 1u16 << self.log;
        for (share, &count) in self.shares.iter_mut().zip(counts) {
            let near = (u64::from(count) * u64::from(size) + u64::from(total / 2)) / u64::from(total);
            *share = (near as u16).max(u16::from(count > 0));
        }
        // What rounding has left over or lacks, the largest take and give.
        loop {
            let taken: u16 = self.shares.iter().sum();
            let Some(largest) = self.shares.iter_mut().max() else { return };
            match size.checked_sub(taken) {
                Some(0) => return,
                Some(left) => *largest += left,
                None => *largest -= (taken - size).min(*largest / 2),
            }
        }
    }

    fn spread(&mut self) {
        let size = 1usize << self.log;
        let mut places = [0u8; MOST_STATES];
        let (stride, mut place) = ((size >> 1) + (size >> 3) + 3, 0);
        let mut next = [0u32; CODES];
        let mut first = 0;
        let codes = self.shares.iter().zip(&mut self.steps).zip(&mut next);
        for (code, ((&share, step), next)) in codes.enumerate() {
            for _ in 0..share {
                places[place] = code as u8;
                place = (place + stride) & (size - 1);
            }
            *next = first;
            let share = u32::from(share);
            if share > 0 {
                let bits = self.log - (share.max(2) - 1).ilog2();
                *step =
                    Step { bits: (bits << 16).wrapping_sub(share << bits), first: first.wrapping_sub(share) };
            }
            first += share;
        }
        for (state, &code) in places[..size].iter().enumerate() {
            let next = &mut next[usize::from(code)];
            self.states[*next as usize] = (size + state) as u32;
            *next += 1;
        }
    }

    /// The one code there is, if there is but one.
    pub(super) fn only(&self) -> Option<u8> {
        if self.log > 0 {
            return None;
        }
        self.shares.iter().position(|&share| share > 0).map(|code| code as u8)
    }

    /// Describes the table (RFC 8878, 4.1.1); the bytes written.
    pub(super) fn describe(&self, room: &mut [u8]) -> usize {
        let mut bits = Bits::new(room);
        bits.add(u64::from(self.log - LEAST_LOG), 4);
        // One more than the states that are left, and the most bits of a share.
        let mut rest = (1i32 << self.log) + 1;
        let mut width = self.log + 1;
        let mut code = 0;
        while rest > 1 {
            let share = i32::from(self.shares[code]);
            code += 1;
            // Shares that cannot be written with all bits leave one away.
            let short = (2 << (width - 1)) - 1 - rest;
            let half = 1 << (width - 1);
            let mut value = share + 1;
            if value >= half {
                value += short;
            }
            bits.add(u64::from(value.cast_unsigned()), if value < short { width - 1 } else { width });
            bits.flush();
            rest -= share;
            while rest < 1 << (width - 1) && rest > 1 {
                width -= 1;
            }
            if share == 0 {
                // How many more are without one, by threes.
                let mut more = self.shares[code..].iter().take_while(|&&share| share == 0).count();
                code += more;
                loop {
                    bits.add(more.min(3) as u64, 2);
                    bits.flush();
                    if more < 3 {
                        break;
                    }
                    more -= 3;
                }
            }
        }
        bits.end_forwards()
    }
}

/// Where a writer of codes is; the codes come from the last to the first.
pub(super) struct State<'a> {
    table: &'a Table,
    state: u32,
}

impl<'a> State<'a> {
    /// At the last code of all, for which nothing is written.
    pub(super) fn new(table: &'a Table, code: u32) -> Self {
        let step = table.steps[code as usize % CODES];
        let bits = step.bits.wrapping_add(1 << 15) >> 16;
        let value = (bits << 16).wrapping_sub(step.bits);
        let mut state = Self { table, state: 0 };
        state.go(value >> bits, step);
        state
    }

    /// Goes on to `code` and writes what a decoder needs to come back.
    #[inline(always)]
    pub(super) fn put(&mut self, code: u32, bits: &mut Bits<'_>) {
        let step = self.table.steps[code as usize % CODES];
        let state = self.state;
        let count = state.wrapping_add(step.bits) >> 16;
        let above = state >> (count % 32);
        bits.add_lowest(state, above, count);
        self.go(above, step);
    }

    #[inline(always)]
    fn go(&mut self, above: u32, step: Step) {
        let at = above.wrapping_add(step.first) as usize;
        self.state = self.table.states[at % MOST_STATES];
    }

    /// What a decoder begins with.
    pub(super) fn end(self, bits: &mut Bits<'_>) {
        let log = self.table.log;
        bits.add(u64::from(self.state) & ((1 << log) - 1), log);
        bits.flush();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_states_are_shared_by_the_codes_that_are_there(
            counts in prop::collection::vec(prop_oneof![Just(0u32), 1u32..3, 1u32..20_000], 53),
            log in 8u32..=MOST_LOG,
        ) {
            prop_assume!(counts.iter().any(|&count| count > 0));
            let mut all = [0; CODES];
            all[..53].copy_from_slice(&counts);
            let mut table = Table::new();
            table.make(&all, log);
            let shares: u32 = table.shares.iter().map(|&share| u32::from(share)).sum();
            prop_assert_eq!(shares, 1 << table.log);
            for (count, share) in all.iter().zip(table.shares) {
                prop_assert_eq!(*count > 0, share > 0);
            }
        }
    }
}
