//! Checksums.

use std::path::PathBuf;

use atomscale_core::error::guarded;
use atomscale_core::{pool, verify};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8ArraySlice};
use napi_derive::napi;

use crate::promise::{Settler, promise};

/// Whether `crc` is the crc32c (8 hex digits) of the whole file. Rejects with `ERR_SPOOL` when it cannot be read.
#[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
pub fn verify_shard(env: &Env, path: String, crc: String) -> napi::Result<Object<'_>> {
    let (done, promise) = promise(env, Settler::default(), |holds| holds)?;
    pool::disk().submit(move || done(guarded(|| verify::verify(&PathBuf::from(path), &crc))));
    Ok(promise)
}

/// The crc32c of some bytes.
#[napi(catch_unwind, js_name = "crc32c")]
pub fn crc32c(bytes: Uint8ArraySlice<'_>) -> u32 {
    atomscale_core::crc32c(&bytes)
}
