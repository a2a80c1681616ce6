//! Work for the end of a turn's I/O (`uv_check_t`): what a child's exit waits for, so that the output which the same turn has
//! found comes first, as with libuv, which looks at signals last; and what libuv would find ready in the next turn, but is
//! known without asking the kernel.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use super::handle::{Handle, Loop};
use super::uv::{RawHandle, RawLoop, Uv};

type Work = Box<dyn FnOnce()>;
type OwnHandle = OnceCell<Handle<Weak<AfterPoll>>>;

/// One per environment.
pub struct AfterPoll {
    home: Weak<Loop>,
    /// Does not keep the loop alive: whoever has work waiting does.
    check: OwnHandle,
    /// While there is work for the next turn: keeps the loop alive, and from waiting for I/O.
    idle: OwnHandle,
    waiting: RefCell<Vec<Work>>,
    /// Waits from the next turn's beginning on.
    next: RefCell<Vec<Work>>,
}

impl AfterPoll {
    pub fn new(home: &Rc<Loop>) -> Rc<Self> {
        Rc::new(AfterPoll {
            home: Rc::downgrade(home),
            check: OnceCell::new(),
            idle: OnceCell::new(),
            waiting: RefCell::default(),
            next: RefCell::default(),
        })
    }

    /// Runs `work` when the I/O of this turn of the loop is through, before `setImmediate`'s callbacks. Called from an I/O
    /// callback of the loop; work that still waits at `end` is dropped.
    pub fn run(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.waiting.borrow_mut().push(Box::new(work));
        self.start_check();
    }

    /// As `run`, of the next turn, called from anywhere.
    pub fn run_in_next_turn(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.next.borrow_mut().push(Box::new(work));
        if let Some((uv, raw)) = self.opened(&self.idle, |uv, home, raw| {
            // SAFETY: `raw` is zeroed memory large enough for a uv_idle_t, `home` this thread's loop.
            unsafe { (uv.idle_init)(home, raw) }
        }) {
            // SAFETY: `raw` is open; starting it again does nothing.
            unsafe { (uv.idle_start)(raw, on_idle) };
        }
    }

    /// Drops the work that still waits: it may hold us.
    pub fn end(&self) {
        drop(self.waiting.take());
        drop(self.next.take());
    }

    fn start_check(self: &Rc<Self>) {
        if let Some((uv, raw)) = self.opened(&self.check, |uv, home, raw| {
            // SAFETY: `raw` is zeroed memory large enough for a uv_check_t, `home` this thread's loop.
            unsafe {
                let status = (uv.check_init)(home, raw);
                (uv.unref_handle)(raw);
                status
            }
        }) {
            // SAFETY: `raw` is open; starting it again does nothing.
            unsafe { (uv.check_start)(raw, on_check) };
        }
    }

    fn opened(
        self: &Rc<Self>,
        handle: &OwnHandle,
        init: impl FnOnce(&Uv, *mut RawLoop, *mut RawHandle) -> i32,
    ) -> Option<(&'static Uv, *mut RawHandle)> {
        if handle.get().is_none() {
            let made = Handle::new(&self.home.upgrade()?, Rc::downgrade(self), init).ok()?;
            let _ = handle.set(made);
        }
        handle.get().and_then(Handle::open)
    }
}

/// The owner of a handle that libuv calls for.
///
/// # Safety
/// `raw` is an open handle of an `AfterPoll`.
unsafe fn owner_of(raw: *mut RawHandle) -> Option<Rc<AfterPoll>> {
    // SAFETY: by contract.
    unsafe { Handle::<Weak<AfterPoll>>::observer(raw) }.upgrade()
}

unsafe extern "C" fn on_idle(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `run_in_next_turn`.
    let Some(owner) = (unsafe { owner_of(raw) }) else {
        return;
    };
    let begun = owner.next.take();
    owner.waiting.borrow_mut().extend(begun);
    owner.start_check();
}

unsafe extern "C" fn on_check(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `start_check`.
    let Some(owner) = (unsafe { owner_of(raw) }) else {
        return;
    };
    if let Some((uv, raw)) = owner.check.get().and_then(Handle::open) {
        // SAFETY: `raw` is open.
        unsafe { (uv.check_stop)(raw) };
    }
    if owner.next.borrow().is_empty()
        && let Some((uv, raw)) = owner.idle.get().and_then(Handle::open)
    {
        // SAFETY: `raw` is open.
        unsafe { (uv.idle_stop)(raw) };
    }
    let waiting = owner.waiting.take();
    for work in waiting {
        work();
    }
}
