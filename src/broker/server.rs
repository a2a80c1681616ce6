//! The broker as a whole: what it listens on, the sessions it has, and its end.
//!
//! One task owns the listeners and the sessions' tasks. `Broker::close` tells it to end: it stops listening, the sessions
//! close their connections with 320, and whoever takes too long is aborted. Dropping a broker does the same.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::broker::Shared;
use crate::broker::auth::users::{Password, User, Users};
use crate::broker::bridge::{self, Direction, Report};
use crate::broker::connection;
use crate::broker::definitions;
use crate::broker::listener::{Listener, SocketFile};
use crate::broker::options::Options;
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::Memory;
use crate::runtime::runtime;

/// After a failed accept (no descriptors left, mostly) the next try waits this long, then twice that, up to a second.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(10);
const ACCEPT_BACK_OFF_MAX: Duration = Duration::from_secs(1);
/// Sessions wait 3 s for their clients' answers, then 0.5 s for them to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Which system call failed, and where.
#[derive(Debug)]
pub struct ListenError {
    pub error: io::Error,
    pub address: Option<(String, u16)>,
    pub path: Option<PathBuf>,
}

/// Why a broker did not start.
#[derive(Debug)]
pub enum StartError {
    /// The system has no descriptors or threads for the runtime.
    Runtime(io::Error),
    Listen(ListenError),
    Definitions(String),
    /// The vhost of a link that is not there.
    Link(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Runtime(error) => write!(f, "{error}"),
            StartError::Listen(listen) => write!(f, "{}", listen.error),
            StartError::Definitions(text) => f.write_str(text),
            StartError::Link(vhost) => write!(f, "no vhost '{vhost}' to forward from or fetch to"),
        }
    }
}

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    runtime: &'static Runtime,
    address: Option<SocketAddr>,
    file: Option<Arc<SocketFile>>,
    closing: watch::Sender<bool>,
    closed: watch::Receiver<bool>,
}

impl Broker {
    /// Starts a broker on the shared runtime. It listens when this returns. `report` hears of the bridge, on the runtime's
    /// threads.
    pub fn start(
        options: Options,
        report: impl Fn(Report) + Send + Sync + 'static,
    ) -> Result<Broker, StartError> {
        let runtime = runtime().map_err(StartError::Runtime)?;
        let _context = runtime.enter();
        let shared = Arc::new(share(options)?);
        for link in [&shared.options.forward, &shared.options.fetch]
            .into_iter()
            .flatten()
        {
            if !shared.vhosts.contains_key(&link.vhost) {
                return Err(StartError::Link(link.vhost.clone()));
            }
        }
        let mut listeners = Vec::new();
        let mut address = None;
        let mut file = None;
        if let Some(tcp) = &shared.options.tcp {
            let listener = Listener::tcp(tcp).map_err(|error| {
                StartError::Listen(ListenError {
                    error,
                    address: Some((tcp.host.to_string(), tcp.port)),
                    path: None,
                })
            })?;
            address = listener.address();
            listeners.push(listener);
        }
        if let Some(path) = &shared.options.path {
            let listener = Listener::unix(path).map_err(|error| {
                StartError::Listen(ListenError {
                    error,
                    address: None,
                    path: Some(path.clone()),
                })
            })?;
            file = listener.file();
            listeners.push(listener);
        }
        let (closing, close) = watch::channel(false);
        let (closed_sender, closed) = watch::channel(false);
        runtime.spawn(async move {
            serve(listeners, shared, close, Arc::new(report)).await;
            let _ = closed_sender.send(true);
        });
        Ok(Broker {
            runtime,
            address,
            file,
            closing,
            closed,
        })
    }

    /// Where it runs.
    pub fn runtime(&self) -> &'static Runtime {
        self.runtime
    }

    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Begins to close; `closed` says when it is done. A second call changes nothing.
    pub fn close(&self) {
        let _ = self.closing.send(true);
    }

    /// Waits until every task has ended and the ports are free. Outlives the broker.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closed = self.closed.clone();
        async move {
            // An error means that the task is gone, which is as closed as can be.
            let _ = closed.wait_for(|closed| *closed).await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.close();
        // The process may end before the task does, and would leave the file.
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}

fn share(mut options: Options) -> Result<Shared, StartError> {
    let memory = Arc::new(Memory::new(options.memory_high_watermark));
    let mut vhosts = HashMap::new();
    vhosts.insert("/".to_owned(), Arc::new(Vhost::new("/".into(), memory.clone())));
    let mut users = Users::default();
    for (name, password) in &options.users {
        let password = Password::Plain(password.clone());
        users.0.insert(
            name.clone(),
            User {
                password,
                vhosts: None,
            },
        );
    }
    if let Some(definitions) = options.definitions.take() {
        definitions::apply(definitions, &mut vhosts, &mut users, &memory).map_err(StartError::Definitions)?;
    }
    if users.0.is_empty() {
        let password = Password::Plain("guest".into());
        users.0.insert(
            "guest".into(),
            User {
                password,
                vhosts: None,
            },
        );
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Ok(Shared {
        name: format!("oxipc@{}", host.trim()),
        options,
        users,
        vhosts,
        memory,
    })
}

async fn serve(
    listeners: Vec<Listener>,
    shared: Arc<Shared>,
    mut close: watch::Receiver<bool>,
    report: Arc<dyn Fn(Report) + Send + Sync>,
) {
    let mut tasks = JoinSet::new();
    for vhost in shared.vhosts.values() {
        tasks.spawn(timer_loop(vhost.clone()));
    }
    let directions = [
        (Direction::Forward, shared.options.forward.clone()),
        (Direction::Fetch, shared.options.fetch.clone()),
    ];
    for (direction, link) in directions {
        if let Some(link) = link
            && let Some(vhost) = shared.vhosts.get(&link.vhost)
        {
            let (vhost, memory, report) = (vhost.clone(), shared.memory.clone(), report.clone());
            tasks.spawn(bridge::run(direction, link, vhost, memory, move |told| {
                report(told);
            }));
        }
    }
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept_loop(listener, shared.clone(), close.clone()));
    }
    // An error means that the broker was dropped.
    let _ = close.wait_for(|close| *close).await;
    let ended = async { while accepting.join_next().await.is_some() {} };
    if timeout(CLOSE_TIMEOUT, ended).await.is_err() {
        accepting.shutdown().await;
    }
    tasks.shutdown().await;
}

/// Accepts until the broker closes, then waits for the sessions it made.
async fn accept_loop(listener: Listener, shared: Arc<Shared>, mut close: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    let mut back_off = ACCEPT_BACK_OFF;
    let closing = close.clone();
    let mut end = std::pin::pin!(async move { close.wait_for(|close| *close).await.is_ok() });
    loop {
        tokio::select! {
            _ = &mut end => break,
            // Ended sessions are forgotten as they end.
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(transport) => {
                    back_off = ACCEPT_BACK_OFF;
                    sessions.spawn(connection::run(transport, shared.clone(), closing.clone()));
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(_) => {
                    tokio::select! {
                        _ = &mut end => break,
                        () = sleep(back_off) => back_off = (back_off * 2).min(ACCEPT_BACK_OFF_MAX),
                    }
                }
            }
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

/// Whether accept failed because of the one connection, which is gone: nothing to wait for.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Does what is due in a vhost by the clock.
async fn timer_loop(vhost: Arc<Vhost>) {
    loop {
        // Dead letters that did not fit a slice are backlog like a session's.
        let turn = match vhost.has_leftovers() {
            true => vhost.backlog.acquire().await.ok(),
            false => None,
        };
        let wait = vhost.fire_timers();
        if turn.is_some() {
            yield_now().await;
        }
        drop(turn);
        let changed = vhost.timers_changed.notified();
        match wait {
            Some(milliseconds) => {
                let _ = timeout(Duration::from_millis(milliseconds), changed).await;
            }
            None => changed.await,
        }
        // What was waited for may have happened already; others are to get the lock in between.
        yield_now().await;
    }
}
