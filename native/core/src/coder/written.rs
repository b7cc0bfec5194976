//! Blocks that are ready, in whatever order.

use std::ops::Range;

use super::block;

/// Blocks of a picture, and where in its part they begin.
#[derive(Default)]
pub(super) struct Written {
    /// Their bytes, and room for one more.
    room: Vec<u8>,
    length: usize,
    blocks: Vec<(usize, Range<usize>)>,
}

impl Written {
    /// Forgets what is there, also of a picture that was never ended.
    pub(super) fn begin(&mut self) {
        self.length = 0;
        self.blocks.clear();
    }

    /// The block that begins at `start`; `write` puts it into the room that it is given, and says how long it is.
    pub(super) fn add(&mut self, start: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        let end = self.length + block::ROOM;
        if self.room.len() < end {
            self.room.resize(end, 0);
        }
        let bytes = write(&mut self.room[self.length..]);
        self.blocks.push((start, self.length..self.length + bytes));
        self.length += bytes;
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.blocks.len()
    }

    /// Brings the blocks of a part, from the `first` on, in order.
    pub(super) fn order(&mut self, first: usize) {
        self.blocks[first..].sort_unstable_by_key(|&(start, _)| start);
    }

    /// Says of the last one that it is.
    pub(super) fn end(&mut self) {
        if let Some((_, last)) = self.blocks.last() {
            self.room[last.start] |= block::LAST;
        }
    }

    /// Bytes of all of them.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// All of them.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(|(_, range)| &self.room[range.clone()])
    }
}
