//! Memory of JS that the core reads in place.

use std::cell::RefCell;

use atomscale_core::loan::{Lender, Loan};
use napi::Env;
use napi::bindgen_prelude::Uint8ArraySlice;

thread_local! {
    /// Of this thread's environment.
    static LENDER: RefCell<Option<Lender>> = const { RefCell::new(None) };
}

/// Lends these bytes. When their environment ends, which takes their memory whoever refers to it, it waits for those
/// who read, and nobody else begins.
pub(crate) fn lend(env: Env, parts: &[Uint8ArraySlice<'_>]) -> napi::Result<Vec<Loan>> {
    let lender = LENDER.with_borrow_mut(|known| match known {
        Some(lender) if !lender.is_closed() => Ok(lender.clone()),
        _ => {
            let lender = Lender::default();
            env.add_env_cleanup_hook(lender.clone(), |lender| lender.close())?;
            napi::Result::Ok(known.insert(lender).clone())
        }
    })?;
    // Each array is referred to, so that it is not collected.
    parts.iter().map(|part| Ok(lender.lend(part.into_typed_array(&env)?))).collect()
}
