//! Images that take much memory while they are decoded have to wait for each other: a few kilobytes can hold 64
//! megapixels in 16-bit colour, and one of them on each core of the machine would be gigabytes.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of decoded samples from which on an image is large: more than cameras send.
const LARGE: u64 = 64 << 20;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Waits until no other large image is being decoded; None at once for an image that is not large.
pub(super) fn turn(decoded_bytes: u64) -> Option<MutexGuard<'static, ()>> {
    (decoded_bytes > LARGE).then(|| ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{TryRecvError, channel};
    use std::thread;

    #[test]
    fn large_images_have_their_turn_and_others_need_none() {
        let first = turn(LARGE + 1).unwrap();
        assert!(turn(LARGE).is_none());
        let (tell, told) = channel();
        let second = thread::spawn(move || {
            let _turn = turn(LARGE + 1);
            tell.send(()).unwrap();
        });
        assert_eq!(told.try_recv(), Err(TryRecvError::Empty));
        drop(first);
        told.recv().unwrap();
        second.join().unwrap();
    }
}
