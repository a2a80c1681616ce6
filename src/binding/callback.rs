//! Calling JavaScript from the event loop, with nothing of JavaScript on the stack.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;

use napi::{
    Env, Result,
    bindgen_prelude::{FromNapiValue, Function, JsValue, Object, Unknown},
    check_status, sys,
};

use super::environment::Environment;
use super::ticks::Ticks;

/// A function and the object it is called on, with an async context: nextTick, microtasks and AsyncLocalStorage then
/// behave as after a callback of Node's own.
///
/// The owner is held weakly, so that an idle handle that nobody has any more can be collected; `hold` makes it strong
/// while an event may come.
pub struct Callback {
    env: sys::napi_env,
    /// Null once finished, as the context.
    owner: Cell<sys::napi_ref>,
    /// Strong until released.
    callee: Rc<Callee>,
    ticks: Rc<Ticks>,
    context: Cell<sys::napi_async_context>,
    held: Cell<bool>,
    calls: Cell<u32>,
    finished: Cell<bool>,
}

/// A function that callbacks call: one reference for all handles of a kind, never one of each handle's own. It is strong
/// while a callback has it, so that a copy of the JavaScript whose handles are gone can be collected.
struct Callee {
    env: sys::napi_env,
    /// Null once the function has been collected.
    reference: Cell<sys::napi_ref>,
    users: Cell<usize>,
}

impl Callee {
    /// That of a function: made when it has none, and its own from then on.
    fn of(env: sys::napi_env, function: sys::napi_value) -> Result<Rc<Self>> {
        let (mut known, mut reference) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live function of this environment. Nobody else wraps functions of ours, and those of two environments are
        // not the same.
        unsafe {
            if sys::napi_unwrap(env, function, &mut known) == sys::Status::napi_ok {
                let known = known.cast::<Callee>().cast_const();
                Rc::increment_strong_count(known);
                return Ok(Rc::from_raw(known));
            }
        }
        let made = Rc::new(Callee {
            env,
            reference: Cell::new(ptr::null_mut()),
            users: Cell::new(0),
        });
        let wrapped = Rc::into_raw(made.clone());
        // SAFETY: as above; `forget` takes over the count that `wrapped` stands for.
        unsafe {
            check_status!(sys::napi_wrap(
                env,
                function,
                wrapped.cast_mut().cast(),
                Some(forget),
                ptr::null_mut(),
                &mut reference
            ))
            .inspect_err(|_| drop(Rc::from_raw(wrapped)))?;
        }
        made.reference.set(reference);
        Ok(made)
    }

    fn hold(&self) {
        if self.users.replace(self.users.get() + 1) == 0 {
            self.change(sys::napi_reference_ref);
        }
    }

    fn let_go(&self) {
        self.users.set(self.users.get() - 1);
        if self.users.get() == 0 {
            self.change(sys::napi_reference_unref);
        }
    }

    fn change(&self, count: unsafe fn(sys::napi_env, sys::napi_ref, *mut u32) -> sys::napi_status) {
        let reference = self.reference.get();
        if !reference.is_null() {
            // SAFETY: this environment's reference, which `forget` has not deleted.
            unsafe { count(self.env, reference, &mut 0) };
        }
    }
}

/// The function has been collected, or its environment ends.
unsafe extern "C" fn forget(env: sys::napi_env, callee: *mut c_void, _: *mut c_void) {
    // SAFETY: the count that `Callee::of` has given away, once. The reference is ours to delete, here at the earliest.
    unsafe {
        let callee = Rc::from_raw(callee.cast::<Callee>().cast_const());
        sys::napi_delete_reference(env, callee.reference.replace(ptr::null_mut()));
    }
}

impl Callback {
    /// `name` is the async_hooks type, in Node's own words where Node has one (`TCPWRAP`, `PIPEWRAP`, …).
    pub fn new(
        env: &Env,
        environment: &Environment,
        owner: Object,
        function: Function<Unknown, Unknown>,
        name: &str,
    ) -> Result<Self> {
        let callee = Callee::of(env.raw(), function.raw())?;
        Callback::on(env, environment.ticks.clone(), owner, callee, name)
    }

    /// The same function for another owner, with an async context of its own.
    pub fn renewed(&self, env: &Env, owner: Object, name: &str) -> Result<Self> {
        Callback::on(env, self.ticks.clone(), owner, self.callee.clone(), name)
    }

    fn on(env: &Env, ticks: Rc<Ticks>, owner: Object, callee: Rc<Callee>, name: &str) -> Result<Self> {
        let raw = env.raw();
        let name = env.create_string(name)?;
        let (mut owner_ref, mut context) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: live values of this environment.
        unsafe {
            check_status!(sys::napi_create_reference(raw, owner.raw(), 0, &mut owner_ref))?;
            // Without a resource Node makes one. The owner cannot be it: from Node 26 on the context holds its resource
            // strongly (nodejs/node#59828), and an owner that holds us would never be collected.
            check_status!(sys::napi_async_init(
                raw,
                ptr::null_mut(),
                name.raw(),
                &mut context
            ))?;
        }
        callee.hold();
        Ok(Callback {
            env: raw,
            owner: Cell::new(owner_ref),
            callee,
            ticks,
            context: Cell::new(context),
            held: Cell::new(false),
            calls: Cell::new(0),
            finished: Cell::new(false),
        })
    }

    /// No call will come any more. Context and reference go now and not with the owner: the context holds what the
    /// AsyncLocalStorages had stored, which may lead back to the owner, and what is weak costs every collection.
    pub fn finish(&self) {
        self.finished.set(true);
        if self.calls.get() == 0 {
            self.release();
        }
    }

    fn release(&self) {
        let context = self.context.replace(ptr::null_mut());
        let owner = self.owner.replace(ptr::null_mut());
        // SAFETY: made in `new`, let go once, while no call uses them. On the environment's thread: by its own calls, or by a
        // finalizer, which runs before the environment goes.
        unsafe {
            if !context.is_null() {
                sys::napi_async_destroy(self.env, context);
            }
            if !owner.is_null() {
                sys::napi_delete_reference(self.env, owner);
                self.callee.let_go();
            }
        }
    }

    /// Keeps the owner alive, or no longer.
    pub fn hold(&self, on: bool) {
        let owner = self.owner.get();
        if owner.is_null() || self.held.replace(on) == on {
            return;
        }
        let mut count = 0;
        // SAFETY: the reference is this environment's and not let go yet.
        unsafe {
            if on {
                sys::napi_reference_ref(self.env, owner, &mut count);
            } else {
                sys::napi_reference_unref(self.env, owner, &mut count);
            }
        }
    }

    /// Runs `body` with a handle scope open: needed around everything that makes JavaScript values.
    pub fn scope<T>(&self, body: impl FnOnce() -> T) -> T {
        let mut scope = ptr::null_mut();
        // SAFETY: the loop's thread is the environment's; the scope closes before we return to libuv.
        unsafe { sys::napi_open_handle_scope(self.env, &mut scope) };
        let value = body();
        // SAFETY: opened above.
        unsafe { sys::napi_close_handle_scope(self.env, scope) };
        value
    }

    /// Calls `body`, a function of JavaScript that runs now, in the async context of the events, and returns its value.
    pub fn run(&self, env: &Env, body: Function<(), Unknown<'static>>) -> Result<Unknown<'static>> {
        call_in_context(env, self.context.get(), body)
    }

    /// Calls the function with numbers. What it throws becomes an uncaught exception, as from Node's own callbacks.
    pub fn call<const N: usize>(&self, arguments: [f64; N]) {
        self.call_with(|env| {
            arguments.map(|argument| {
                let mut value = ptr::null_mut();
                // SAFETY: `call_with` has a scope open.
                unsafe { sys::napi_create_double(env, argument, &mut value) };
                value
            })
        });
    }

    /// Calls the function with the values that `make` makes; none of them may be null. False when it was not called: the
    /// owner is gone, JavaScript may not run any more, or a value could not be made.
    pub fn call_with<const N: usize>(
        &self,
        make: impl FnOnce(sys::napi_env) -> [sys::napi_value; N],
    ) -> bool {
        if self.finished.get() {
            return false;
        }
        self.calls.set(self.calls.get() + 1);
        let called = self.scope(|| {
            let (mut owner, mut function, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            // SAFETY: values of this environment in an open scope; a collected owner reads as null and ends it.
            unsafe {
                sys::napi_get_reference_value(self.env, self.owner.get(), &mut owner);
                sys::napi_get_reference_value(self.env, self.callee.reference.get(), &mut function);
                if owner.is_null() || function.is_null() {
                    return false;
                }
                let values = make(self.env);
                if values.iter().any(|value| value.is_null()) {
                    self.report();
                    return false;
                }
                let status = self.ticks.during(|| {
                    sys::napi_make_callback(
                        self.env,
                        self.context.get(),
                        owner,
                        function,
                        N,
                        values.as_ptr(),
                        &mut result,
                    )
                });
                if status != sys::Status::napi_ok {
                    self.report();
                }
                status == sys::Status::napi_ok || status == sys::Status::napi_pending_exception
            }
        });
        self.calls.set(self.calls.get() - 1);
        if self.finished.get() && self.calls.get() == 0 {
            self.release();
        }
        called
    }

    /// Hands a pending exception to `process.on('uncaughtException')`. There is none when a worker is being terminated.
    fn report(&self) {
        let (mut pending, mut exception) = (false, ptr::null_mut());
        // SAFETY: as in `call`.
        unsafe {
            sys::napi_is_exception_pending(self.env, &mut pending);
            if pending {
                sys::napi_get_and_clear_last_exception(self.env, &mut exception);
                sys::napi_fatal_exception(self.env, exception);
            }
        }
    }
}

/// Calls `body` and returns its value, in an async context; null for none, which Node-API allows.
pub fn call_in_context(
    env: &Env,
    context: sys::napi_async_context,
    body: Function<(), Unknown<'static>>,
) -> Result<Unknown<'static>> {
    let raw = env.raw();
    // Up to Node 22 the stores of a call without context are properties of the object that it is made on.
    let on = Object::new(env)?;
    let mut result = ptr::null_mut();
    // SAFETY: live values of this environment, of whose JavaScript we are called.
    unsafe {
        check_status!(sys::napi_make_callback(
            raw,
            context,
            on.raw(),
            body.raw(),
            0,
            ptr::null(),
            &mut result
        ))?;
        Unknown::from_napi_value(raw, result)
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.release();
    }
}
