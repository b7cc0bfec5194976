//! `FolderLock`.

use std::path::PathBuf;

use atomscale_core::lock;
use napi_derive::napi;

use crate::to_js;

/// The system's lock on a file: one holder at a time over all processes, gone with the process however it ends.
#[napi]
pub struct FolderLock {
    held: Option<lock::FolderLock>,
}

#[napi]
impl FolderLock {
    /// Locks the file at `path`, making it if need be. Held elsewhere: `ERR_SPOOL`, the text begins "locked".
    #[napi(factory, catch_unwind)]
    pub fn acquire(path: String) -> napi::Result<Self> {
        let held = lock::FolderLock::acquire(&PathBuf::from(path)).map_err(|error| to_js(&error))?;
        Ok(Self { held: Some(held) })
    }

    /// Gives the lock back; a second time does nothing.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.held = None;
    }
}
