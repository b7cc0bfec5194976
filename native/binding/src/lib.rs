//! What JS sees of `atomscale-core`: classes and functions that turn values into its own and back, and no more.
//!
//! Every error is an `Error` whose message is `CODE: text`. Nothing in here belongs to one environment: the addon may
//! be loaded twice, and in worker threads.

pub mod checks;
mod lender;
pub mod lock;
mod promise;
pub mod recover;
pub mod sealed;
pub mod writer;

use atomscale_core::error::Error;

/// An error as JS gets it.
pub(crate) fn to_js(error: &Error) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
