//! Writing what is gathered when the process exits: one listener for all copies of the JavaScript, which keeps none of them.

use std::cell::{Cell, RefCell};
use std::ptr;

use napi::{
    Env, Result,
    bindgen_prelude::{Function, JsValue, Unknown},
    check_status, sys,
};
use napi_derive::napi;

use super::environment::Environment;

pub struct ExitFlushes {
    env: sys::napi_env,
    /// Weak: a copy that has something gathered is alive by what is to write it.
    functions: RefCell<Vec<sys::napi_ref>>,
    listens: Cell<bool>,
}

impl ExitFlushes {
    pub fn new(env: sys::napi_env) -> Self {
        ExitFlushes {
            env,
            functions: RefCell::default(),
            listens: Cell::new(false),
        }
    }

    fn add(&self, function: sys::napi_value) -> Result<()> {
        let mut reference = ptr::null_mut();
        // SAFETY: a live function of this environment.
        check_status!(unsafe { sys::napi_create_reference(self.env, function, 0, &mut reference) })?;
        let mut functions = self.functions.borrow_mut();
        functions.retain(|&known| {
            let alive = self.value(known).is_some();
            if !alive {
                // SAFETY: made above, and not in the list any more.
                unsafe { sys::napi_delete_reference(self.env, known) };
            }
            alive
        });
        functions.push(reference);
        Ok(())
    }

    fn value(&self, reference: sys::napi_ref) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: a reference of this environment, with a handle scope open; a collected value reads as null.
        unsafe { sys::napi_get_reference_value(self.env, reference, &mut value) };
        (!value.is_null()).then_some(value)
    }

    /// By the process object of the addon's own context: those of other contexts may be imitations (Jest).
    fn listen(&self) -> Result<()> {
        if self.listens.get() {
            return Ok(());
        }
        let (mut global, mut process, mut on) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let (mut name, mut listener, mut result) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: values of this environment, in a call of its JavaScript.
        unsafe {
            check_status!(sys::napi_get_global(self.env, &mut global))?;
            let process_name = c"process".as_ptr();
            check_status!(sys::napi_get_named_property(
                self.env,
                global,
                process_name,
                &mut process
            ))?;
            check_status!(sys::napi_get_named_property(
                self.env,
                process,
                c"on".as_ptr(),
                &mut on
            ))?;
            check_status!(sys::napi_create_string_latin1(
                self.env,
                c"exit".as_ptr(),
                4,
                &mut name
            ))?;
            check_status!(sys::napi_create_function(
                self.env,
                c"flushAtExit".as_ptr(),
                -1,
                Some(on_exit),
                ptr::null_mut(),
                &mut listener
            ))?;
            let arguments = [name, listener];
            check_status!(sys::napi_call_function(
                self.env,
                process,
                on,
                2,
                arguments.as_ptr(),
                &mut result
            ))?;
        }
        self.listens.set(true);
        Ok(())
    }

    fn run(&self) {
        // Taken out for the while: JavaScript may add to it.
        let functions = self.functions.take();
        for &function in &functions {
            let Some(function) = self.value(function) else {
                continue;
            };
            let (mut receiver, mut result) = (ptr::null_mut(), ptr::null_mut());
            let (mut pending, mut exception) = (false, ptr::null_mut());
            // SAFETY: values of this environment, in a call of its JavaScript. One that throws keeps nothing from the others.
            unsafe {
                sys::napi_get_undefined(self.env, &mut receiver);
                sys::napi_call_function(self.env, receiver, function, 0, ptr::null(), &mut result);
                sys::napi_is_exception_pending(self.env, &mut pending);
                if pending {
                    sys::napi_get_and_clear_last_exception(self.env, &mut exception);
                    sys::napi_fatal_exception(self.env, exception);
                }
            }
        }
        self.functions.borrow_mut().extend(functions);
    }
}

/// Has `flush()` called when the process exits, as a listener of 'exit'. It is held weakly.
#[napi(catch_unwind)]
pub fn flush_at_exit(env: Env, flush: Function<(), Unknown>) -> Result<()> {
    let environment = Environment::of(&env)?;
    environment.exit_flushes.listen()?;
    environment.exit_flushes.add(flush.raw())
}

unsafe extern "C" fn on_exit(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    if let Some(environment) = Environment::known(env) {
        environment.exit_flushes.run();
    }
    ptr::null_mut()
}
