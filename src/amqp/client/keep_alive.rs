//! TCP keep-alive, which tokio does not offer on a connected stream.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Turns keep-alive on; a `delay` of zero leaves the time before the first probe to the system, as Node does.
pub fn set(socket: BorrowedFd<'_>, delay: Duration) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    #[cfg(target_os = "linux")]
    if seconds > 0 {
        set_option(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, seconds)?;
    }
    #[cfg(target_os = "macos")]
    if seconds > 0 {
        set_option(socket, libc::IPPROTO_TCP, libc::TCP_KEEPALIVE, seconds)?;
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    let _ = seconds;
    Ok(())
}

fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open for the borrow's lifetime, and the option value is a c_int that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
