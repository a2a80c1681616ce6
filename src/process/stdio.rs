//! The descriptors a child starts with.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::event_loop::{Errno, enlarge_send_buffer, last_errno};

/// Entry of a stdio list: nothing (`/dev/null` for 0, 1 and 2).
pub const IGNORE: i32 = -1;
/// Entry of a stdio list: a new pipe, whose other end stays here.
pub const PIPE: i32 = -2;

/// Entry of a stdio list: whatever descriptor 1 is, so that the kernel keeps the order of what is written to both.
pub const SAME_AS_STDOUT: i32 = -3;

/// Entry of a stdio list: a stream that is closed.
pub const INVALID: i32 = -4;

/// Entry of a stdio list: a pipe with more room for what the child writes than Node's. Only where nothing that lies in it is
/// thrown away at the child's end: the fork channel, which is read to its end.
pub const WIDE_PIPE: i32 = -5;

/// For each descriptor of the child where it comes from, and our ends of the pipes.
pub struct StdioTable {
    /// What becomes descriptor 0, 1, 2, … of the child; -1 for nothing.
    pub(super) sources: Vec<RawFd>,
    ends: Vec<(usize, OwnedFd)>,
    /// The child's ends, closed here when the child has them.
    _theirs: Vec<OwnedFd>,
}

impl StdioTable {
    /// Makes the pipes that `list` asks for. An entry of it is `IGNORE`, `PIPE`, `WIDE_PIPE` or a descriptor of ours.
    ///
    /// # Errors
    /// EMFILE, ENFILE: no descriptors left; EINVAL for `INVALID`. None stays open then.
    pub fn new(list: &[i32]) -> Result<Self, Errno> {
        let mut table = StdioTable {
            sources: Vec::with_capacity(list.len()),
            ends: Vec::new(),
            _theirs: Vec::new(),
        };
        for (index, &entry) in list.iter().enumerate() {
            if entry == INVALID {
                return Err(-libc::EINVAL);
            }
            if entry == SAME_AS_STDOUT {
                let stdout = table.sources.get(1).copied().unwrap_or(IGNORE);
                table.sources.push(stdout);
                continue;
            }
            if entry != PIPE && entry != WIDE_PIPE {
                table.sources.push(entry);
                continue;
            }
            let (ours, theirs) = pipe()?;
            if entry == WIDE_PIPE {
                enlarge_send_buffer(theirs.as_fd());
            }
            table.sources.push(theirs.as_raw_fd());
            table.ends.push((index, ours));
            table._theirs.push(theirs);
        }
        Ok(table)
    }

    /// Whether every descriptor that the child is to get is open.
    pub(super) fn is_open(&self) -> bool {
        // SAFETY: a descriptor call.
        let is_open = |&fd: &RawFd| fd < 0 || unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
        self.sources.iter().all(is_open)
    }

    /// Our ends with the index of the child's descriptor.
    pub fn take_ends(&mut self) -> Vec<(usize, OwnedFd)> {
        std::mem::take(&mut self.ends)
    }
}

/// Both ends of a two-way pipe, ours first: a pair of UNIX sockets, as libuv makes them, so that programs which look find
/// what they find under Node.
fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: two integers of room.
    if unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_STREAM | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    } < 0
    {
        return Err(last_errno());
    }
    // SAFETY: just made, owned by nobody else.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    Ok((ours, theirs))
}
