//! `SpawnOptions`: what to start, as plain data.

use napi_derive::napi;

use crate::event_loop::Errno;
use crate::process::{Command, CommandOptions};

/// What to start. `args` and `env` are strings in which a NUL ends every entry.
#[napi(object)]
pub struct SpawnOptions {
    pub file: String,
    pub args: String,
    pub env: Option<String>,
    pub cwd: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub detached: bool,
    /// Sent to it when this process dies in whatever way.
    pub death_signal: Option<i32>,
}

impl SpawnOptions {
    pub(super) fn into_command(self) -> Result<Command, Errno> {
        Command::new(CommandOptions {
            file: self.file,
            args: self.args,
            env: self.env,
            cwd: self.cwd,
            uid: self.uid,
            gid: self.gid,
            detached: self.detached,
            death_signal: self.death_signal,
        })
    }
}
