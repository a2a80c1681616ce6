//! What a new process is to be: program, arguments, environment, directory, identity; in the form the system calls take.

use std::cell::Cell;
use std::ffi::{CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use super::launch::own_nice;

/// Where glibc looks when the environment has no PATH (confstr(_CS_PATH)).
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";
/// The longest directory entry (limits.h); execvp looks at it before it searches.
const NAME_MAX: usize = 255;
const SHELL: &std::ffi::CStr = c"/bin/sh";

/// As the caller states it. The strings hold no NUL but those that end each argument and each `NAME=value`.
#[derive(Default)]
pub struct CommandOptions {
    pub file: String,
    /// Every argument, `argv[0]` first, each ended by a NUL.
    pub args: String,
    /// Every `NAME=value`, each ended by a NUL; `None` for this process's own environment.
    pub env: Option<String>,
    pub cwd: Option<String>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// Leads a session of its own (setsid).
    pub detached: bool,
    /// Sent to it when we die.
    pub death_signal: Option<i32>,
}

/// Captured and laid out for execve: whoever holds it can start the process on any thread without allocating.
pub struct Command {
    _strings: Vec<CString>,
    _packed: [Vec<u8>; 2],
    pub(super) candidates: PointerList,
    /// Several candidates, from PATH: a failure of one is no failure yet.
    pub(super) searches: bool,
    pub(super) argv: PointerList,
    /// `/bin/sh`, room for the script's path, the arguments after `argv[0]`: execvp runs a file without a magic number so.
    pub(super) shell_argv: ShellArguments,
    pub(super) envp: PointerList,
    /// Where it starts; `None`: where we are.
    pub(super) directory: Option<CString>,
    pub(super) death_signal: Option<DeathSignal>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) detached: bool,
    /// Of the thread that asks for the process, which Linux gives a value of its own.
    pub(super) nice: c_int,
}

/// What the kernel sends when the thread that launches ends, and who we are: the child finds out whether it came too late.
pub(super) struct DeathSignal {
    pub signal: i32,
    pub parent: libc::pid_t,
}

impl DeathSignal {
    fn new(signal: i32) -> Self {
        DeathSignal {
            signal,
            // SAFETY: plain system call.
            parent: unsafe { libc::getpid() },
        }
    }
}

/// The null-terminated `argv` of a shell that runs a script whose path is not known before.
pub(super) struct ShellArguments(Vec<Cell<*const c_char>>);

// SAFETY: as for `PointerList`; whoever launches the command is alone with it.
unsafe impl Send for ShellArguments {}

impl ShellArguments {
    /// `rest` are the script's own arguments.
    fn new(rest: impl IntoIterator<Item = *const c_char>) -> Self {
        let list = [SHELL.as_ptr(), ptr::null()].into_iter().chain(rest);
        ShellArguments(list.chain([ptr::null()]).map(Cell::new).collect())
    }

    /// The list with the script in its place.
    pub(super) fn with_script(&self, script: *const c_char) -> *const *const c_char {
        self.0[1].set(script);
        self.0.as_ptr().cast()
    }
}

/// A null-terminated list of C strings that the `Command` owns.
pub(super) struct PointerList(Vec<*const c_char>);

// SAFETY: the pointers lead into heap memory that the same `Command` owns and nobody changes.
unsafe impl Send for PointerList {}
// SAFETY: as above.
unsafe impl Sync for PointerList {}

impl PointerList {
    fn new(pointers: impl IntoIterator<Item = *const c_char>) -> Self {
        let mut list: Vec<_> = pointers.into_iter().collect();
        list.push(ptr::null());
        PointerList(list)
    }

    /// Without the null at the end.
    pub(super) fn pointers(&self) -> &[*const c_char] {
        self.0.split_last().map_or(&[], |(_, pointers)| pointers)
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.0.as_ptr()
    }
}

impl Command {
    /// # Errors
    /// EINVAL for a NUL inside the file or the directory, ENAMETOOLONG for a name no directory can hold.
    pub fn new(options: CommandOptions) -> Result<Self, i32> {
        let env = options.env.unwrap_or_else(own_environment);
        let packed = [options.args.into_bytes(), env.into_bytes()];
        let (args, env) = (split(&packed[0]), split(&packed[1]));
        let path = variable(&packed[1], b"PATH").unwrap_or(DEFAULT_PATH);
        let strings = search(options.file.as_bytes(), path)?;
        let argv_rest = args.iter().skip(1).copied();
        Ok(Command {
            searches: !options.file.contains('/'),
            candidates: PointerList::new(strings.iter().map(|candidate| candidate.as_ptr())),
            shell_argv: ShellArguments::new(argv_rest),
            argv: PointerList::new(args.iter().copied()),
            envp: PointerList::new(env),
            directory: options.cwd.map(c_string).transpose()?,
            death_signal: options.death_signal.map(DeathSignal::new),
            uid: options.uid,
            gid: options.gid,
            detached: options.detached,
            nice: own_nice(),
            _strings: strings,
            _packed: packed,
        })
    }

    /// Whether the thread that launches it must outlive it.
    pub fn dies_with_parent(&self) -> bool {
        self.death_signal.is_some()
    }

    /// Bytes of all arguments and variables.
    pub(super) fn packed_bytes(&self) -> usize {
        self._packed.iter().map(Vec::len).sum()
    }

    pub(super) fn changes_identity(&self) -> bool {
        self.uid.is_some() || self.gid.is_some()
    }
}

/// The paths that execvp would try, in its order; none for an empty name.
fn search(file: &[u8], path: &[u8]) -> Result<Vec<CString>, i32> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    if file.contains(&b'/') {
        return Ok(vec![c_string(file)?]);
    }
    if file.len() > NAME_MAX {
        return Err(-libc::ENAMETOOLONG);
    }
    let candidate = |directory: &[u8]| match directory {
        b"" => c_string(file),
        _ => c_string([directory, b"/", file].concat()),
    };
    path.split(|&byte| byte == b':').map(candidate).collect()
}

fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, i32> {
    CString::new(bytes).map_err(|_| -libc::EINVAL)
}

/// The strings in a packed buffer; each is ended by a NUL.
fn split(packed: &[u8]) -> Vec<*const c_char> {
    packed
        .split_inclusive(|&byte| byte == 0)
        .map(|string| string.as_ptr().cast())
        .collect()
}

fn variable<'a>(packed: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    packed
        .split(|&byte| byte == 0)
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

fn own_environment() -> String {
    let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let text = |part: &OsStr| String::from_utf8_lossy(part.as_bytes()).into_owned();
        format!("{}={}\0", text(&name), text(&value))
    };
    std::env::vars_os().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(file: &str, path: &str) -> Vec<String> {
        let found = search(file.as_bytes(), path.as_bytes()).unwrap();
        found
            .into_iter()
            .map(|path| path.into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_name_is_looked_for_in_every_directory_of_the_path() {
        assert_eq!(paths("ls", "/a:b::/c"), ["/a/ls", "b/ls", "ls", "/c/ls"]);
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        assert_eq!(paths("./ls", "/a"), ["./ls"]);
    }

    #[test]
    fn an_empty_name_is_found_nowhere() {
        assert!(paths("", "/a").is_empty());
    }

    #[test]
    fn a_name_longer_than_any_directory_entry_is_refused() {
        let name = "x".repeat(256);
        assert_eq!(search(name.as_bytes(), b"/a").unwrap_err(), -libc::ENAMETOOLONG);
    }

    #[test]
    fn the_path_comes_from_the_given_environment() {
        assert_eq!(variable(b"A=1\0PATH=/x\0", b"PATH"), Some(&b"/x"[..]));
        assert_eq!(variable(b"A=1\0XPATH=/x\0", b"PATH"), None);
    }
}
