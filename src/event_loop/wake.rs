//! Calling into a loop from another thread (`uv_async_t`).

use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};

use super::contained;
use super::handle::{Handle, Loop};
use super::uv::{RawHandle, Uv};

pub trait WakeObserver {
    /// Called on the loop's thread after one or more `Waker::wake`, with no JavaScript on the stack.
    fn woken(&self);
}

type Observer = Weak<dyn WakeObserver>;

/// The loop's end: owns the handle, keeps the loop alive unless told otherwise.
pub struct Wake {
    handle: Handle<Observer>,
    target: Arc<Mutex<Target>>,
}

/// The other end, for any thread.
#[derive(Clone)]
pub struct Waker(Arc<Mutex<Target>>);

/// The handle to signal, while it is open.
struct Target(Option<(&'static Uv, *mut RawHandle)>);

// SAFETY: the pointer is used for uv_async_send alone, which libuv allows from any thread, and only under the mutex that
// `Wake` takes before it closes the handle.
unsafe impl Send for Target {}

impl Wake {
    pub fn new(home: &Rc<Loop>, observer: Observer) -> Result<Self, i32> {
        let target = Arc::new(Mutex::new(Target(None)));
        let handle = Handle::new(home, observer, |uv, home, raw| {
            // SAFETY: `raw` is zeroed memory large enough for a uv_async_t, `home` this thread's loop.
            unsafe { (uv.async_init)(home, raw, on_wake) }
        })?;
        lock(&target).0 = handle.open();
        let guard = target.clone();
        handle.before_close(move || lock(&guard).0 = None);
        Ok(Wake { handle, target })
    }

    pub fn waker(&self) -> Waker {
        Waker(self.target.clone())
    }

    /// Whether the loop stays alive for it (it does at first).
    pub fn set_ref(&self, on: bool) {
        self.handle.set_ref(on);
    }

    /// No `woken` comes after it; wakers then do nothing.
    pub fn close(&self) {
        self.handle.close();
    }
}

impl Waker {
    /// Makes the loop call `woken` soon. Calls that come before it does are one.
    pub fn wake(&self) {
        if let Some((uv, raw)) = lock(&self.0).0 {
            // SAFETY: the handle is open for as long as the mutex is held.
            unsafe { (uv.async_send)(raw) };
        }
    }
}

fn lock(target: &Mutex<Target>) -> std::sync::MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn on_wake(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `Wake::new`.
    if let Some(observer) = unsafe { Handle::<Observer>::observer(raw) }.upgrade() {
        contained(|| observer.woken());
    }
}
