//! What poll and async handles share: their place in a `Loop`, `ref`/`unref`, and closing exactly once.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use super::contained;
use super::uv::{MissingSymbol, RawHandle, RawLoop, Uv, uv};

/// As many as connections come and go at once on a busy server; a handle is 256 bytes.
const PARKED_MAX: usize = 256;

/// One environment's event loop and the handles we have open on it. Lives on that loop's thread.
pub struct Loop {
    raw: *mut RawLoop,
    uv: &'static Uv,
    /// In no order; a block knows its place.
    open: RefCell<Vec<*mut RawHandle>>,
    /// Poll handles that nobody has, by the descriptor they were made for: see `Poll::close_then`.
    parked: RefCell<Vec<(RawFd, *mut RawHandle)>>,
    /// Handles whose close callback has not run yet; libuv still writes to their memory.
    closing: Cell<usize>,
    on_idle: Cell<Option<Box<dyn FnOnce()>>>,
    ended: Cell<bool>,
}

impl Loop {
    /// Wraps the loop that an environment runs.
    ///
    /// # Safety
    /// `raw` is that environment's `uv_loop_t`, the calling thread is its thread, and `end` is called and has called back
    /// before the loop goes.
    pub unsafe fn new(raw: *mut RawLoop) -> Result<Rc<Self>, MissingSymbol> {
        Ok(Rc::new(Loop {
            raw,
            uv: uv()?,
            open: RefCell::default(),
            parked: RefCell::default(),
            closing: Cell::new(0),
            on_idle: Cell::new(None),
            ended: Cell::new(false),
        }))
    }

    /// Closes every handle still open and calls `idle` once libuv has let go of all of them. No handle opens after it.
    pub fn end(&self, idle: impl FnOnce() + 'static) {
        self.ended.set(true);
        self.parked.take();
        for raw in self.open.take() {
            self.close(raw);
        }
        if self.closing.get() == 0 {
            idle()
        } else {
            self.on_idle.set(Some(Box::new(idle)))
        }
    }

    /// Keeps an open handle for `unpark`; false when there are enough.
    fn park(&self, fd: RawFd, raw: *mut RawHandle) -> bool {
        let mut parked = self.parked.borrow_mut();
        let kept = parked.len() < PARKED_MAX && parked.iter().all(|&(known, _)| known != fd);
        if kept {
            parked.push((fd, raw));
        }
        kept
    }

    fn unpark(&self, fd: RawFd) -> Option<*mut RawHandle> {
        let mut parked = self.parked.borrow_mut();
        let place = parked.iter().rposition(|&(known, _)| known == fd)?;
        Some(parked.swap_remove(place).1)
    }

    /// Calls `action` in the loop's closing phase, as the close callback of a handle that closes now; never when the loop
    /// ends before that.
    pub fn call_when_closing(self: &Rc<Self>, action: impl FnOnce() + 'static) {
        // SAFETY: `raw` is zeroed memory large enough for a uv_check_t, `home` this thread's loop.
        let nothing = Handle::new(self, (), |uv, home, raw| unsafe { (uv.check_init)(home, raw) });
        if let Ok(handle) = nothing {
            handle.close_then(action);
        }
    }

    fn add(&self, raw: *mut RawHandle) {
        let mut open = self.open.borrow_mut();
        // SAFETY: `raw` is a block's handle, see `on_close`, which reads the fields before the observer likewise.
        unsafe { &*raw.cast::<Block<()>>() }.place.set(open.len());
        open.push(raw);
    }

    fn remove(&self, raw: *mut RawHandle) {
        let mut open = self.open.borrow_mut();
        // SAFETY: as in `add`; all handles in `open` have their blocks.
        let place = unsafe { &*raw.cast::<Block<()>>() }.place.get();
        open.swap_remove(place);
        if let Some(&moved) = open.get(place) {
            // SAFETY: as above.
            unsafe { &*moved.cast::<Block<()>>() }.place.set(place);
        }
    }

    fn close(&self, raw: *mut RawHandle) {
        self.closing.set(self.closing.get() + 1);
        // SAFETY: `raw` is a block's handle, see `on_close`, and not freed before its close callback.
        if let Some(before_close) = unsafe { &*raw.cast::<Block<()>>() }.before_close.take() {
            before_close();
        }
        // SAFETY: `raw` was initialised, is on this loop and was not closed before: it has just been taken out of `open`.
        unsafe { (self.uv.close)(raw, on_close) }
    }
}

/// What a libuv handle's `data` points at and what owns its memory until the close callback has run.
#[repr(C)]
struct Block<T> {
    /// First, so that a `*mut RawHandle` is a `*mut Block<T>`.
    raw: RawHandle,
    home: Rc<Loop>,
    /// In `Loop::open`.
    place: Cell<usize>,
    free: unsafe fn(*mut RawHandle),
    before_close: Cell<Option<Box<dyn FnOnce()>>>,
    after_close: Cell<Option<Box<dyn FnOnce()>>>,
    observer: T,
}

/// An open handle with its observer. Dropping it closes it.
pub(super) struct Handle<T: 'static> {
    raw: *mut RawHandle,
    home: Weak<Loop>,
    uv: &'static Uv,
    /// By `close`; the loop may have closed it as well, when it ended.
    closed: Cell<bool>,
    observer: std::marker::PhantomData<T>,
}

impl<T: 'static> Handle<T> {
    /// Allocates a handle and lets `init` hand it to libuv, which returns 0 or a negative errno.
    pub(super) fn new(
        home: &Rc<Loop>,
        observer: T,
        init: impl FnOnce(&Uv, *mut RawLoop, *mut RawHandle) -> i32,
    ) -> Result<Self, i32> {
        if home.ended.get() {
            return Err(-libc::ECANCELED);
        }
        let block = Box::new(Block {
            raw: RawHandle::zeroed(),
            home: home.clone(),
            place: Cell::new(0),
            free: free::<T>,
            before_close: Cell::new(None),
            after_close: Cell::new(None),
            observer,
        });
        let raw = Box::into_raw(block).cast::<RawHandle>();
        let status = init(home.uv, home.raw, raw);
        if status < 0 {
            // SAFETY: just made by `into_raw`, and libuv did not take it.
            drop(unsafe { Box::from_raw(raw.cast::<Block<T>>()) });
            return Err(status);
        }
        home.add(raw);
        Ok(Handle {
            raw,
            home: Rc::downgrade(home),
            uv: home.uv,
            closed: Cell::new(false),
            observer: std::marker::PhantomData,
        })
    }

    /// One that was parked with `park` for this descriptor, and whose observers are of the same type.
    pub(super) fn unparked(home: &Rc<Loop>, fd: RawFd) -> Option<Self> {
        let raw = home.unpark(fd)?;
        Some(Handle {
            raw,
            home: Rc::downgrade(home),
            uv: home.uv,
            closed: Cell::new(false),
            observer: std::marker::PhantomData,
        })
    }

    /// Leaves the open handle to the next `unparked` with this descriptor, and calls `action` when it would have closed;
    /// gives `action` back when it is to be closed instead.
    pub(super) fn park<F: FnOnce() + 'static>(&self, fd: RawFd, action: F) -> Result<(), F> {
        match self.home.upgrade() {
            Some(home) if self.open().is_some() && home.park(fd, self.raw) => {
                self.closed.set(true);
                home.call_when_closing(action);
                Ok(())
            }
            _ => Err(action),
        }
    }

    /// The raw handle and libuv, while it is open.
    pub(super) fn open(&self) -> Option<(&'static Uv, *mut RawHandle)> {
        let home = self.home.upgrade()?;
        (!self.closed.get() && !home.ended.get()).then_some((self.uv, self.raw))
    }

    /// The observer behind a raw handle, for libuv's callbacks.
    ///
    /// # Safety
    /// `raw` was made by `Handle::<T>::new` and its close callback has not run.
    pub(super) unsafe fn observer<'a>(raw: *mut RawHandle) -> &'a T {
        // SAFETY: by contract.
        unsafe { &(*raw.cast::<Block<T>>()).observer }
    }

    /// Has `action` run right before the handle closes, whoever closes it.
    pub(super) fn before_close(&self, action: impl FnOnce() + 'static) {
        if let Some((_, raw)) = self.open() {
            // SAFETY: `raw` is open, so its block is there.
            unsafe { &*raw.cast::<Block<T>>() }
                .before_close
                .set(Some(Box::new(action)));
        }
    }

    /// Whether the open handle keeps the loop alive.
    pub(super) fn set_ref(&self, on: bool) {
        if let Some((uv, raw)) = self.open() {
            // SAFETY: `raw` is open.
            unsafe {
                if on {
                    (uv.ref_handle)(raw)
                } else {
                    (uv.unref_handle)(raw)
                }
            }
        }
    }

    /// As `close`, and calls `action` in the loop's closing phase; never when the loop ends before that.
    pub(super) fn close_then(&self, action: impl FnOnce() + 'static) {
        if let Some((_, raw)) = self.open() {
            // SAFETY: as in `before_close`.
            unsafe { &*raw.cast::<Block<T>>() }
                .after_close
                .set(Some(Box::new(action)));
        }
        self.close();
    }

    /// Closes the handle; a second call does nothing.
    pub(super) fn close(&self) {
        if !self.closed.replace(true)
            && let Some(home) = self.home.upgrade()
            && !home.ended.get()
        {
            home.remove(self.raw);
            home.close(self.raw);
        }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        self.close();
    }
}

unsafe fn free<T>(raw: *mut RawHandle) {
    // SAFETY: called once, from the close callback, for a block made by `Handle::<T>::new`.
    drop(unsafe { Box::from_raw(raw.cast::<Block<T>>()) });
}

unsafe extern "C" fn on_close(raw: *mut RawHandle) {
    // SAFETY: only `Loop::close` passes this callback, always with a block's handle; the fields read here stand at the same
    // offset for every `T`, since they come before it (`repr(C)`).
    let (home, free, after_close) = unsafe {
        let block = &*raw.cast::<Block<()>>();
        (block.home.clone(), block.free, block.after_close.take())
    };
    // SAFETY: libuv is done with the handle.
    contained(|| unsafe { free(raw) });
    if let Some(action) = after_close
        && !home.ended.get()
    {
        contained(action);
    }
    home.closing.set(home.closing.get() - 1);
    if home.closing.get() == 0
        && let Some(idle) = home.on_idle.take()
    {
        contained(idle);
    }
}
