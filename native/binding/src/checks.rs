//! Whether what is on disk is what it was.

use std::path::PathBuf;

use atomscale_core::error::guarded;
use atomscale_core::{compress, pool, verify};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::promise::{Settler, promise};

/// Whether `crc` is the crc32c (8 hex digits) of the whole file. Rejects with `ERR_SPOOL` when it cannot be read.
#[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
pub fn verify_shard(env: &Env, path: String, crc: String) -> napi::Result<Object<'_>> {
    let (done, promise) = promise(env, Settler::default(), |holds| holds)?;
    pool::disk().submit(move || done(guarded(|| verify::verify(&PathBuf::from(path), &crc))));
    Ok(promise)
}

/// The crc32c of some bytes, or of all up to them when `before` is that of the bytes before.
#[napi(catch_unwind, js_name = "crc32c")]
pub fn crc32c(bytes: Uint8ArraySlice<'_>, before: Option<u32>) -> u32 {
    atomscale_core::crc32c_append(before.unwrap_or(0), &bytes)
}

/// The pixels of a chunk's zstd frame, null unless it holds just `pixels` of them. In the call, on this thread: for
/// recovery and tools, not for the frames of a running camera.
#[napi(catch_unwind)]
pub fn decode_frame(bytes: Uint8ArraySlice<'_>, pixels: u32) -> Option<Uint8Array> {
    compress::decompress(&bytes, pixels as usize).map(Uint8Array::from)
}

/// Bytes of the zstd frame that `bytes` begin with, null when they begin with no whole one.
#[napi(catch_unwind)]
pub fn frame_length(bytes: Uint8ArraySlice<'_>) -> Option<u32> {
    compress::frame_length(&bytes).and_then(|length| u32::try_from(length).ok())
}
