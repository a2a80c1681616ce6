//! The state of one JavaScript environment: a thread's main context, or a worker's.
//!
//! Made when first asked for, ended by Node's clean-up hook. The addon may be loaded several times on one thread (two
//! copies of a package, a purged require cache): each load is an environment of its own, hence the key.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;

use napi::{Env, Error, Result, Status, sys};

use super::descriptor::InTransit;
use super::exit::ExitFlushes;
use super::memory::ReadMemory;
use super::shared_array::SharedArray;
use super::shared_state::SharedState;
use super::ticks::Ticks;
use crate::event_loop::{Loop, Turn, contained};

pub struct Environment {
    pub event_loop: Rc<Loop>,
    pub turn: Rc<Turn>,
    pub read_memory: ReadMemory,
    /// Where JavaScript puts what `writePlaced` sends.
    pub write_memory: OnceCell<SharedArray>,
    pub ticks: Rc<Ticks>,
    pub shared: SharedState,
    pub exit_flushes: ExitFlushes,
    pub in_transit: InTransit,
}

thread_local! {
    static ENVIRONMENTS: RefCell<HashMap<sys::napi_env, Rc<Environment>>> = RefCell::default();
}

impl Environment {
    /// The environment of the calling JavaScript.
    pub fn of(env: &Env) -> Result<Rc<Self>> {
        let raw = env.raw();
        if let Some(known) = Environment::known(raw) {
            return Ok(known);
        }
        let uv_loop = env.get_uv_event_loop()?;
        // SAFETY: it is this environment's loop and we are called on its thread; `on_cleanup` ends it.
        let event_loop = unsafe { Loop::new(uv_loop.cast()) }
            .map_err(|missing| Error::new(Status::GenericFailure, missing.to_string()))?;
        let made = Rc::new(Environment {
            turn: Turn::new(&event_loop),
            event_loop,
            read_memory: ReadMemory::new(raw),
            write_memory: OnceCell::new(),
            ticks: Rc::new(Ticks::new()),
            shared: SharedState::new(raw),
            exit_flushes: ExitFlushes::new(raw),
            in_transit: InTransit::default(),
        });
        // SAFETY: `raw` is valid; the hook's argument is `raw` itself, used as a key only.
        let status = unsafe {
            sys::napi_add_async_cleanup_hook(
                raw,
                Some(on_cleanup),
                raw.cast::<c_void>(),
                std::ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_ok {
            return Err(Error::new(
                Status::from(status),
                "this JavaScript environment is shutting down",
            ));
        }
        ENVIRONMENTS.with_borrow_mut(|all| all.insert(raw, made.clone()));
        Ok(made)
    }
}

impl Environment {
    /// That of `raw`, unless it has ended or was never asked for.
    pub fn known(raw: sys::napi_env) -> Option<Rc<Self>> {
        ENVIRONMENTS.with_borrow(|all| all.get(&raw).cloned())
    }
}

/// Node is about to end the environment: libuv must have let go of our handles before the loop is closed.
unsafe extern "C" fn on_cleanup(hook: sys::napi_async_cleanup_hook_handle, key: *mut c_void) {
    let Some(ended) = ENVIRONMENTS.with_borrow_mut(|all| all.remove(&key.cast())) else {
        return;
    };
    ended.in_transit.end();
    contained(|| ended.turn.end());
    ended.event_loop.end(move || {
        // SAFETY: `hook` is valid until removed, and this runs once.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    });
}
