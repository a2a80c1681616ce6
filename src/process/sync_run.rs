//! Running a child to its end on the calling thread: its pipes, its exit and the time limit in one poll(2) loop. No
//! event loop takes part, so nothing of JavaScript runs meanwhile.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::child::ExitStatus;
use super::command::Command;
use super::launch::{Launched, launch_waiting};
use super::stdio::StdioTable;
use crate::event_loop::{Errno, last_errno};

/// Node reads into blocks of this size, which decides how much is kept when `max_output` is exceeded.
const BLOCK_BYTES: usize = 64 * 1024;
/// How often a turn reads an output that stays full, before the others and the time limit are looked at (libuv's number).
const READS_PER_TURN: usize = 32;

pub struct SyncLimits {
    pub timeout: Option<Duration>,
    /// Bytes of all outputs together; above it the child is killed.
    pub max_output: Option<f64>,
    pub kill_signal: i32,
    /// After `kill_signal`, the time until SIGKILL.
    pub force_kill_after: Option<Duration>,
}

/// What one descriptor of the child is to us. Parallel to the stdio list.
#[derive(Default)]
pub struct SyncPipe<'a> {
    /// Written to the child, then its end of input.
    pub input: &'a [u8],
    /// Whether what the child writes is kept.
    pub keep_output: bool,
}

#[derive(Default)]
pub struct SyncResult {
    pub pid: libc::pid_t,
    /// `None`: it was never started.
    pub status: Option<ExitStatus>,
    /// 0 or a negative errno: of the start, of a pipe, of waiting, ETIMEDOUT, ENOBUFS.
    pub error: Errno,
    /// `None` for a descriptor that is no pipe or whose output is not kept.
    pub outputs: Vec<Option<Vec<u8>>>,
    pub usage: Option<libc::rusage>,
}

struct Open<'a> {
    index: usize,
    fd: OwnedFd,
    input: Option<&'a [u8]>,
    reads: bool,
}

struct Run<'a> {
    launched: Launched,
    open: Vec<Open<'a>>,
    limits: SyncLimits,
    deadline: Option<Instant>,
    result: SyncResult,
    pipe_error: Errno,
    output_bytes: usize,
    killed: bool,
}

/// Starts `command` and returns when it has ended and all its pipes have, which a grandchild may hold longer.
pub fn run(command: Command, stdio: &[i32], pipes: &[SyncPipe], limits: SyncLimits) -> SyncResult {
    let deadline = limits
        .timeout
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let started = StdioTable::new(stdio).and_then(|mut table| {
        let ends = table.take_ends();
        Ok((launch_waiting(command, &table)?, ends))
    });
    let (launched, ends) = match started {
        Ok(started) => started,
        Err(error) => {
            return SyncResult {
                error,
                ..SyncResult::default()
            };
        }
    };
    let mut run = Run {
        result: SyncResult {
            pid: launched.pid,
            outputs: stdio.iter().map(|_| None).collect(),
            ..SyncResult::default()
        },
        launched,
        open: Vec::new(),
        limits,
        deadline,
        pipe_error: 0,
        output_bytes: 0,
        killed: false,
    };
    run.open(ends, pipes);
    while run.result.status.is_none() || !run.open.is_empty() {
        run.turn();
    }
    if run.result.error == 0 {
        run.result.error = run.pipe_error;
    }
    run.result
}

impl<'a> Run<'a> {
    fn open(&mut self, ends: Vec<(usize, OwnedFd)>, pipes: &[SyncPipe<'a>]) {
        for (index, fd) in ends {
            let pipe = &pipes[index];
            // SAFETY: a descriptor of ours that nobody else uses.
            unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
            if pipe.keep_output {
                self.result.outputs[index] = Some(Vec::new());
            }
            let mut open = Open {
                index,
                fd,
                input: Some(pipe.input),
                reads: pipe.keep_output,
            };
            self.write(&mut open);
            if open.is_needed() {
                self.open.push(open);
            }
        }
    }

    fn turn(&mut self) {
        let mut polled: Vec<libc::pollfd> = self.open.iter().map(Open::interest).collect();
        if self.result.status.is_none() {
            polled.push(interest(self.launched.process.as_raw_fd(), libc::POLLIN));
        }
        // SAFETY: a valid array of pollfd.
        let ready = unsafe {
            libc::poll(
                polled.as_mut_ptr(),
                polled.len() as libc::nfds_t,
                self.time_left(),
            )
        };
        if ready < 0 {
            return;
        }
        for (mut open, polled) in std::mem::take(&mut self.open).into_iter().zip(&polled) {
            if self.killed {
                break;
            }
            if polled.revents & !libc::POLLIN != 0 {
                self.write(&mut open);
            }
            if polled.revents & !libc::POLLOUT != 0 {
                self.read(&mut open);
            }
            if open.is_needed() && !self.killed {
                self.open.push(open);
            }
        }
        if self.result.status.is_none()
            && let Some((status, usage)) = self.launched.process.reap()
        {
            self.result.usage = usage;
            self.result.status = Some(status.unwrap_or_default());
            // Somebody else reaped it: how it ended is not known.
            self.result.error = self.result.error.min(status.err().unwrap_or_default());
        }
        // Looked at in every turn: outputs that are never empty leave poll(2) no time to run out.
        let is_over = self.result.status.is_some() && self.open.is_empty();
        if !is_over && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            if self.killed {
                self.force_kill();
            } else {
                self.kill(-libc::ETIMEDOUT);
            }
        }
    }

    /// Milliseconds for poll(2), rounded up; -1 without a limit.
    fn time_left(&self) -> i32 {
        let Some(deadline) = self.deadline else { return -1 };
        let left = deadline.saturating_duration_since(Instant::now());
        left.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX)
    }

    fn write(&mut self, open: &mut Open) {
        while let Some(input) = open.input {
            if input.is_empty() {
                open.input = None;
                // SAFETY: plain system call.
                unsafe { libc::shutdown(open.fd.as_raw_fd(), libc::SHUT_WR) };
                return;
            }
            // SAFETY: writes from a slice that outlives the call.
            let count = unsafe {
                libc::send(
                    open.fd.as_raw_fd(),
                    input.as_ptr().cast(),
                    input.len(),
                    libc::MSG_NOSIGNAL,
                )
            };
            if count >= 0 {
                open.input = Some(&input[count as usize..]);
                continue;
            }
            match last_errno() {
                errno if errno == -libc::EAGAIN => return,
                errno if errno == -libc::EINTR => {}
                errno => {
                    open.input = None;
                    self.fail_pipe(errno);
                }
            }
        }
    }

    fn read(&mut self, open: &mut Open) {
        for _ in 0..READS_PER_TURN {
            if !open.reads {
                return;
            }
            let Some(output) = self.result.outputs[open.index].as_mut() else {
                return;
            };
            let room = BLOCK_BYTES - output.len() % BLOCK_BYTES;
            output.reserve(room);
            let start = output.spare_capacity_mut().as_mut_ptr();
            // SAFETY: `room` bytes of spare capacity begin at `start`.
            let count = unsafe { libc::read(open.fd.as_raw_fd(), start.cast(), room) };
            if count > 0 {
                // SAFETY: the kernel has written them.
                unsafe { output.set_len(output.len() + count as usize) };
                self.output_bytes += count as usize;
                if self
                    .limits
                    .max_output
                    .is_some_and(|max| self.output_bytes as f64 > max)
                {
                    return self.kill(-libc::ENOBUFS);
                }
                if (count as usize) < room {
                    return;
                }
                continue;
            }
            let errno = if count == 0 { 0 } else { last_errno() };
            if errno == -libc::EAGAIN {
                return;
            }
            if errno != -libc::EINTR {
                open.reads = false;
                self.fail_pipe(errno);
            }
        }
    }

    fn fail_pipe(&mut self, errno: Errno) {
        // ECONNRESET: the child left input unread, which is its own affair.
        if self.pipe_error == 0 && errno != -libc::ECONNRESET {
            self.pipe_error = errno;
        }
    }

    /// Once: the signal, and no more interest in the pipes. Then only the exit is awaited, however long that takes, or until
    /// it is forced.
    ///
    /// The signal before the pipes close, as in Node: a child that saw the end of its input first might still succeed.
    fn kill(&mut self, reason: Errno) {
        if std::mem::replace(&mut self.killed, true) {
            return;
        }
        if self.result.error == 0 {
            self.result.error = reason;
        }
        self.deadline = None;
        if self.result.status.is_none() {
            self.signal();
        }
        self.open.clear();
    }

    fn signal(&mut self) {
        self.deadline = self
            .limits
            .force_kill_after
            .and_then(|after| Instant::now().checked_add(after));
        if let Err(errno) = self.launched.process.signal(self.limits.kill_signal)
            && errno != -libc::ESRCH
        {
            // A signal that this system does not know: the child must end all the same.
            self.result.error = errno;
            self.force_kill();
        }
    }

    fn force_kill(&mut self) {
        self.deadline = None;
        let _ = self.launched.process.signal(libc::SIGKILL);
    }
}

impl Open<'_> {
    fn is_needed(&self) -> bool {
        self.input.is_some() || self.reads
    }

    fn interest(&self) -> libc::pollfd {
        let reading = if self.reads { libc::POLLIN } else { 0 };
        let writing = if self.input.is_some() { libc::POLLOUT } else { 0 };
        interest(self.fd.as_raw_fd(), reading | writing)
    }
}

fn interest(fd: RawFd, events: libc::c_short) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CommandOptions, IGNORE, PIPE};
    use super::*;

    fn shell(script: &str, input: &[u8], limits: SyncLimits) -> SyncResult {
        let options = CommandOptions {
            file: "/bin/sh".into(),
            args: format!("sh\0-c\0{script}\0"),
            ..CommandOptions::default()
        };
        let pipes = [
            SyncPipe {
                input,
                keep_output: false,
            },
            SyncPipe {
                input: b"",
                keep_output: true,
            },
            SyncPipe::default(),
        ];
        run(
            Command::new(options).unwrap(),
            &[PIPE, PIPE, IGNORE],
            &pipes,
            limits,
        )
    }

    const UNLIMITED: SyncLimits = SyncLimits {
        timeout: None,
        max_output: None,
        kill_signal: libc::SIGTERM,
        force_kill_after: None,
    };

    #[test]
    fn input_comes_back_through_a_child_that_copies_it() {
        let input = vec![7; 3_000_000];
        let result = shell("cat; exit 4", &input, UNLIMITED);
        assert_eq!(result.outputs[1].as_deref(), Some(&input[..]));
        assert_eq!(result.status, Some(ExitStatus { code: 4, signal: 0 }));
        assert_eq!(result.error, 0);
    }

    #[test]
    fn a_child_that_reads_no_input_leaves_a_broken_pipe() {
        let result = shell("exec <&-", &vec![7; 3_000_000], UNLIMITED);
        assert_eq!(result.error, -libc::EPIPE);
    }

    #[test]
    fn a_child_over_its_time_is_killed() {
        let limits = SyncLimits {
            timeout: Some(Duration::from_millis(20)),
            ..UNLIMITED
        };
        let result = shell("echo x; exec sleep 1000", b"", limits);
        assert_eq!(result.error, -libc::ETIMEDOUT);
        assert_eq!(
            result.status,
            Some(ExitStatus {
                code: 0,
                signal: libc::SIGTERM
            })
        );
    }

    #[test]
    fn a_child_that_ignores_its_signal_is_killed_by_force() {
        let limits = SyncLimits {
            max_output: Some(1.0),
            force_kill_after: Some(Duration::from_millis(20)),
            ..UNLIMITED
        };
        let result = shell("trap '' TERM; echo over; while :; do :; done", b"", limits);
        assert_eq!(result.error, -libc::ENOBUFS);
        assert_eq!(
            result.status,
            Some(ExitStatus {
                code: 0,
                signal: libc::SIGKILL
            })
        );
    }
}
