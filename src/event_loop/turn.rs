//! Work that has a place in the loop's turn but no descriptor to be ready:
//!
//! - pending: what libuv has in its pending queue, which it looks at before a turn's I/O and right behind it;
//! - ready: what libuv would find ready in the next turn's I/O, but is known without asking the kernel;
//! - last: a child's exit, behind the output that the same turn has found, as with libuv, which looks at signals last, and behind
//!   what became pending then: the program may have heard of the child's start in the same turn.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use super::contained;
use super::handle::{Handle, Loop};
use super::uv::{RawHandle, RawLoop, Uv};

type Work = Box<dyn FnOnce()>;
type OwnHandle = OnceCell<Handle<Weak<Turn>>>;

/// How often libuv goes through its pending queue behind a turn's I/O, which may grow meanwhile (uv_run).
const PENDING_ROUNDS: usize = 8;

/// The turns of one environment's loop.
pub struct Turn {
    home: Weak<Loop>,
    /// Does not keep the loop alive: whoever has work waiting does.
    check: OwnHandle,
    /// While there is work that is pending or for the next turn: keeps the loop alive, and from waiting for I/O.
    idle: OwnHandle,
    /// For the next turn, and that of this one.
    next: RefCell<Vec<Work>>,
    ready: RefCell<Vec<Work>>,
    pending: RefCell<Vec<Work>>,
    last: RefCell<Vec<Work>>,
}

impl Turn {
    pub fn new(home: &Rc<Loop>) -> Rc<Self> {
        Rc::new(Turn {
            home: Rc::downgrade(home),
            check: OnceCell::new(),
            idle: OnceCell::new(),
            next: RefCell::default(),
            ready: RefCell::default(),
            pending: RefCell::default(),
            last: RefCell::default(),
        })
    }

    /// Runs `work` when the I/O of this turn of the loop is through, and what is pending behind it, before `setImmediate`'s
    /// callbacks. Called from an I/O callback of the loop; work that still waits at `end` is dropped.
    pub fn run_last(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.last.borrow_mut().push(Box::new(work));
        self.start_check();
    }

    /// Runs `work` among the last I/O callbacks of the next turn. Called from anywhere.
    pub fn run_in_next_turn(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.next.borrow_mut().push(Box::new(work));
        self.start_idle();
    }

    /// Runs `work` as libuv runs the callback of a request that is done when it is made: in I/O callbacks, behind the I/O of
    /// this turn; elsewhere, before the next I/O. Called from anywhere.
    pub fn run_pending(self: &Rc<Self>, work: impl FnOnce() + 'static) {
        self.pending.borrow_mut().push(Box::new(work));
        self.start_idle();
        self.start_check();
    }

    /// Drops the work that still waits: it may hold us.
    pub fn end(&self) {
        for works in [&self.next, &self.ready, &self.pending, &self.last] {
            drop(works.take());
        }
    }

    fn start_idle(self: &Rc<Self>) {
        if let Some((uv, raw)) = self.opened(&self.idle, |uv, home, raw| {
            // SAFETY: `raw` is zeroed memory large enough for a uv_idle_t, `home` this thread's loop.
            unsafe { (uv.idle_init)(home, raw) }
        }) {
            // SAFETY: `raw` is open; starting it again does nothing.
            unsafe { (uv.idle_start)(raw, on_idle) };
        }
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

    fn stop_idle(&self) {
        if let Some((uv, raw)) = self.idle.get().and_then(Handle::open) {
            // SAFETY: `raw` is open.
            unsafe { (uv.idle_stop)(raw) };
        }
    }

    fn stop_check(&self) {
        if let Some((uv, raw)) = self.check.get().and_then(Handle::open) {
            // SAFETY: `raw` is open.
            unsafe { (uv.check_stop)(raw) };
        }
    }

    fn before_poll(self: &Rc<Self>) {
        run_all(&self.pending);
        let begun = self.next.take();
        if !begun.is_empty() {
            self.ready.borrow_mut().extend(begun);
            self.start_check();
        } else if self.pending.borrow().is_empty() {
            self.stop_idle();
        }
    }

    fn run_all_pending(&self) {
        for _ in 0..PENDING_ROUNDS {
            run_all(&self.pending);
        }
    }

    fn after_poll(&self) {
        self.stop_check();
        run_all(&self.ready);
        self.run_all_pending();
        run_all(&self.last);
        self.run_all_pending();
        if self.next.borrow().is_empty() && self.pending.borrow().is_empty() {
            self.stop_idle();
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
/// `raw` is an open handle of a `Turn`.
unsafe fn owner_of(raw: *mut RawHandle) -> Option<Rc<Turn>> {
    // SAFETY: by contract.
    unsafe { Handle::<Weak<Turn>>::observer(raw) }.upgrade()
}

/// What is there now; what that adds waits for another time.
fn run_all(works: &RefCell<Vec<Work>>) {
    for work in works.take() {
        work();
    }
}

unsafe extern "C" fn on_idle(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `start_idle`.
    if let Some(owner) = unsafe { owner_of(raw) } {
        contained(|| owner.before_poll());
    }
}

unsafe extern "C" fn on_check(raw: *mut RawHandle) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `start_check`.
    if let Some(owner) = unsafe { owner_of(raw) } {
        contained(|| owner.after_poll());
    }
}
