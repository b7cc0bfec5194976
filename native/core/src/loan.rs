//! Bytes that a caller lends until its call is answered, instead of having them copied.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, Result};
use crate::memory::Buffer;

/// Whoever owns memory that is lent. Once it is closed, nobody reads from what it has lent.
#[derive(Debug, Clone, Default)]
pub struct Lender {
    closed: Arc<RwLock<bool>>,
}

impl Lender {
    /// Lends the bytes of `owner`, which must stay where they are and as they are while it lives and this is not closed.
    pub fn lend(&self, owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Loan {
        Loan { owner: Arc::new(owner), lender: self.clone() }
    }

    /// Ends all loans, for good: waits for those who read now, and lets nobody else begin.
    pub fn close(&self) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        *self.closed.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a [`Lender`]'s.
#[derive(Clone)]
pub struct Loan {
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    lender: Lender,
}

impl std::fmt::Debug for Loan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loan").field("lender", &self.lender).finish_non_exhaustive()
    }
}

/// Bytes of a message, until they are compressed.
#[derive(Debug)]
pub enum Bytes {
    /// Copied when they came.
    Copied(Buffer),
    /// Some of those that are lent.
    Lent(Loan, Range<usize>),
}

impl Bytes {
    /// Works on them. Refuses with `ERR_NATIVE` when they were lent by whoever is closed.
    pub fn read<T>(&self, work: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        match self {
            Self::Copied(bytes) => work(bytes),
            Self::Lent(Loan { owner, lender }, range) => {
                let closed = lender.closed.read().unwrap_or_else(PoisonError::into_inner);
                if *closed {
                    return Err(Error::native(
                        "the frames' memory is gone before they were read: the program ends",
                    ));
                }
                work(&owner.as_ref().as_ref()[range.clone()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    fn first(bytes: &Bytes) -> Result<u8> {
        bytes.read(|bytes| Ok(bytes[0]))
    }

    #[test]
    fn what_is_lent_is_read_in_place() {
        let lender = Lender::default();
        let owner: &'static [u8] = &[1, 2, 3, 4];
        let bytes = Bytes::Lent(lender.lend(owner), 1..3);
        bytes
            .read(|read| {
                assert_eq!((read.as_ptr(), read.len()), (owner[1..].as_ptr(), 2));
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn nobody_reads_once_the_lender_is_closed() {
        let (lender, other) = (Lender::default(), Lender::default());
        let [bytes, others] = [&lender, &other].map(|lender| Bytes::Lent(lender.lend(vec![7; 10]), 0..10));
        lender.close();
        assert!(lender.is_closed() && !other.is_closed());
        assert_eq!(first(&bytes).unwrap_err().code, Code::Native);
        assert_eq!(first(&others).unwrap(), 7);
        assert_eq!(first(&Bytes::Copied(Buffer::copy(&[5]))).unwrap(), 5);
    }

    #[test]
    fn closing_waits_for_whoever_reads() {
        let lender = Lender::default();
        let bytes = Bytes::Lent(lender.lend(vec![7; 10]), 0..10);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            bytes
                .read(|_| {
                    scope.spawn(|| {
                        lender.close();
                        tell.send(()).unwrap();
                    });
                    let answer = told.recv_timeout(Duration::from_millis(50));
                    assert!(answer.is_err(), "it must not be closed while this reads");
                    Ok(())
                })
                .unwrap();
        });
        told.recv().unwrap();
    }

    #[test]
    fn a_panic_while_reading_does_not_keep_it_open() {
        let lender = Lender::default();
        let bytes = Bytes::Lent(lender.lend(vec![7; 10]), 0..10);
        let read =
            std::panic::AssertUnwindSafe(|| bytes.read(|_| -> Result<()> { panic!("as a decoder may") }));
        assert!(std::panic::catch_unwind(read).is_err());
        assert_eq!(first(&bytes).unwrap(), 7);
        lender.close();
    }
}
