//! Time that the thread itself was at work: on a machine that does other things too, what a clock on the wall shows
//! says little about the work.

use std::time::Duration;
#[cfg(not(unix))]
use std::time::Instant;

/// A moment of this thread's own time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadTime(#[cfg(unix)] Duration, #[cfg(not(unix))] Instant);

impl ThreadTime {
    /// Now. Where the system has no such clock (Windows counts in steps of 16 ms), the clock on the wall has to do.
    pub(crate) fn now() -> Self {
        #[cfg(unix)]
        {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: `time` is a timespec that the call may write to.
            unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            Self(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
        }
        #[cfg(not(unix))]
        Self(Instant::now())
    }

    /// What the thread has worked since.
    pub(crate) fn elapsed(self) -> Duration {
        #[cfg(unix)]
        return Self::now().0.saturating_sub(self.0);
        #[cfg(not(unix))]
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_while_the_thread_works() {
        let began = ThreadTime::now();
        let has_worked = (0..100_000_000).any(|_| began.elapsed() >= Duration::from_millis(1));
        assert!(has_worked);
    }

    #[cfg(unix)]
    #[test]
    fn stands_while_the_thread_sleeps() {
        let (began, wall) = (ThreadTime::now(), std::time::Instant::now());
        std::thread::sleep(Duration::from_millis(50));
        assert!(began.elapsed() < wall.elapsed() / 2);
    }
}
