//! The socket at which a new process waits until a debugger is attached to it, so that no breakpoint is missed.
//!
//! The socket exists while the debugger is on. A process says its name, and waits until the connection ends; see
//! [`mosaic_engine::wait_for_debugger`].

use crate::debugger::Shared;
use mosaic_engine::debugger_socket;
use serde_json::json;
use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
    time::sleep,
};

/// How long to wait when a connection cannot be taken, such as when the kernel is out of descriptors.
const RECOVERY: Duration = Duration::from_millis(100);

/// The open socket. It closes when this is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens the socket.
    ///
    /// # Errors
    ///
    /// The socket cannot be made in the run directory.
    pub(crate) fn open(shared: Arc<Shared>) -> io::Result<Gate> {
        let path = debugger_socket(&shared.options.run_dir);
        let listener = UnixListener::bind(&path)?;
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(attach(shared.clone(), stream));
                    }
                    Err(_) => sleep(RECOVERY).await,
                }
            }
        });
        Ok(Gate { path, task })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Attaches to the process that waits, and then lets it go.
async fn attach(shared: Arc<Shared>, stream: UnixStream) {
    let pid = stream
        .peer_cred()
        .ok()
        .and_then(|peer| peer.pid())
        .and_then(|pid| u32::try_from(pid).ok());
    let mut name = String::new();
    let mut stream = BufReader::new(stream);
    if stream.read_line(&mut name).await.is_err() {
        return;
    }
    if let Some(pid) = pid
        && let Err(error) = shared.attach(name.trim(), pid).await
    {
        shared.publish(
            "output",
            json!({ "category": "important", "output": format!("{error}\n") }),
        );
        tracing::warn!("{error}");
    }
    drop(stream);
}
