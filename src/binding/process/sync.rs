//! `spawnSync`: a child from start to end in one call.

use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Env, Int32Array, JsValue, Uint8Array, Unknown};
use napi_derive::napi;

use super::options::SpawnOptions;
use crate::binding::pinned;
use crate::process::{PIPE, SyncLimits, SyncPipe, SyncResult, run_sync};

#[napi(object)]
pub struct SyncOptions {
    /// Milliseconds; `null`: none.
    pub timeout: Option<f64>,
    /// Bytes of all outputs together; `null`: no limit.
    pub max_buffer: Option<f64>,
    pub kill_signal: i32,
    /// Milliseconds from `killSignal` to SIGKILL; `null`: never.
    pub force_kill_after: Option<f64>,
}

/// How it went. `error` is 0 or a negative errno; `started` is false when there never was a process.
#[napi(object, object_from_js = false)]
pub struct SyncInfo {
    pub error: i32,
    pub started: bool,
    pub code: i32,
    pub signal: i32,
    pub pid: i32,
    /// For each descriptor what the child wrote, or `null`.
    pub outputs: Vec<Option<Buffer>>,
}

/// Runs a child to its end; JavaScript waits. `stdio` is as for `ChildHandle.spawn`; `inputs` has for each descriptor
/// what to write to it or `null`; `kept` a 1 for those whose output is wanted.
#[napi(catch_unwind)]
pub fn spawn_sync(
    env: Env,
    options: SpawnOptions,
    stdio: Int32Array,
    #[napi(ts_arg_type = "(ArrayBufferView | null)[]")] inputs: Unknown,
    kept: Uint8Array,
    limits: SyncOptions,
) -> SyncInfo {
    let pieces = pinned::elements(&env, inputs.raw());
    let pipes: Vec<SyncPipe> = stdio
        .iter()
        .enumerate()
        .map(|(index, &entry)| SyncPipe {
            input: pieces.get(index).map_or(&[], |piece| slice(piece)),
            keep_output: entry == PIPE && kept.get(index) == Some(&1),
        })
        .collect();
    let duration =
        |milliseconds: f64| Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::MAX);
    let limits = SyncLimits {
        timeout: limits.timeout.map(duration),
        max_output: limits.max_buffer,
        kill_signal: limits.kill_signal,
        force_kill_after: limits.force_kill_after.map(duration),
    };
    let result = match options.into_command() {
        Ok(command) => run_sync(command, &stdio, &pipes, limits),
        Err(error) => SyncResult {
            error,
            ..SyncResult::default()
        },
    };
    let status = result.status.unwrap_or_default();
    SyncInfo {
        error: result.error,
        started: result.status.is_some(),
        code: status.code,
        signal: status.signal,
        pid: result.pid,
        outputs: result
            .outputs
            .into_iter()
            .map(|output| output.map(Buffer::from))
            .collect(),
    }
}

/// The bytes of a buffer that JavaScript handed over for the length of a call.
fn slice(piece: &libc::iovec) -> &[u8] {
    if piece.iov_len == 0 {
        return &[];
    }
    // SAFETY: Node-API's pointer and length of a live buffer; JavaScript waits, so nobody writes to it.
    unsafe { std::slice::from_raw_parts(piece.iov_base.cast(), piece.iov_len) }
}
