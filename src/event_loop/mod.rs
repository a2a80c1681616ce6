//! libuv's handles on the loop that Node itself runs: the only module that knows libuv.
//!
//! `Loop` stands for one JavaScript environment's loop and closes what is still open when that environment ends. `Poll`
//! watches a descriptor, `Wake` lets another thread call in, `Stream` reads and writes bytes on a `Poll`. All but
//! `Waker` stay on the loop's thread. Observers are held weakly: whoever owns the `Poll` decides how long it lives.

pub mod descriptors;
mod handle;
mod poll;
mod stream;
mod turn;
mod uv;
mod wake;
mod write;

pub use handle::Loop;
pub use poll::{Poll, PollObserver, Readiness};
pub use stream::{Stream, StreamObserver};
pub use turn::Turn;
pub use uv::MissingSymbol;
pub use wake::{Wake, WakeObserver, Waker};
pub use write::{enlarge_send_buffer, holds_more_than_sent_at_once};

/// Runs what C calls. Rust ends the process when a panic gets there: it goes no further than here, and its text to stderr.
pub(crate) fn contained(body: impl FnOnce()) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
}

/// A negative errno, as libuv reports errors.
pub type Errno = i32;

/// The calling thread's errno as libuv would report it.
pub fn last_errno() -> Errno {
    -std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_goes_no_further_than_the_callback() {
        super::contained(|| panic!("on purpose"));
    }
}
