//! Memory for frames: blocks of their own from the system, some of them kept to be used again.
//!
//! Fresh from the system, a block costs as much to fault in and clear as the frame in it costs to compress. Taken from
//! the allocator, what a stalled disk has piled up would stay with the process for ever, in pieces.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memmap2::MmapMut;

/// Bytes that are kept for later, over the whole process: enough for the frames under way in steady state.
const KEPT: usize = 24 << 20;
/// What nobody has needed for so long goes back to the system: a stall leaves nothing behind.
const UNUSED: Duration = Duration::from_secs(10);
/// Smaller blocks are left to the allocator, which has them at hand.
const SMALLEST: usize = 32 << 10;
/// Blocks are as many of these as hold what is asked for: frames of about the same size fit into each other's.
const GRAIN: usize = 16 << 10;

static FREE: Mutex<Free> = Mutex::new(Free { blocks: Vec::new(), bytes: 0, least: 0, looked: None });

/// Blocks that nobody uses.
struct Free {
    blocks: Vec<MmapMut>,
    /// Sum of their sizes.
    bytes: usize,
    /// The least of that since it was looked at: so much was not needed.
    least: usize,
    looked: Option<Instant>,
}

fn free() -> MutexGuard<'static, Free> {
    // Nothing panics while it is held.
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Free {
    /// The block used last that holds `length` bytes and not many more: what is held is charged by its length.
    fn take(&mut self, length: usize) -> Option<MmapMut> {
        let most = length.saturating_add(length / 4).saturating_add(GRAIN);
        let fits = |block: &MmapMut| (length..=most).contains(&block.len());
        let block = self.blocks.remove(self.blocks.iter().rposition(fits)?);
        self.bytes -= block.len();
        self.least = self.least.min(self.bytes);
        Some(block)
    }

    /// Keeps a block; answers the oldest ones, which go: for it, or since they were not needed.
    fn keep(&mut self, block: MmapMut, now: Instant) -> Vec<MmapMut> {
        self.bytes += block.len();
        self.blocks.push(block);
        let mut most = KEPT;
        if now.duration_since(*self.looked.get_or_insert(now)) >= UNUSED {
            // The block used last is taken first: those at the beginning are the ones that lay there.
            most = most.min(self.bytes - self.least);
            self.looked = Some(now);
            self.least = most;
        }
        let mut gone = 0;
        while self.bytes > most {
            self.bytes -= self.blocks[gone].len();
            gone += 1;
        }
        self.least = self.least.min(self.bytes);
        self.blocks.drain(..gone).collect()
    }
}

/// Bytes in such memory.
#[derive(Debug)]
pub struct Buffer(Room);

#[derive(Debug)]
enum Room {
    Heap(Vec<u8>),
    /// The block and how much of it is used; None on its way out.
    Block(Option<MmapMut>, usize),
}

impl Buffer {
    /// A copy.
    pub fn copy(bytes: &[u8]) -> Self {
        Self::gather(bytes.len(), std::iter::once(bytes))
    }

    /// A copy of parts, one behind the other, which have `length` bytes in all.
    pub fn gather<'a>(length: usize, parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let block = (length >= SMALLEST).then(|| block(length)).flatten();
        if let Some(mut block) = block {
            let mut at = 0;
            for part in parts {
                block[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            return Self(Room::Block(Some(block), length));
        }
        let mut bytes = Vec::with_capacity(length);
        parts.for_each(|part| bytes.extend_from_slice(part));
        Self(Room::Heap(bytes))
    }
}

/// A block of at least `length` bytes; None where the system has none, and the allocator may.
fn block(length: usize) -> Option<MmapMut> {
    let reused = free().take(length);
    reused.or_else(|| MmapMut::map_anon(length.next_multiple_of(GRAIN)).ok())
}

impl Default for Buffer {
    fn default() -> Self {
        Self(Room::Heap(Vec::new()))
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::copy(self)
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Buffer {}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Room::Heap(bytes) => bytes,
            Room::Block(block, length) => block.as_ref().map_or(&[], |block| &block[..*length]),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Room::Block(block, _) = &mut self.0
            && let Some(block) = block.take()
        {
            let gone = free().keep(block, Instant::now());
            // Given back to the system outside the lock.
            drop(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank() -> Free {
        Free { blocks: Vec::new(), bytes: 0, least: 0, looked: None }
    }

    fn map(size: usize) -> MmapMut {
        MmapMut::map_anon(size).unwrap()
    }

    #[test]
    fn a_block_is_used_again_for_what_fits() {
        let mut free = blank();
        assert!(free.keep(map(100 * GRAIN), Instant::now()).is_empty());
        assert!(free.take(100 * GRAIN + 1).is_none(), "too small");
        assert!(free.take(78 * GRAIN).is_none(), "a waste");
        assert_eq!(free.take(80 * GRAIN).unwrap().len(), 100 * GRAIN);
        assert_eq!(free.bytes, 0);
        assert!(free.take(80 * GRAIN).is_none());
    }

    #[test]
    fn no_more_than_so_much_is_kept_and_the_oldest_goes_first() {
        let mut free = blank();
        let now = Instant::now();
        let gone: usize =
            [KEPT / 2, KEPT / 4, KEPT / 2].map(|size| free.keep(map(size), now).len()).iter().sum();
        assert_eq!((gone, free.bytes), (1, KEPT / 4 + KEPT / 2));
        assert_eq!(free.blocks.iter().map(|block| block.len()).collect::<Vec<_>>(), [KEPT / 4, KEPT / 2]);
        assert_eq!(free.keep(map(KEPT + 1), now).len(), 3, "a giant is not kept at all");
        assert_eq!((free.bytes, free.blocks.len()), (0, 0));
    }

    #[test]
    fn what_was_not_needed_for_a_while_goes() {
        let mut free = blank();
        let began = Instant::now();
        for _ in 0..20 {
            assert!(free.keep(map(4 * GRAIN), began).is_empty());
        }
        // From now on no more than three are in use at once.
        let mut gone = 0;
        for second in 1..=30 {
            let used: Vec<MmapMut> = (0..3).map(|_| free.take(4 * GRAIN).unwrap()).collect();
            for block in used {
                gone += free.keep(block, began + Duration::from_secs(second)).len();
            }
        }
        assert_eq!((gone, free.blocks.len()), (17, 3));
    }

    #[test]
    fn a_buffer_holds_just_what_was_copied() {
        for length in [0, 1, SMALLEST - 1, SMALLEST, 3 * SMALLEST, SMALLEST + 5] {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(*Buffer::copy(&bytes), bytes);
            assert_eq!(Buffer::copy(&bytes).clone(), Buffer::copy(&bytes));
            assert_eq!(*Buffer::gather(length, bytes.chunks(1000)), bytes);
        }
    }
}
