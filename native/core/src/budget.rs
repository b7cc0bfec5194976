//! Bytes held by messages that are not yet on disk, counted over the whole process, so that a stalled disk or
//! processor ends in refused messages and not in a process that grows until it is killed.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// What a process may hold unless told otherwise: 128 MiB.
pub const DEFAULT_LIMIT: usize = 128 << 20;

/// A count with a limit. The process has one, [`process`]; tests make their own.
#[derive(Debug)]
pub struct Budget {
    held: AtomicUsize,
    limit: AtomicUsize,
}

static PROCESS: Budget = Budget::new(DEFAULT_LIMIT);

/// The budget that all writers of this process share.
pub fn process() -> &'static Budget {
    &PROCESS
}

impl Budget {
    /// A budget of `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self { held: AtomicUsize::new(0), limit: AtomicUsize::new(limit) }
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// The part of the limit that is held now; may exceed 1.
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
    pub fn taken(&self) -> f64 {
        self.held() as f64 / self.limit.load(Ordering::Relaxed).max(1) as f64
    }

    /// Changes the limit; what is held stays.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes`, or refuses with `ERR_OVERLOAD`. A message larger than the limit passes when nothing else is
    /// held: it could never pass otherwise.
    pub fn take(&'static self, bytes: usize) -> Result<Charge> {
        let limit = self.limit.load(Ordering::Relaxed);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                let after = held.saturating_add(bytes);
                (held == 0 || after <= limit).then_some(after)
            })
            .map(|_| Charge { budget: self, bytes })
            .map_err(|held| {
                Error::overload(format!(
                    "{held} bytes of earlier frames are not on disk yet, and {bytes} more would pass the limit of \
                     {limit}; send fewer or smaller frames, or use a faster disk"
                ))
            })
    }
}

/// Bytes taken from a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: &'static Budget,
    bytes: usize,
}

impl Charge {
    /// Says that the message now holds `bytes`, whatever the limit.
    pub fn resize(&mut self, bytes: usize) {
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }

    /// Gives `bytes` of it away.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { budget: self.budget, bytes }
    }

    /// Takes another one in.
    pub fn join(&mut self, mut other: Self) {
        debug_assert!(std::ptr::eq(self.budget, other.budget));
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn refuses_above_the_limit_and_takes_back() {
        static BUDGET: Budget = Budget::new(100);
        let first = BUDGET.take(60).unwrap();
        let refused = BUDGET.take(41).unwrap_err();
        assert_eq!(refused.code, Code::Overload);
        assert!(refused.text.contains("60") && refused.text.contains("41") && refused.text.contains("100"));
        let second = BUDGET.take(40).unwrap();
        drop(first);
        assert_eq!(BUDGET.held(), 40);
        drop(second);
        assert_eq!(BUDGET.held(), 0);
    }

    #[test]
    fn a_charge_is_given_back_in_parts() {
        static BUDGET: Budget = Budget::new(100);
        let mut whole = BUDGET.take(90).unwrap();
        let mut part = whole.split(30);
        assert_eq!(BUDGET.held(), 90);
        part.resize(10);
        assert_eq!(BUDGET.held(), 70);
        drop(whole.split(1000));
        assert_eq!(BUDGET.held(), 10);
        whole.join(part);
        assert_eq!(BUDGET.held(), 10);
        drop(whole);
        assert_eq!(BUDGET.held(), 0);
    }

    #[test]
    fn one_message_larger_than_the_limit_passes_alone() {
        static BUDGET: Budget = Budget::new(10);
        let mut large = BUDGET.take(50).unwrap();
        assert!(BUDGET.take(0).is_err());
        large.resize(5);
        assert!(BUDGET.take(5).is_ok());
    }
}
