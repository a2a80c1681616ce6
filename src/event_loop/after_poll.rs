//! Work for the end of this turn's I/O (`uv_check_t`): what a child's exit waits for, so that the output which the same
//! turn has found comes first, as with libuv, which looks at signals last.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use super::handle::{Handle, Loop};
use super::uv::RawHandle;

type Work = Box<dyn FnOnce()>;

/// One per environment. Does not keep the loop alive: whoever has work waiting does.
pub struct AfterPoll {
    home: Weak<Loop>,
    check: OnceCell<Handle<Weak<AfterPoll>>>,
    waiting: RefCell<Vec<Work>>,
}

impl AfterPoll {
    pub fn new(home: &Rc<Loop>) -> Rc<Self> {
        Rc::new(AfterPoll {
            home: Rc::downgrade(home),
            check: OnceCell::new(),
            waiting: RefCell::default(),
        })
    }

    /// Runs `work` when the I/O of this turn of the loop is through, before `setImmediate`'s callbacks. Called from an I/O
    /// callback of the loop; work that still waits at `end` is dropped.
    pub fn run(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.waiting.borrow_mut().push(Box::new(work));
        if self.check.get().is_none() {
            let Some(home) = self.home.upgrade() else { return };
            let made = Handle::new(&home, Rc::downgrade(self), |uv, home, raw| {
                // SAFETY: `raw` is zeroed memory large enough for a uv_check_t, `home` this thread's loop.
                unsafe { (uv.check_init)(home, raw) }
            });
            let Ok(made) = made else { return };
            made.set_ref(false);
            let _ = self.check.set(made);
        }
        if let Some((uv, raw)) = self.check.get().and_then(Handle::open) {
            // SAFETY: `raw` is open; starting it again does nothing.
            unsafe { (uv.check_start)(raw, on_check) };
        }
    }

    /// Drops the work that still waits: it may hold us.
    pub fn end(&self) {
        drop(self.waiting.take());
    }
}

unsafe extern "C" fn on_check(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `AfterPoll::run`.
    let Some(owner) = unsafe { Handle::<Weak<AfterPoll>>::observer(raw) }.upgrade() else {
        return;
    };
    if let Some((uv, raw)) = owner.check.get().and_then(Handle::open) {
        // SAFETY: `raw` is open.
        unsafe { (uv.check_stop)(raw) };
    }
    let waiting = owner.waiting.take();
    for work in waiting {
        work();
    }
}
