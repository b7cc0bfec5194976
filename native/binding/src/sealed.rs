//! `findSealed`.

use std::path::PathBuf;

use atomscale_core::error::guarded;
use atomscale_core::{pool, sealed};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::promise::{Settler, promise};

/// A sealed chunk, as far as names and sizes tell.
#[napi(object, object_from_js = false)]
pub struct FoundChunk {
    /// The text of its sidecar, as it is.
    pub sidecar: String,
    /// Size of its data.
    pub bytes: i64,
}

/// What there is of sealed chunks: sidecar `NNNNNN.json` and data `NNNNNN.<ending>`; null where one of them is missing
/// or cannot be read. One call for many chunks: a file at a time would cost four waits each.
#[napi(catch_unwind, ts_return_type = "Promise<Array<FoundChunk | null>>")]
pub fn find_sealed(env: &Env, folder: String, numbers: Vec<u32>, ending: String) -> napi::Result<Object<'_>> {
    let (done, promise) = promise(env, Settler::default(), found_chunks)?;
    pool::disk().submit(move || {
        done(guarded(|| Ok(sealed::find(&PathBuf::from(folder), &numbers, &ending))));
    });
    Ok(promise)
}

fn found_chunks(found: Vec<Option<sealed::Found>>) -> Vec<Option<FoundChunk>> {
    let chunk = |sealed::Found { sidecar, bytes }| FoundChunk { sidecar, bytes: bytes.cast_signed() };
    found.into_iter().map(|one| one.map(chunk)).collect()
}
