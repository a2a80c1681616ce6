//! Child processes: starting them, their stdio, their end.
//!
//! `Command` is what the caller asked for, captured; `launch` makes the process (no page tables are copied); `stdio`
//! makes the pipes; `Child` watches the process (`watched`: a pidfd, mostly) on the event loop and reaps that one alone:
//! SIGCHLD and `waitpid(-1)` belong to libuv. `docs/design/spawn.md` tells how and why.

mod birth;
mod child;
mod command;
mod guardian;
mod known;
mod lasting_thread;
mod launch;
mod raw;
mod stdio;
mod sync_run;
mod tree;
mod under_way;
mod watched;

pub use child::{Child, ExitObserver, ExitStatus};
pub use command::{Command, CommandOptions};
pub use guardian::{guardian_prefix, set_guardian_prefix};
pub use lasting_thread::launch_lastingly;
pub use launch::{Launched, launch};
pub use stdio::{IGNORE, PIPE, SAME_AS_STDOUT, StdioTable, WIDE_PIPE};
pub use sync_run::{SyncLimits, SyncPipe, SyncResult, run as run_sync};
pub use tree::{Member, kill_remaining, kill_tree};
