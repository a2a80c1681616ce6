//! UNIX socket files: taken over when stale, left alone when not ours.

use std::os::unix::net::UnixListener;

use super::*;
use crate::broker::StartError;

fn at(path: &std::path::Path) -> Options {
    Options {
        path: Some(path.to_owned()),
        ..Options::default()
    }
}

async fn close(broker: Broker) {
    broker.close();
    broker.closed().await;
}

#[test]
fn a_stale_socket_file_is_taken_over_and_ours_is_removed() {
    run(async {
        let path = temporary_path();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let broker = start(at(&path));
        tokio::net::UnixStream::connect(&path).await.unwrap();
        close(broker).await;
        assert!(!path.exists());
    });
}

#[test]
fn a_live_socket_and_a_file_that_is_none_are_left_alone() {
    run(async {
        let path = temporary_path();
        let first = start(at(&path));
        let refused = Broker::start(at(&path), |_| {}).unwrap_err();
        assert!(
            matches!(refused, StartError::Listen(ref listen) if listen.error.raw_os_error() == Some(libc::EADDRINUSE))
        );
        tokio::net::UnixStream::connect(&path).await.unwrap();
        close(first).await;

        std::fs::write(&path, "mine").unwrap();
        assert!(Broker::start(at(&path), |_| {}).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_successors_socket_file_is_not_removed() {
    run(async {
        let path = temporary_path();
        let broker = start(at(&path));
        std::fs::remove_file(&path).unwrap();
        let successor = UnixListener::bind(&path).unwrap();
        close(broker).await;
        assert!(path.exists());
        drop(successor);
        std::fs::remove_file(&path).unwrap();
    });
}
