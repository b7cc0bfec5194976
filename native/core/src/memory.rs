//! Memory for frames that is used again: a block of this size that is fresh from the system costs as much to fault in
//! and clear as the frame in it costs to compress.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that are kept for later, over the whole process: enough for the frames under way in steady state.
const KEPT: usize = 24 << 20;
/// Smaller blocks are left to the allocator, which has them at hand.
const SMALLEST: usize = 32 << 10;

static FREE: Mutex<Free> = Mutex::new(Free { blocks: Vec::new(), bytes: 0 });

/// Blocks that nobody uses.
struct Free {
    blocks: Vec<Vec<u8>>,
    /// Sum of their capacities.
    bytes: usize,
}

fn free() -> MutexGuard<'static, Free> {
    // Nothing panics while it is held.
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Free {
    /// The block used last that holds `length` bytes and not many more: what is held is charged by its length.
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fits = |block: &Vec<u8>| (length..=length.saturating_add(length / 4)).contains(&block.capacity());
        let block = self.blocks.remove(self.blocks.iter().rposition(fits)?);
        self.bytes -= block.capacity();
        Some(block)
    }

    /// Keeps a block; the oldest ones go for it.
    fn keep(&mut self, block: Vec<u8>) {
        self.bytes += block.capacity();
        self.blocks.push(block);
        while self.bytes > KEPT {
            self.bytes -= self.blocks.remove(0).capacity();
        }
    }
}

/// Bytes in such memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// A copy.
    pub fn copy(bytes: &[u8]) -> Self {
        let reused = if bytes.len() < SMALLEST { None } else { free().take(bytes.len()) };
        let mut block = reused.unwrap_or_else(|| Vec::with_capacity(bytes.len()));
        block.clear();
        block.extend_from_slice(bytes);
        Self(block)
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::copy(self)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.capacity() >= SMALLEST {
            free().keep(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_for_what_fits() {
        let mut free = Free { blocks: Vec::new(), bytes: 0 };
        free.keep(Vec::with_capacity(100));
        assert!(free.take(101).is_none(), "too small");
        assert!(free.take(79).is_none(), "a waste");
        assert_eq!(free.take(80).unwrap().capacity(), 100);
        assert_eq!(free.bytes, 0);
        assert!(free.take(80).is_none());
    }

    #[test]
    fn no_more_than_so_much_is_kept_and_the_oldest_goes_first() {
        let mut free = Free { blocks: Vec::new(), bytes: 0 };
        for size in [KEPT / 2, KEPT / 4, KEPT / 2] {
            free.keep(Vec::with_capacity(size));
        }
        assert!(free.bytes <= KEPT);
        assert_eq!(free.blocks.iter().map(Vec::capacity).collect::<Vec<_>>(), [KEPT / 4, KEPT / 2]);
        free.keep(Vec::with_capacity(KEPT + 1));
        assert_eq!((free.bytes, free.blocks.len()), (0, 0), "a giant is not kept at all");
    }

    #[test]
    fn a_buffer_holds_just_what_was_copied() {
        for length in [0, 1, SMALLEST - 1, SMALLEST, 3 * SMALLEST, SMALLEST + 5] {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(*Buffer::copy(&bytes), bytes);
            assert_eq!(*Buffer::copy(&bytes).clone(), bytes);
        }
    }
}
