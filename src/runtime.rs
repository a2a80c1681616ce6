//! The one tokio runtime of the process: AMQP connections and the broker run on it, whichever environment asked.

use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// Two: one thread can carry a client while the other carries the broker it talks to; more would take processors from
/// JavaScript, which is what the user's program is made of.
const WORKER_THREADS: usize = 2;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("oxipc")
        .enable_all()
        .build()
        .expect("the operating system grants two threads and an epoll descriptor")
});

/// The runtime, started by the first call. It lives until the process ends: its threads hold no JavaScript.
pub fn runtime() -> &'static Runtime {
    &RUNTIME
}
