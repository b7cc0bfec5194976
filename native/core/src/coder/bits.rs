//! Bits one behind the other, the first one lowest, as zstd's streams have them (RFC 8878, 4).

/// Writes bits into a room that is large enough. A decoder reads them backwards: the last ones first.
pub(super) struct Bits<'a> {
    room: &'a mut [u8],
    /// Whole bytes written.
    at: usize,
    waiting: u64,
    count: u32,
    /// What was added last and has no place there: what is added next takes it back.
    above: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(room: &'a mut [u8]) -> Self {
        Self { room, at: 0, waiting: 0, count: 0, above: 0 }
    }

    /// The lowest `count` bits of `value`, which has no others. No more than 63 from flush to flush, of which a flush
    /// leaves seven at the most.
    #[inline(always)]
    pub(super) fn add(&mut self, value: u64, count: u32) {
        let value = value.wrapping_sub(u64::from(self.above));
        self.waiting = self.waiting.wrapping_add(value << (self.count % 64));
        self.count += count;
        self.above = 0;
    }

    /// The lowest `count` bits of `value`, of which `above` is the rest, within the same bounds. Cutting that off would
    /// cost as much as all else.
    #[inline(always)]
    pub(super) fn add_lowest(&mut self, value: u32, above: u32, count: u32) {
        self.add(u64::from(value), count);
        self.above = above;
    }

    /// Writes the whole bytes; reaches eight bytes into the room.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        self.add(0, 0);
        self.room[self.at..self.at + 8].copy_from_slice(&self.waiting.to_le_bytes());
        self.at += (self.count / 8) as usize;
        self.waiting >>= self.count & !7;
        self.count &= 7;
    }

    /// Ends with a one, from which a decoder begins; the bytes written.
    pub(super) fn end(mut self) -> usize {
        self.add(1, 1);
        self.end_forwards()
    }

    /// Ends with zeros, where a decoder reads from the beginning; the bytes written.
    pub(super) fn end_forwards(mut self) -> usize {
        self.flush();
        self.at + usize::from(self.count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_one_behind_the_other() {
        let mut room = [0xAA; 32];
        let mut bits = Bits::new(&mut room);
        let mut expected = 0u128;
        let mut count = 0;
        for (n, value) in [1, 0, 5, 0x1FF, 3, 0x7_FFFF, 0, 1].into_iter().enumerate() {
            let width = [1, 0, 3, 9, 7, 19, 4, 1][n];
            bits.add(value, width);
            bits.flush();
            // A state of twelve bits of which five belong to it.
            bits.add_lowest(0xABC, 0xABC >> 5, 5);
            if n % 2 == 0 {
                bits.flush();
            }
            for (value, width) in [(u128::from(value), width), (0xABC & 31, 5)] {
                expected |= value << count;
                count += width;
            }
        }
        expected |= 1 << count;
        let written = bits.end();
        assert_eq!(written, (count as usize + 1).div_ceil(8));
        assert_eq!(room[..written], expected.to_le_bytes()[..written]);
    }
}
