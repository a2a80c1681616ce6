//! What a descriptor that a program hands over stands for.

use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// In the words and by the rules of libuv (uv_guess_handle): TCP, UDP, PIPE, TTY, FILE or UNKNOWN.
pub fn descriptor_type(fd: RawFd) -> &'static str {
    // SAFETY: plain system call.
    if fd >= 0 && unsafe { libc::isatty(fd) } == 1 {
        return "TTY";
    }
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is room for the answer.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } < 0 {
        return "UNKNOWN";
    }
    // SAFETY: fstat succeeded.
    match unsafe { stat.assume_init() }.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFCHR => "FILE",
        libc::S_IFIFO => "PIPE",
        libc::S_IFSOCK => socket_type(fd),
        _ => "UNKNOWN",
    }
}

fn socket_type(fd: RawFd) -> &'static str {
    match (
        integer_option(fd, libc::SO_DOMAIN),
        integer_option(fd, libc::SO_TYPE),
    ) {
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_STREAM)) => "TCP",
        (Some(libc::AF_INET | libc::AF_INET6), Some(libc::SOCK_DGRAM)) => "UDP",
        (Some(libc::AF_UNIX), Some(libc::SOCK_STREAM)) => "PIPE",
        _ => "UNKNOWN",
    }
}

fn integer_option(fd: RawFd, option: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: both outputs are ours and as large as said.
    let status =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, option, (&raw mut value).cast(), &mut length) };
    (status == 0).then_some(value)
}
