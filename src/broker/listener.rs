//! Listening sockets: TCP, and UNIX sockets whose file may be a dead broker's.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::broker::connection::Transport;
use crate::broker::options::TcpAddress;

/// RabbitMQ's: 128.
const BACKLOG: u32 = 128;

#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        file: Arc<SocketFile>,
    },
}

/// A socket file that is ours; removed once, unless somebody has put another in its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Looked at before the file is: a successor's file may get the same inode.
    removed: AtomicBool,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

impl SocketFile {
    pub fn remove(&self) {
        if self.removed.swap(true, Ordering::Relaxed) {
            return;
        }
        // With the lock nobody replaces the file between the look and the removal.
        let lock = lock(&self.path);
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if lock.is_ok() && ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    pub fn tcp(address: &TcpAddress) -> io::Result<Listener> {
        let address = SocketAddr::new(address.host, address.port);
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Listener::Tcp(socket.listen(BACKLOG)?))
    }

    pub fn unix(path: &Path) -> io::Result<Listener> {
        let _lock = lock(path)?;
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_stale(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            result => result,
        }?;
        let file = std::fs::symlink_metadata(path)?;
        let file = SocketFile {
            path: path.to_owned(),
            device: file.dev(),
            inode: file.ino(),
            removed: AtomicBool::new(false),
        };
        Ok(Listener::Unix {
            listener,
            file: Arc::new(file),
        })
    }

    pub fn file(&self) -> Option<Arc<SocketFile>> {
        match self {
            Listener::Tcp(_) => None,
            Listener::Unix { file, .. } => Some(file.clone()),
        }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix { .. } => None,
        }
    }

    pub async fn accept(&self) -> io::Result<Transport> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are written when they are whole; to hold them back for more only costs time.
                let _ = stream.set_nodelay(true);
                Ok(Transport::Tcp(stream))
            }
            Listener::Unix { listener, .. } => Ok(Transport::Unix(listener.accept().await?.0)),
        }
    }
}

/// Whether a path is a socket that nobody listens on.
fn is_stale(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// Makes takers of the same path wait for each other: a probe and a removal are two steps.
fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW)
        .open(PathBuf::from(name))?;
    // SAFETY: the descriptor is open, `file` owns it; flock takes no pointers.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}
