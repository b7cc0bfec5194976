//! Promises that are settled from other threads, in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use atomscale_core::error::Result;
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, JsDeferred};

use crate::to_js;

type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T>>;
type Settle = Box<dyn FnOnce(Next) + Send>;

/// Settles promises one after the other, in the order in which their outcomes came.
///
/// Each promise has a thread-safe function of its own, and between those the event loop knows no order. So the next
/// one is handed over only when the one before has reached the JS thread.
#[derive(Clone, Default)]
pub(crate) struct Settler {
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Settle>,
    /// One is on its way to the JS thread.
    busy: bool,
    /// A thread is in `advance`.
    advancing: bool,
}

/// Lets the next one go: when dropped in the JS thread, or elsewhere because the environment is gone.
struct Next(Settler);

impl Drop for Next {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.advance();
    }
}

impl Settler {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the next one, unless one is on its way. A loop and not a recursion: without an environment each
    /// hand-over drops its `Next` at once.
    fn advance(&self) {
        let mut line = self.lock();
        if line.advancing {
            return;
        }
        line.advancing = true;
        while !line.busy
            && let Some(settle) = line.waiting.pop_front()
        {
            line.busy = true;
            drop(line);
            settle(Next(self.clone()));
            line = self.lock();
        }
        line.advancing = false;
    }

    fn add(&self, settle: Settle) {
        self.lock().waiting.push_back(settle);
        self.advance();
    }
}

/// A promise, and the function that settles it, in `settler`'s order, with what `convert` makes of an outcome.
pub(crate) fn promise<T, V>(
    env: &Env,
    settler: Settler,
    convert: fn(T) -> V,
) -> napi::Result<(impl FnOnce(Result<T>) + Send + use<T, V>, Object<'_>)>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    let (deferred, promise): (JsDeferred<V, Resolver<V>>, _) = env.create_deferred()?;
    let settle = move |result: Result<T>| {
        settler.add(Box::new(move |next| {
            deferred.resolve(Box::new(move |_env| {
                drop(next);
                result.map(convert).map_err(|error| to_js(&error))
            }));
        }));
    };
    Ok((settle, promise))
}
