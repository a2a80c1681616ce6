//! `BrokerHandle`: an embedded broker as JavaScript holds it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{Env, Function, Object, Result, Unknown};
use napi_derive::napi;

use super::callback::Callback;
use super::environment::Environment;
use crate::broker::{Broker, Definitions, Direction, Link, Options, Report, StartError, TcpAddress};
use crate::event_loop::{Wake, WakeObserver};

/// Where to listen and whom to let in; `null` for what was not given.
#[napi(object)]
pub struct BrokerOptions {
    /// An IP address; without it there is no TCP.
    pub host: Option<String>,
    pub port: u16,
    pub path: Option<String>,
    /// Names and passwords by turns.
    pub users: Vec<String>,
    /// Users that may come from this machine only; absent for the default, guest.
    pub loopback_users: Option<Vec<String>>,
    /// A definitions file's text.
    pub definitions: Option<String>,
    pub frame_max: Option<u32>,
    pub channel_max: Option<u16>,
    pub heartbeat: Option<u16>,
    pub memory_high_watermark: Option<f64>,
    pub forward: Option<BrokerLink>,
    pub fetch: Option<BrokerLink>,
}

/// Queues with their other ends on a RabbitMQ.
#[napi(object)]
pub struct BrokerLink {
    pub vhost: String,
    pub url: String,
    pub queues: Vec<String>,
}

/// What became of a start.
#[napi(object)]
pub struct BrokerStarted {
    /// 0, or libuv's negative errno of the listen that failed: of TCP, or of `path` when `failed_path` says so.
    pub errno: i32,
    pub failed_path: bool,
    /// What is wrong with the definitions or the links.
    pub refusal: Option<String>,
    /// The port it listens on, 0 without TCP.
    pub port: u16,
}

/// What became of an attempt of the bridge to connect.
#[napi(object)]
pub struct BrokerReport {
    /// "forward" or "fetch".
    pub direction: String,
    /// Why it failed; absent when it is open.
    pub failure: Option<String>,
}

/// A broker: one per `createBroker`. `onEvent()` is called on `owner` when there are reports to take, and a last time when
/// everything has ended after `close`.
#[napi]
pub struct BrokerHandle {
    events: Rc<Events>,
}

struct Events {
    environment: Rc<Environment>,
    callback: Callback,
    running: RefCell<Option<Running>>,
    reports: Reports,
    closed: Arc<AtomicBool>,
}

/// Of the bridge, for JavaScript. The oldest go when nobody takes them.
type Reports = Arc<Mutex<VecDeque<Report>>>;

const REPORTS: usize = 64;

struct Running {
    broker: Broker,
    wake: Wake,
    closing: Cell<bool>,
}

#[napi]
impl BrokerHandle {
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, owner: Object, on_event: Function<Unknown, Unknown>) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let events = Events {
            callback: Callback::new(&env, &environment, owner, on_event, "BROKER")?,
            environment,
            running: RefCell::new(None),
            reports: Reports::default(),
            closed: Arc::default(),
        };
        Ok(BrokerHandle {
            events: Rc::new(events),
        })
    }

    /// Starts listening. Called once.
    #[napi(catch_unwind)]
    pub fn start(&self, options: BrokerOptions) -> BrokerStarted {
        let mut started = BrokerStarted {
            errno: 0,
            failed_path: false,
            refusal: None,
            port: 0,
        };
        match self.events.start(options) {
            Ok(port) => started.port = port,
            Err(Failure::Errno { errno, path }) => {
                started.errno = errno;
                started.failed_path = path;
            }
            Err(Failure::Refused(text)) => started.refusal = Some(text),
        }
        started
    }

    /// What the bridge has reported since the last call.
    #[napi(catch_unwind)]
    pub fn take_reports(&self) -> Vec<BrokerReport> {
        let mut reports = self.events.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports
            .drain(..)
            .map(|Report { direction, failure }| BrokerReport {
                direction: match direction {
                    Direction::Forward => "forward".into(),
                    Direction::Fetch => "fetch".into(),
                },
                failure,
            })
            .collect()
    }

    /// Everything has ended: no `onEvent` follows.
    #[napi(getter, catch_unwind)]
    pub fn is_closed(&self) -> bool {
        self.events.closed.load(Ordering::Acquire)
    }

    /// Stops listening and closes every connection; the last `onEvent` follows. Does nothing after the first time.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.events.close();
    }

    /// An open broker keeps the process alive, as it does at first.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn reference(&self) {
        self.events.set_ref(true);
    }

    /// An open broker no longer keeps the process alive.
    #[napi(catch_unwind)]
    pub fn unref(&self) {
        self.events.set_ref(false);
    }
}

enum Failure {
    Errno { errno: i32, path: bool },
    Refused(String),
}

impl Events {
    fn start(self: &Rc<Self>, options: BrokerOptions) -> std::result::Result<u16, Failure> {
        let options = read_options(options)?;
        let observer: Weak<dyn WakeObserver> = Rc::downgrade(self) as Weak<dyn WakeObserver>;
        let wake = Wake::new(&self.environment.event_loop, observer)
            .map_err(|errno| Failure::Errno { errno, path: false })?;
        let (reports, reporter) = (self.reports.clone(), wake.waker());
        let report = move |told: Report| {
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            if reports.len() == REPORTS {
                reports.pop_front();
            }
            reports.push_back(told);
            drop(reports);
            reporter.wake();
        };
        let broker = Broker::start(options, report).map_err(|error| match error {
            StartError::Listen(listen) => Failure::Errno {
                errno: -listen.error.raw_os_error().unwrap_or(libc::EINVAL),
                path: listen.path.is_some(),
            },
            StartError::Runtime(error) => Failure::Errno {
                errno: -error.raw_os_error().unwrap_or(libc::EAGAIN),
                path: false,
            },
            refused => Failure::Refused(refused.to_string()),
        })?;
        let port = broker.address().map_or(0, |address| address.port());
        let waker = wake.waker();
        let (closed, is_closed) = (broker.closed(), self.closed.clone());
        broker.runtime().spawn(async move {
            closed.await;
            is_closed.store(true, Ordering::Release);
            waker.wake();
        });
        let closing = Cell::new(false);
        *self.running.borrow_mut() = Some(Running {
            broker,
            wake,
            closing,
        });
        self.callback.hold(true);
        Ok(port)
    }

    fn close(&self) {
        if let Some(running) = &*self.running.borrow() {
            running.closing.set(true);
            // Whoever closes waits for the end.
            running.wake.set_ref(true);
            running.broker.close();
        }
    }

    fn set_ref(&self, on: bool) {
        if let Some(running) = &*self.running.borrow()
            && !running.closing.get()
        {
            running.wake.set_ref(on);
        }
    }
}

impl WakeObserver for Events {
    fn woken(&self) {
        if self.closed.load(Ordering::Acquire) {
            if self.running.take().is_none() {
                return;
            }
            self.callback.scope(|| self.callback.hold(false));
        }
        self.callback.call([]);
    }
}

fn read_options(options: BrokerOptions) -> std::result::Result<Options, Failure> {
    let mut read = Options {
        path: options.path.map(Into::into),
        ..Options::default()
    };
    if let Some(host) = options.host {
        let host = host.parse().map_err(|_| Failure::Errno {
            errno: -libc::EINVAL,
            path: false,
        })?;
        let port = options.port;
        read.tcp = Some(TcpAddress { host, port });
    }
    let mut users = options.users.into_iter();
    while let (Some(name), Some(password)) = (users.next(), users.next()) {
        read.users.push((name, password));
    }
    if let Some(users) = options.loopback_users {
        read.loopback_users = users;
    }
    if let Some(text) = options.definitions {
        read.definitions = Some(Definitions::from_json(&text).map_err(Failure::Refused)?);
    }
    if let Some(frame_max) = options.frame_max {
        read.frame_max = frame_max;
    }
    if let Some(channel_max) = options.channel_max {
        read.channel_max = channel_max;
    }
    if let Some(heartbeat) = options.heartbeat {
        read.heartbeat_seconds = heartbeat;
    }
    if let Some(bytes) = options.memory_high_watermark {
        read.memory_high_watermark = bytes as usize;
    }
    let link = |link: BrokerLink| Link {
        vhost: link.vhost,
        url: link.url,
        queues: link.queues,
    };
    read.forward = options.forward.map(link);
    read.fetch = options.fetch.map(link);
    Ok(read)
}
