//! Two pools of threads of our own, so that neither Node's four libuv threads nor each other is starved: one as
//! wide as the machine for decoding and compressing, one for the disk, where a stalled sync may sit for seconds.
//!
//! First come, first served, over all streams. Threads start when first needed and live as long as the process.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// A queue and the threads that work it off.
#[derive(Debug)]
pub struct Pool {
    name: &'static str,
    size: usize,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} jobs, {} threads, {} idle", self.jobs.len(), self.threads, self.idle)
    }
}

/// Decoding and compressing: one thread a core.
pub fn compute() -> &'static Pool {
    static POOL: LazyLock<Pool> =
        LazyLock::new(|| Pool::new("rheed-cpu", thread::available_parallelism().map_or(2, Into::into)));
    &POOL
}

/// Writing and syncing: four threads, which mostly wait.
pub fn disk() -> &'static Pool {
    static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new("rheed-disk", 4));
    &POOL
}

impl Pool {
    fn new(name: &'static str, size: usize) -> Self {
        Self { name, size, state: Mutex::default(), wake: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock; were it so, the queue would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job. A job that panics is dropped; it must tell its own caller (see `error::guarded`).
    ///
    /// Where the system gives us not a single thread the job runs here and now: slow, but not lost.
    pub fn submit(&'static self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.jobs.push_back(Box::new(job));
        if state.idle < state.jobs.len() && state.threads < self.size {
            let name = format!("{}-{}", self.name, state.threads);
            match thread::Builder::new().name(name).spawn(move || self.work()) {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => {
                    let job = state.jobs.pop_back();
                    drop(state);
                    run(job);
                    return;
                }
                Err(_) => {} // the threads we have will come to it
            }
        }
        drop(state);
        self.wake.notify_one();
    }

    fn work(&self) {
        loop {
            let mut state = self.lock();
            while state.jobs.is_empty() {
                state.idle += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
            let job = state.jobs.pop_front();
            drop(state);
            run(job);
        }
    }
}

fn run(job: Option<Job>) {
    if let Some(job) = job {
        // The job has told its caller already, or could not; the thread must live on either way.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn runs_all_jobs_though_some_panic() {
        static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new("test", 3));
        let (tell, told) = mpsc::channel();
        for n in 0..200 {
            let tell = tell.clone();
            POOL.submit(move || {
                assert!(n % 10 != 0, "every tenth job fails");
                tell.send(n).unwrap();
            });
        }
        drop(tell);
        assert_eq!(told.iter().count(), 180);
        assert!(POOL.lock().threads <= 3);
    }

    #[test]
    fn a_blocked_thread_does_not_hold_up_the_others() {
        static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new("test", 2));
        let (release, blocked) = mpsc::channel::<()>();
        POOL.submit(move || blocked.recv().unwrap());
        let (tell, told) = mpsc::channel();
        POOL.submit(move || tell.send(()).unwrap());
        told.recv().unwrap();
        release.send(()).unwrap();
    }
}
