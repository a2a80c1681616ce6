//! The file that a UNIX listener's name is: made by bind, removed when the listener closes, and never somebody else's.

use std::fs;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Address, Domain, bind, connect, open};
use crate::event_loop::{Errno, last_errno};

/// What is to hold for the file from the moment others can see it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PathOptions {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// A socket file that nobody listens on any more is replaced.
    pub take_over: bool,
}

/// A bound name. `release` removes its file.
pub struct BoundPath {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// Whoever takes over locks the directory for as long as a few system calls take. A second of patience is plenty; then
/// somebody else uses the lock for purposes of his own.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

impl BoundPath {
    /// Binds `fd` to a path, or to an abstract name, which has no file.
    pub fn bind(fd: RawFd, name: &[u8], options: PathOptions) -> Result<Self, Errno> {
        let address = Address::unix(name)?;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name));
        if name.first().is_none_or(|&first| first == 0) {
            bind(fd, &address, false, false)?;
            return Ok(BoundPath { path, identity: None });
        }
        let _lock = if options.take_over {
            let lock = lock_directory(&path)?;
            remove_stale(&path, &address)?;
            Some(lock)
        } else {
            None
        };
        if options.mode.is_some() || options.uid.is_some() || options.gid.is_some() {
            // Linux gives the file the mode of the socket, less the umask: nobody else can connect before it is as wanted.
            // SAFETY: plain system call.
            if unsafe { libc::fchmod(fd, 0o600 & options.mode.unwrap_or(0o600)) } < 0 {
                return Err(last_errno());
            }
        }
        bind(fd, &address, false, false)?;
        let bound = BoundPath {
            identity: identity(&path),
            path,
        };
        bound.apply(options).inspect_err(|_| bound.release())?;
        Ok(bound)
    }

    fn apply(&self, options: PathOptions) -> Result<(), Errno> {
        let ownership = options.uid.is_some() || options.gid.is_some();
        if ownership {
            chown(&self.path, options.uid, options.gid).map_err(|error| errno(&error))?;
        }
        if ownership || options.mode.is_some() {
            let mode = options.mode.unwrap_or(0o777 & !umask());
            fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
                .map_err(|error| errno(&error))?;
        }
        Ok(())
    }

    /// Removes the file, unless another one has taken its place.
    pub fn release(&self) {
        if self.identity.is_some() && self.identity == identity(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode: what makes it this file and not a successor's of the same name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Removes a socket file that nobody listens on. EADDRINUSE when somebody does, or when it is no socket.
fn remove_stale(path: &Path, address: &Address) -> Result<(), Errno> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !metadata.file_type().is_socket() {
        return Err(-libc::EADDRINUSE);
    }
    let probe = open(Domain::Unix)?;
    match connect(probe.as_raw_fd(), address) {
        Err(errno) if errno == -libc::ECONNREFUSED => {
            fs::remove_file(path).map_err(|error| self::errno(&error))
        }
        _ => Err(-libc::EADDRINUSE),
    }
}

/// Held until dropped. On the directory itself, so that no lock file is left behind.
fn lock_directory(path: &Path) -> Result<fs::File, Errno> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = fs::File::open(directory).map_err(|error| match errno(&error) {
        missing if missing == -libc::ENOENT => -libc::EACCES,
        other => other,
    })?;
    for _ in 0..LOCK_ATTEMPTS {
        // SAFETY: plain system call on an open descriptor.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(file);
        }
        match last_errno() {
            busy if busy == -libc::EWOULDBLOCK || busy == -libc::EINTR => std::thread::sleep(LOCK_PAUSE),
            other => return Err(other),
        }
    }
    Err(-libc::EADDRINUSE)
}

fn umask() -> u32 {
    // Reading it by setting it would open a window for other threads.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|text| u32::from_str_radix(text.trim(), 8).ok())
        .unwrap_or(0o022)
}

fn errno(error: &std::io::Error) -> Errno {
    -error.raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("oxipc-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a temporary directory");
            Directory(path)
        }

        fn socket(&self) -> PathBuf {
            self.0.join("socket")
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn listen(path: &Path, options: PathOptions) -> Result<(OwnedFd, BoundPath), Errno> {
        let fd = open(Domain::Unix)?;
        let bound = BoundPath::bind(fd.as_raw_fd(), path.as_os_str().as_bytes(), options)?;
        // SAFETY: plain system call.
        assert_eq!(unsafe { libc::listen(fd.as_raw_fd(), 1) }, 0);
        Ok((fd, bound))
    }

    const TAKE_OVER: PathOptions = PathOptions {
        mode: None,
        uid: None,
        gid: None,
        take_over: true,
    };

    #[test]
    fn release_leaves_a_successors_file() {
        let directory = Directory::new("successor");
        let (_first, first_path) = listen(&directory.socket(), PathOptions::default()).expect("free");
        fs::remove_file(directory.socket()).expect("there");
        let (_second, second_path) = listen(&directory.socket(), PathOptions::default()).expect("free again");
        first_path.release();
        assert!(directory.socket().exists());
        second_path.release();
        assert!(!directory.socket().exists());
    }

    #[test]
    fn a_stale_file_is_taken_over_and_a_live_one_is_not() {
        let directory = Directory::new("stale");
        let (live, _path) = listen(&directory.socket(), PathOptions::default()).expect("free");
        assert_eq!(
            listen(&directory.socket(), TAKE_OVER).err(),
            Some(-libc::EADDRINUSE)
        );
        drop(live);
        assert_eq!(
            listen(&directory.socket(), PathOptions::default()).err(),
            Some(-libc::EADDRINUSE)
        );
        assert!(listen(&directory.socket(), TAKE_OVER).is_ok());
    }

    #[test]
    fn only_sockets_are_taken_over() {
        let directory = Directory::new("plain");
        fs::write(directory.socket(), "precious").expect("writable");
        assert_eq!(
            listen(&directory.socket(), TAKE_OVER).err(),
            Some(-libc::EADDRINUSE)
        );
        assert_eq!(
            fs::read_to_string(directory.socket()).expect("still there"),
            "precious"
        );
    }

    #[test]
    fn the_file_has_the_mode_asked_for() {
        let directory = Directory::new("mode");
        for mode in [0o600, 0o666, 0o660] {
            let options = PathOptions {
                mode: Some(mode),
                ..PathOptions::default()
            };
            let (_fd, path) = listen(&directory.socket(), options).expect("free");
            let metadata = fs::metadata(directory.socket()).expect("there");
            assert_eq!(metadata.permissions().mode() & 0o777, mode);
            path.release();
        }
    }
}
