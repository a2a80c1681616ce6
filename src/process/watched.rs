//! A process by a descriptor that turns readable at its end, and signals to it.
//!
//! A pidfd where the kernel has all that belongs to them (Linux 5.4). Elsewhere (RHEL 8, sandboxes that refuse the calls)
//! the read end of a pipe, whose write end a thread holds until the process has ended; the thread leaves reaping to us, so
//! that the number of a child stays its own. For a process that is not our child its start time says whether it still is
//! the same one: looked up right before each signal, which leaves a gap of microseconds that a pidfd has not.

use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;

use super::child::ExitStatus;
use crate::event_loop::{Errno, last_errno};

/// How often the thread looks whether a process that is not our child has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A variable in the environment that this process was started with: the other way, for tests and broken sandboxes.
const SWITCHED_OFF: &[u8] = b"OXIPC_PIDFD=0";

pub struct Watched {
    fd: OwnedFd,
    by: By,
}

enum By {
    Pidfd,
    /// Our child, not reaped before this is dropped.
    Child(libc::pid_t),
    Other(libc::pid_t, Identity),
}

/// Whether the kernel has pidfds with everything we need of them.
pub(super) fn has_pidfds() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| !is_switched_off() && probe())
}

// Not by getenv, which is not safe while another thread changes the environment.
fn is_switched_off() -> bool {
    fs::read("/proc/self/environ")
        .is_ok_and(|environ| environ.split(|&byte| byte == 0).any(|pair| pair == SWITCHED_OFF))
}

fn probe() -> bool {
    let own = Watched {
        // SAFETY: plain system call.
        fd: match pidfd_open(unsafe { libc::getpid() }) {
            Ok(fd) => fd,
            Err(_) => return false,
        },
        by: By::Pidfd,
    };
    // We are no child of ours; a kernel that does not know P_PIDFD says EINVAL.
    matches!(own.reap(), Some((Err(errno), _)) if errno == -libc::ECHILD) && own.signal(0).is_ok()
}

fn pidfd_open(pid: libc::pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: plain system call.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(last_errno());
    }
    // SAFETY: just made.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

impl Watched {
    /// Our own child, with the pidfd that clone may have made for it.
    ///
    /// # Errors
    /// EMFILE; EAGAIN when there is no thread to be had.
    pub(super) fn child(pid: libc::pid_t, pidfd: Option<OwnedFd>) -> Result<Self, Errno> {
        if let Some(fd) = pidfd {
            return Ok(Watched { fd, by: By::Pidfd });
        }
        let fd = readable_after(move || wait_unreaped(pid))?;
        Ok(Watched {
            fd,
            by: By::Child(pid),
        })
    }

    /// Any process; `None` when there is none by that number.
    pub(super) fn other(pid: libc::pid_t) -> Option<Self> {
        if has_pidfds() {
            let fd = pidfd_open(pid).ok()?;
            return Some(Watched { fd, by: By::Pidfd });
        }
        let identity = Identity::of(pid)?;
        let same = move || Identity::of(pid) == Some(identity);
        let fd = readable_after(move || {
            while same() {
                std::thread::sleep(LOOK_EVERY);
            }
        })
        .ok()?;
        Some(Watched {
            fd,
            by: By::Other(pid, identity),
        })
    }

    /// Sends a signal, 0 to probe only.
    ///
    /// # Errors
    /// ESRCH when it has ended; another process that got the number is never reached.
    pub(super) fn signal(&self, signal: i32) -> Result<(), Errno> {
        // SAFETY: plain system calls; no siginfo.
        let status = unsafe {
            match &self.by {
                By::Pidfd => libc::syscall(
                    libc::SYS_pidfd_send_signal,
                    self.fd.as_raw_fd(),
                    signal,
                    ptr::null::<libc::siginfo_t>(),
                    0,
                ),
                By::Child(pid) => libc::c_long::from(libc::kill(*pid, signal)),
                By::Other(pid, identity) if Identity::of(*pid) == Some(*identity) => {
                    libc::c_long::from(libc::kill(*pid, signal))
                }
                By::Other(..) => return Err(-libc::ESRCH),
            }
        };
        if status < 0 { Err(last_errno()) } else { Ok(()) }
    }

    /// A copy of a descriptor of the process; `None` where that is not granted.
    ///
    /// Not asked for under a seccomp filter, which may end a process for a call that debuggers make (systemd's `@debug`).
    pub(super) fn copy_descriptor(&self, number: RawFd) -> Option<OwnedFd> {
        let By::Pidfd = self.by else { return None };
        // SAFETY: plain system call.
        if unsafe { libc::prctl(libc::PR_GET_SECCOMP) } != 0 {
            return None;
        }
        // SAFETY: plain system call; the copy is owned below.
        let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, self.fd.as_raw_fd(), number, 0) };
        // SAFETY: just made.
        (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy as RawFd) })
    }

    /// Takes the exit status of a child of ours and what it used; `None` when it still runs.
    pub(super) fn reap(&self) -> Option<(Result<ExitStatus, Errno>, Option<libc::rusage>)> {
        let (kind, id) = match &self.by {
            By::Pidfd => (libc::P_PIDFD, self.fd.as_raw_fd()),
            By::Child(pid) | By::Other(pid, _) => (libc::P_PID, *pid),
        };
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // The system call and not the C library's function: only the former has the usage.
        // SAFETY: the kernel fills both structures; zeroed ones are valid as well.
        let (status, info, usage) = unsafe {
            let status = libc::syscall(
                libc::SYS_waitid,
                kind,
                id,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOHANG,
                usage.as_mut_ptr(),
            );
            (status, info.assume_init(), usage.assume_init())
        };
        if status < 0 {
            let errno = last_errno();
            return (errno != -libc::EINTR).then_some((Err(errno), None));
        }
        // SAFETY: waitid fills the fields of a child's siginfo; all zero when nothing has ended.
        let (pid, value) = unsafe { (info.si_pid(), info.si_status()) };
        if pid == 0 {
            return None;
        }
        let status = match info.si_code {
            libc::CLD_EXITED => ExitStatus {
                code: value,
                signal: 0,
            },
            _ => ExitStatus {
                code: 0,
                signal: value,
            },
        };
        Some((Ok(status), Some(usage)))
    }
}

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// A descriptor that turns readable when `wait`, on a thread of its own, has returned.
fn readable_after(wait: impl FnOnce() + Send + 'static) -> Result<OwnedFd, Errno> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: two integers of room.
    if unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
        return Err(last_errno());
    }
    // SAFETY: just made, owned by nobody else.
    let [ours, theirs] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    std::thread::Builder::new()
        .name("oxipc-wait".into())
        .stack_size(64 * 1024)
        .spawn(move || {
            wait();
            drop(theirs);
        })
        .map_err(|_| -libc::EAGAIN)?;
    Ok(ours)
}

/// Returns when our child has ended, or was reaped by somebody else; does not reap it.
fn wait_unreaped(pid: libc::pid_t) {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the kernel fills the structure, which nobody reads.
        let status = unsafe {
            libc::waitid(
                libc::P_PID,
                pid as libc::id_t,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOWAIT,
            )
        };
        if status == 0 || last_errno() != -libc::EINTR {
            return;
        }
    }
}

/// When a process that has not ended was started: tells apart those that have the same number one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity(u64);

impl Identity {
    /// The third field of /proc/PID/stat is the state, the 22nd the start time; the second may hold anything.
    fn of(pid: libc::pid_t) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        fields.nth(18)?.parse().ok().map(Identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bound for a failing run only.
    const ENDS_WITHIN_MS: i32 = 30_000;

    fn is_readable(watched: &Watched, within: i32) -> bool {
        let mut ended = libc::pollfd {
            fd: watched.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&mut ended, 1, within) == 1 }
    }

    fn sleeper() -> std::process::Child {
        std::process::Command::new("sleep").arg("1000").spawn().unwrap()
    }

    #[test]
    fn without_a_pidfd_a_child_is_watched_signalled_and_reaped() {
        let pid = sleeper().id() as libc::pid_t;
        let watched = Watched::child(pid, None).unwrap();
        assert!(!is_readable(&watched, 0));
        assert!(watched.reap().is_none());
        watched.signal(libc::SIGTERM).unwrap();
        assert!(is_readable(&watched, ENDS_WITHIN_MS));
        let (status, usage) = watched.reap().unwrap();
        assert_eq!(status.unwrap().signal, libc::SIGTERM);
        assert!(usage.is_some());
    }

    #[test]
    fn the_start_time_tells_a_process_that_runs_from_one_that_has_ended() {
        let mut child = sleeper();
        let pid = child.id() as libc::pid_t;
        let identity = Identity::of(pid).unwrap();
        assert!(Identity::of(pid) == Some(identity));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Identity::of(pid) != Some(identity));
    }
}
