//! `ChildHandle`: a child process as JavaScript holds it.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};

use napi::bindgen_prelude::{Env, Function, Int32Array, Object, Result, Unknown};
use napi_derive::napi;

use super::departure::Departure;
use super::options::SpawnOptions;
use crate::binding::callback::Callback;
use crate::binding::environment::Environment;
use crate::event_loop::{Errno, holds_more_than_sent_at_once};
use crate::process::{
    self, Child, ExitObserver, ExitStatus, Launched, PIPE, StdioTable, WIDE_PIPE, kill_tree, launch,
    launch_lastingly,
};

/// What `onEvent` is told: (kind, a, b).
mod event {
    /// a: exit code, or a negative errno when it could not be waited for; b: signal number or 0
    pub const EXITED: f64 = 0.0;
    /// a: the number that `killTree` gave; every process that it signalled has ended
    pub const TREE_GONE: f64 = 1.0;
}

/// A child process: one per `ChildProcess`.
///
/// Statuses are libuv's: 0 or a negative errno. `onEvent(kind, a, b)` is called on `owner`: 0 EXITED (code, signal), at most
/// once; 1 TREE_GONE (number) for each `killTree`.
#[napi]
pub struct ChildHandle {
    events: Rc<Events>,
}

struct Events {
    environment: Rc<Environment>,
    callback: Callback,
    child: OnceCell<Rc<Child>>,
    trees: Cell<u32>,
    departures: RefCell<Vec<(u32, Rc<Departure>)>>,
    referenced: Cell<bool>,
}

#[napi]
impl ChildHandle {
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, owner: Object, on_event: Function<Unknown, Unknown>) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let events = Events {
            callback: Callback::new(&env, &environment, owner, on_event, "PROCESSWRAP")?,
            environment,
            child: OnceCell::new(),
            trees: Cell::new(0),
            departures: RefCell::default(),
            referenced: Cell::new(true),
        };
        Ok(ChildHandle {
            events: Rc::new(events),
        })
    }

    /// Starts the process: 0 or a negative errno. `stdio` has an entry for each descriptor of the child: -1 nothing, -2 a pipe,
    /// -5 one with more room (both are replaced by our end), else a descriptor of ours.
    #[napi(catch_unwind)]
    pub fn spawn(&self, options: SpawnOptions, mut stdio: Int32Array) -> i32 {
        // SAFETY: JavaScript waits for us and does not touch the array.
        self.start(options, unsafe { stdio.as_mut() }).err().unwrap_or(0)
    }

    /// 0 when there is no process.
    #[napi(getter, catch_unwind)]
    pub fn pid(&self) -> i32 {
        self.child().map_or(0, |child| child.pid())
    }

    /// Waits until it has executed its program: 0, or the negative errno for which it could not.
    #[napi(catch_unwind)]
    pub fn await_program(&self) -> i32 {
        self.child()
            .and_then(|child| child.await_program().err())
            .unwrap_or(0)
    }

    /// Sends a signal: 0 or a negative errno, ESRCH once it has ended.
    #[napi(catch_unwind)]
    pub fn kill(&self, signal: i32) -> i32 {
        self.child()
            .map_or(Err(-libc::ESRCH), |child| child.kill(signal))
            .err()
            .unwrap_or(0)
    }

    /// Sends a signal to it and all its descendants, also those that changed their process group or session; those whose
    /// own parent has ended only if `marker` (`NAME=value`) is in their environment. Returns a number that TREE_GONE
    /// brings when all of them have ended; 0 when there was none.
    #[napi(catch_unwind)]
    pub fn kill_tree(&self, signal: i32, marker: Option<String>) -> u32 {
        let events = &self.events;
        let root = self.child().filter(|child| child.kill(0).is_ok());
        let killed = kill_tree(root.map(|child| child.pid()), marker.as_deref(), signal);
        if killed.is_empty() {
            return 0;
        }
        let number = events.trees.get() + 1;
        events.trees.set(number);
        // Weakly: the departure is ours, and a thread that ends first has to let go of both.
        let owner = Rc::downgrade(events);
        // Never from within this call: JavaScript does not know the number yet.
        let home = &events.environment.event_loop;
        let departure = Departure::watch(home, killed, move || {
            let Some(after) = owner.upgrade() else { return };
            let environment = after.environment.clone();
            environment.turn.run_last(move || {
                after.callback.call([event::TREE_GONE, f64::from(number), 0.0]);
                after
                    .departures
                    .borrow_mut()
                    .retain(|(other, _)| *other != number);
            });
        });
        events.departures.borrow_mut().push((number, departure));
        number
    }

    /// Sends SIGKILL to whoever is left of an earlier `killTree`.
    #[napi(catch_unwind)]
    pub fn force_tree(&self, number: u32) {
        for (_, departure) in self
            .events
            .departures
            .borrow()
            .iter()
            .filter(|(other, _)| *other == number)
        {
            departure.force();
        }
    }

    /// Gives the pipe that is its descriptor `number` more room for what it writes. Returns whether it could.
    #[napi(catch_unwind)]
    pub fn widen(&self, number: i32) -> bool {
        self.child().is_some_and(|child| child.widen(number))
    }

    /// What it has used, once it has ended: user and system CPU time in microseconds, largest resident set in kilobytes.
    #[napi(catch_unwind)]
    pub fn usage(&self) -> Option<Vec<f64>> {
        let usage = self.child()?.usage()?;
        let microseconds = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
        let counts = [
            usage.ru_maxrss,
            usage.ru_minflt,
            usage.ru_majflt,
            usage.ru_inblock,
            usage.ru_oublock,
            usage.ru_nvcsw,
            usage.ru_nivcsw,
        ];
        let times = [microseconds(usage.ru_utime), microseconds(usage.ru_stime)];
        Some(
            times
                .into_iter()
                .chain(counts.map(|count| count as f64))
                .collect(),
        )
    }

    /// Waiting for its end keeps the process alive, as it does at first.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn reference(&self) {
        self.set_ref(true);
    }

    /// Waiting for its end no longer keeps the process alive.
    #[napi(catch_unwind)]
    pub fn unref(&self) {
        self.set_ref(false);
    }

    #[napi(catch_unwind)]
    pub fn has_ref(&self) -> bool {
        self.events.referenced.get()
    }
}

impl ChildHandle {
    fn set_ref(&self, on: bool) {
        self.events.referenced.set(on);
        if let Some(child) = self.child() {
            child.set_ref(on);
        }
    }

    fn child(&self) -> Option<&Rc<Child>> {
        self.events.child.get()
    }

    fn start(&self, options: SpawnOptions, stdio: &mut [i32]) -> std::result::Result<(), Errno> {
        let command = options.into_command()?;
        let mut table = StdioTable::new(stdio)?;
        let ends = table.take_ends();
        let launched = if command.dies_with_parent() {
            launch_lastingly(command, table)
        } else {
            launch(command, &table)
        };
        let started = launched.and_then(|launched| self.events.watch(launched));
        if started.err().is_none_or(leaves_streams) {
            self.give(ends, stdio);
        }
        started
    }

    /// Hands our ends of the pipes to JavaScript.
    fn give(&self, ends: Vec<(usize, OwnedFd)>, stdio: &mut [i32]) {
        for (index, fd) in ends {
            debug_assert!([PIPE, WIDE_PIPE].contains(&stdio[index]));
            stdio[index] = self.events.environment.in_transit.give(fd);
        }
    }
}

/// The failures after which a `ChildProcess` has its streams all the same, ended; other failures are thrown, or leave
/// none (EMFILE, ENFILE).
fn leaves_streams(errno: Errno) -> bool {
    [libc::EACCES, libc::EAGAIN, libc::ENOENT].contains(&-errno)
}

/// What the marks of children begin with that die by this signal with us; `null` when nobody guards them yet.
#[napi(catch_unwind)]
pub fn guardian_prefix(signal: i32) -> Option<String> {
    process::guardian_prefix(signal)
}

/// A guardian has been started that looks for this.
#[napi(catch_unwind)]
pub fn set_guardian_prefix(signal: i32, prefix: String) {
    process::set_guardian_prefix(signal, prefix);
}

/// A number that no other call has got, in whatever thread: the end of a child's mark.
#[napi(catch_unwind)]
pub fn next_mark() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// Whether what waits to be read from a child's pipe and what has been read already (`buffered` bytes) are more than the pipe
/// held before it was widened.
#[napi(catch_unwind)]
pub fn holds_more_than_its_room(fd: i32, buffered: u32) -> bool {
    holds_more_than_sent_at_once(fd, buffered)
}

impl Events {
    fn watch(self: &Rc<Self>, launched: Launched) -> std::result::Result<(), Errno> {
        let observer: Weak<dyn ExitObserver> = Rc::downgrade(self) as Weak<dyn ExitObserver>;
        let environment = &self.environment;
        let child = Child::watch(&environment.event_loop, &environment.turn, launched, observer)?;
        child.set_ref(self.referenced.get());
        self.child.get_or_init(|| child);
        self.callback.hold(true);
        Ok(())
    }
}

impl ExitObserver for Events {
    fn exited(&self, status: std::result::Result<ExitStatus, Errno>) {
        let (code, signal) = match status {
            Ok(status) => (status.code, status.signal),
            Err(errno) => (errno, 0),
        };
        self.callback
            .call([event::EXITED, f64::from(code), f64::from(signal)]);
        self.callback.hold(false);
    }
}
