//! A stream's writer: calls are answered in the order they were made, encoding goes on side by side in the compute
//! pool, and what touches the disk runs in order on the disk pool, one job of a writer at a time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::budget::{self, Charge};
use crate::chooser::Chooser;
use crate::chunk::SealedChunk;
use crate::effort::{Compression, Haste};
use crate::encode::{Compressor, EncodedMessage, Piece, cut, encode};
use crate::error::{Error, Result, guarded};
use crate::frame::FrameSpec;
use crate::loan::Loan;
use crate::log::{Accepted, ChunkLog, Options, Place};
use crate::pool;
use crate::stamps::Stamping;

/// Called once with the outcome of a call, on any thread; must not panic or block.
pub type Done<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// The frames of one call, or why they are refused: that is told when its turn has come.
#[derive(Debug)]
pub struct Message {
    frames: Result<(Vec<Piece>, FrameSpec, Stamping)>,
    /// Where they go.
    pub place: Place,
}

impl Message {
    /// The frames in `parts`, each an encoded image or whole raw frames.
    ///
    /// `loans`: of the same bytes, which are read in place until the push is answered; None: they are copied now.
    /// `charge`: what these bytes take of the budget.
    pub fn new<P: AsRef<[u8]>>(
        parts: &[P],
        loans: Option<&[Loan]>,
        charge: Charge,
        spec: Result<FrameSpec>,
        stamping: Result<Stamping>,
        place: Place,
    ) -> Self {
        let frames = spec.and_then(|spec| Ok((cut(parts, loans, &spec, charge)?, spec, stamping?)));
        Self { frames, place }
    }
}

/// See the module. Dropping it lets queued calls finish and releases the files.
#[derive(Debug)]
pub struct ChunkWriter {
    inner: Arc<Inner>,
}

struct Inner {
    chooser: Mutex<Arc<Chooser>>,
    queue: Mutex<Queue>,
    log: Mutex<ChunkLog>,
    open_frames: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    slots: VecDeque<Slot>,
    draining: bool,
    closed: bool,
}

/// A call that waits for its turn.
enum Slot {
    Push(Arc<Pending>, Done<Accepted>),
    Seal(Done<Option<SealedChunk>>),
    Sync(Done<()>),
    Close(Done<()>),
}

/// A message on its way through the compute pool.
struct Pending {
    encoded: Mutex<Option<Encoded>>,
}

struct Encoded {
    message: Result<(EncodedMessage, Stamping)>,
    place: Place,
}

fn haste() -> Haste {
    Haste::of(budget::process().taken())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic may leave half-done is put right by `ChunkLog` itself, not by refusing the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChunkWriter {
    /// Touches no file. Options that make no sense are `ERR_NATIVE`: the caller has checked its settings.
    pub fn new(options: Options, compression: Compression) -> Result<Self> {
        if options.chunk_size == 0 || !(options.fps > 0.0 && options.fps.is_finite()) {
            return Err(Error::native(format!(
                "expected a chunk size and frames per second above 0, got {} and {}; check them before",
                options.chunk_size, options.fps
            )));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                chooser: Mutex::new(Arc::new(Chooser::new(compression))),
                queue: Mutex::default(),
                log: Mutex::new(ChunkLog::new(options)),
                open_frames: AtomicUsize::new(0),
            }),
        })
    }

    /// Frames in the open chunk.
    pub fn open_frames(&self) -> usize {
        self.inner.open_frames.load(Ordering::Relaxed)
    }

    /// Compresses what is pushed from now on otherwise.
    pub fn set_compression(&self, compression: Compression) {
        let mut chooser = lock(&self.inner.chooser);
        if chooser.compression() != compression {
            *chooser = Arc::new(Chooser::new(compression));
        }
    }

    /// What chooses the way frames are compressed.
    fn chooser(&self) -> Arc<Chooser> {
        Arc::clone(&lock(&self.inner.chooser))
    }

    /// Takes the frames of a message, whole or not at all.
    pub fn push(&self, message: Message, done: Done<Accepted>) {
        let pending = Arc::new(Pending { encoded: Mutex::new(None) });
        if !self.enqueue(Slot::Push(Arc::clone(&pending), done)) {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let Message { frames, place } = message;
        let ready = move |message: Result<(EncodedMessage, Stamping)>| {
            *lock(&pending.encoded) = Some(Encoded { message, place });
            inner.kick();
        };
        match frames {
            Err(error) => ready(Err(error)),
            Ok((pieces, spec, stamping)) => {
                // Who makes chunks of his own waits for them; a camera does not.
                let haste = if place == Place::Flow { haste } else { || Haste::None };
                let compressor = Compressor { chooser: self.chooser(), haste };
                encode(pieces, spec, compressor, move |result| {
                    ready(result.map(|message| (message, stamping)));
                });
            }
        }
    }

    /// Seals the open chunk; see [`ChunkLog::seal`].
    pub fn seal(&self, done: Done<Option<SealedChunk>>) {
        self.enqueue(Slot::Seal(done));
    }

    /// Makes what was pushed before this call outlive a power failure.
    pub fn sync(&self, done: Done<()>) {
        self.enqueue(Slot::Sync(done));
    }

    /// Syncs and releases the files after all earlier calls; later calls are refused with `ERR_NATIVE`, but for
    /// another close.
    pub fn close(&self, done: Done<()>) {
        self.enqueue(Slot::Close(done));
    }

    /// Puts a call into the queue; refuses it when the writer is closed.
    fn enqueue(&self, slot: Slot) -> bool {
        let mut queue = lock(&self.inner.queue);
        let closing = matches!(slot, Slot::Close(_));
        if queue.closed && !closing {
            drop(queue);
            slot.refuse(Error::native("this chunk writer is closed; make a new one"));
            return false;
        }
        queue.closed |= closing;
        queue.slots.push_back(slot);
        drop(queue);
        self.inner.kick();
        true
    }
}

impl Inner {
    /// Sees to it that the front slot is worked on, if it is ready and nobody is at it.
    fn kick(self: &Arc<Self>) {
        let mut queue = lock(&self.queue);
        if queue.draining || !queue.slots.front().is_some_and(Slot::is_ready) {
            return;
        }
        queue.draining = true;
        let slot = queue.slots.pop_front();
        drop(queue);
        let inner = Arc::clone(self);
        pool::disk().submit(move || {
            if let Some(slot) = slot {
                inner.work_off(slot);
            }
            lock(&inner.queue).draining = false;
            // By way of the pool's queue, so that writers take turns.
            inner.kick();
        });
    }

    fn work_off(&self, slot: Slot) {
        match slot {
            Slot::Push(pending, done) => {
                let Some(Encoded { message, place }) = lock(&pending.encoded).take() else {
                    return done(Err(Error::native("a message was lost before its turn; please report it")));
                };
                let result = message.and_then(|(message, stamping)| {
                    self.with_log(|log| log.append(&message, &stamping, place))
                });
                done(result);
            }
            Slot::Seal(done) => done(self.with_log(ChunkLog::seal)),
            Slot::Sync(done) => done(self.with_log(ChunkLog::sync)),
            Slot::Close(done) => done(self.with_log(ChunkLog::close)),
        }
    }

    fn with_log<T>(&self, work: impl FnOnce(&mut ChunkLog) -> Result<T>) -> Result<T> {
        let mut log = lock(&self.log);
        let result = guarded(|| work(&mut log));
        self.open_frames.store(log.open_frames(), Ordering::Relaxed);
        result
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let frames = self.open_frames.load(Ordering::Relaxed);
        f.debug_struct("Inner").field("open_frames", &frames).finish_non_exhaustive()
    }
}

impl Slot {
    fn is_ready(&self) -> bool {
        match self {
            Self::Push(pending, _) => lock(&pending.encoded).is_some(),
            _ => true,
        }
    }

    fn refuse(self, error: Error) {
        match self {
            Self::Push(_, done) => done(Err(error)),
            Self::Seal(done) => done(Err(error)),
            Self::Sync(done) | Self::Close(done) => done(Err(error)),
        }
    }
}
