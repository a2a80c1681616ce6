//! A process and all its descendants, signalled as one.
//!
//! Found through the parent pids in /proc, whatever process group or session they moved to; those whose parent has ended
//! and who are therefore init's are found by a marker in their environment, if the child was started with one. Each is
//! stopped when found, so that it makes no more children while we look, and held (`Watched`), so that no stranger is hit.
//! The stop acts when the process runs next, which may be in the middle of a fork that the kernel then completes: those
//! who have not stopped yet are looked at again.

use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsRawFd, RawFd};
use std::thread;

use super::watched::Watched;

/// Rounds of looking; a new round is needed only when the last has found somebody.
const MAX_ROUNDS: usize = 32;
/// How often those found are looked at until they have stopped: a bound for a machine that lets them run late.
const MAX_LOOKS: usize = 1000;

/// A process that got the signal.
pub struct Member {
    pid: libc::pid_t,
    process: Watched,
}

impl AsRawFd for Member {
    /// Turns readable when it has ended.
    fn as_raw_fd(&self) -> RawFd {
        self.process.as_raw_fd()
    }
}

/// Sends `signal` to `root` and everything that descends from it or has `marker` (`NAME=value`) in its environment.
/// Returns each process that got it, `root` included.
///
/// `root` is a child of ours that is not reaped, so that its number is still its own; `None` once it is.
pub fn kill_tree(root: Option<libc::pid_t>, marker: Option<&str>, signal: i32) -> Vec<Member> {
    let mut found: HashMap<libc::pid_t, Watched> = HashMap::new();
    found.extend(root.and_then(|root| Some((root, stop(root, None)?))));
    for _ in 0..MAX_ROUNDS {
        await_stop(&found);
        let fresh: Vec<_> = members(root, &found, marker)
            .into_iter()
            .filter(|(pid, _)| !found.contains_key(pid))
            .filter_map(|(pid, parent)| Some((pid, stop(pid, Some(parent))?)))
            .collect();
        if fresh.is_empty() {
            break;
        }
        found.extend(fresh);
    }
    for process in found.values() {
        // Whoever has ended meanwhile, or is not ours to signal, is left alone.
        let _ = process.signal(signal);
        let _ = process.signal(libc::SIGCONT);
    }
    found
        .into_iter()
        .map(|(pid, process)| Member { pid, process })
        .collect()
}

/// Sends SIGKILL to a process that an earlier `kill_tree` held, if it still runs, and to what descends from it now.
pub fn kill_remaining(member: &Member) {
    if member.process.signal(0).is_ok() {
        kill_tree(Some(member.pid), None, libc::SIGKILL);
    }
}

/// Stops a process whose parent is `parent`, if that is given: the number may have gone to a stranger since we looked.
fn stop(pid: libc::pid_t, parent: Option<libc::pid_t>) -> Option<Watched> {
    let process = Watched::other(pid)?;
    if parent.is_some() && parent_of(pid) != parent {
        return None;
    }
    process.signal(libc::SIGSTOP).ok()?;
    Some(process)
}

/// Returns when none of these can make a child any more. One that is held up in the kernel (state D) is not waited for:
/// that may take for ever, and a parent in vfork is among them.
fn await_stop(found: &HashMap<libc::pid_t, Watched>) {
    for _ in 0..MAX_LOOKS {
        if !found.keys().any(|&pid| is_running(pid)) {
            return;
        }
        thread::yield_now();
    }
}

/// Everybody who belongs to the tree now, with the parent of each.
fn members(
    root: Option<libc::pid_t>,
    found: &HashMap<libc::pid_t, Watched>,
    marker: Option<&str>,
) -> HashMap<libc::pid_t, libc::pid_t> {
    let mut children: HashMap<libc::pid_t, Vec<libc::pid_t>> = HashMap::new();
    let mut members: HashMap<libc::pid_t, libc::pid_t> = HashMap::new();
    for pid in all_processes() {
        let Some(parent) = parent_of(pid) else { continue };
        children.entry(parent).or_default().push(pid);
        if marker.is_some_and(|marker| has_variable(pid, marker)) {
            members.insert(pid, parent);
        }
    }
    let mut unseen: Vec<_> = found.keys().chain(members.keys()).copied().chain(root).collect();
    while let Some(pid) = unseen.pop() {
        for &child in children.get(&pid).into_iter().flatten() {
            if members.insert(child, pid).is_none() {
                unseen.push(child);
            }
        }
    }
    members.remove(&(std::process::id() as libc::pid_t));
    members
}

fn all_processes() -> impl Iterator<Item = libc::pid_t> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(pid: libc::pid_t) -> Option<libc::pid_t> {
    state_and_parent(pid).map(|(_, parent)| parent)
}

fn is_running(pid: libc::pid_t) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state == "R")
}

/// The third and fourth field of /proc/PID/stat; the second is the name, in parentheses, and may hold anything.
fn state_and_parent(pid: libc::pid_t) -> Option<(String, libc::pid_t)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn has_variable(pid: libc::pid_t, marker: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
        environ
            .split(|&byte| byte == 0)
            .any(|pair| pair == marker.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    /// A bound for a failing run only.
    const ENDS_WITHIN_MS: i32 = 30_000;

    #[test]
    fn a_grandchild_in_a_session_of_its_own_is_killed_too() {
        let mut child = Command::new("sh")
            .args(["-c", "setsid sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let grandchild: libc::pid_t = line.trim().parse().unwrap();
        let killed = kill_tree(Some(child.id() as libc::pid_t), None, libc::SIGKILL);
        assert_eq!(killed.len(), 2);
        assert!(killed.iter().any(|member| member.pid == grandchild));
        for member in &killed {
            let mut ended = libc::pollfd {
                fd: member.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one valid pollfd. A pidfd turns readable when its process has ended.
            assert_eq!(unsafe { libc::poll(&mut ended, 1, ENDS_WITHIN_MS) }, 1);
        }
        child.wait().unwrap();
    }

    #[test]
    fn nobody_can_fork_any_more_when_the_next_are_looked_for() {
        let mut child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let pid = child.id() as libc::pid_t;
        let found = HashMap::from([(pid, stop(pid, None).unwrap())]);
        // A busy machine may let it run on for longer than the bound: that is no failure of the waiting.
        let stopped = (0..100).any(|_| {
            await_stop(&found);
            state_and_parent(pid).is_some_and(|(state, _)| state == "T")
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(stopped);
    }
}
