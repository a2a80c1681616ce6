//! Which guardians this process has: what ends our children's children when we die (`lib/child_process/guardian.js`). One
//! for every signal, whichever thread has started it: it lives as long as the process.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// By signal number what the marks of the children begin with.
static PREFIXES: LazyLock<Mutex<HashMap<i32, String>>> = LazyLock::new(Mutex::default);

/// What marks a child that is to die by `signal`; `None` when no guardian looks for that yet.
pub fn guardian_prefix(signal: i32) -> Option<String> {
    let prefixes = PREFIXES.lock().unwrap_or_else(PoisonError::into_inner);
    prefixes.get(&signal).cloned()
}

/// A guardian looks for `prefix` from now on.
pub fn set_guardian_prefix(signal: i32, prefix: String) {
    let mut prefixes = PREFIXES.lock().unwrap_or_else(PoisonError::into_inner);
    prefixes.insert(signal, prefix);
}
