//! `recoverChunk`.

use std::path::PathBuf;

use atomscale_core::error::guarded;
use atomscale_core::{pool, recover};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::promise::{Settler, promise};
use crate::writer::{SealedChunk, count, sealed_chunk};

/// What became of a chunk that a crash left open.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct RecoveredChunk {
    /// The chunk, sealed, if it had frames that hold.
    pub sealed: Option<SealedChunk>,
    /// Frames that hold.
    pub frames_kept: u32,
    /// Bytes cut off the part.
    pub bytes_cut: i64,
    /// What did not hold, null when all did. With `sealed` null too the files were left as they are; both null: there
    /// was nothing in it, and the files are gone.
    pub damaged: Option<String>,
}

/// Checks the open chunk of this number against its journal, cuts it at the first record that does not hold, and seals
/// it. Rejects with `ERR_SPOOL` when the disk refuses; harmless to call again.
#[napi(catch_unwind, ts_return_type = "Promise<RecoveredChunk>")]
pub fn recover_chunk(env: &Env, folder: String, number: u32, fps: f64) -> napi::Result<Object<'_>> {
    let (done, promise) = promise(env, Settler::default(), recovered_chunk)?;
    pool::disk().submit(move || done(guarded(|| recover::recover(&PathBuf::from(folder), number, fps))));
    Ok(promise)
}

fn recovered_chunk(recovered: recover::Recovered) -> RecoveredChunk {
    RecoveredChunk {
        sealed: recovered.sealed.as_ref().map(sealed_chunk),
        frames_kept: count(recovered.frames_kept),
        bytes_cut: recovered.bytes_cut.cast_signed(),
        damaged: recovered.damaged,
    }
}
