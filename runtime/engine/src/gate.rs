//! The gate of a host: the one port at which it accepts connections from other hosts.

use crate::{
    code::CodeStore,
    files,
    warehouse::StoreDirs,
    wire::{FILES, MONITOR, ToWorker, hand_over},
};
use mosaic_net::{Credentials, Gate};
use std::{future::Future, io, os::fd::OwnedFd, path::PathBuf, time::Duration};
use tokio::time::sleep;

/// The pause after a connection could not be accepted.
const RECOVERY: Duration = Duration::from_millis(100);

/// What other hosts can reach behind a gate.
#[derive(Clone)]
pub(crate) struct Behind {
    /// What this host proves to the others that it belongs to the run.
    pub(crate) credentials: Credentials,
    /// The directory with the sockets of this host's processes.
    pub(crate) run_dir: PathBuf,
    /// The directories of this host's stored values.
    pub(crate) store_dirs: StoreDirs,
}

/// Accepts connections from other hosts, until this task is ended. `serve_node` serves those of node processes, which
/// want the monitor.
pub(crate) async fn accept<F>(mut gate: Gate, behind: Behind, serve_node: impl Fn(OwnedFd) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        let (stream, target) = match gate.accept(behind.credentials.secret()).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection from another host cannot be accepted");
                sleep(RECOVERY).await;
                continue;
            }
        };
        let (stream, target) = (OwnedFd::from(stream), target.as_str().to_owned());
        if target == MONITOR {
            let served = serve_node(stream);
            tokio::spawn(async move { report(&target, served.await) });
        } else {
            let behind = behind.clone();
            tokio::spawn(async move {
                let served = match &*target {
                    FILES => behind.serve_files(stream).await,
                    socket => behind.pass_on(stream, socket).await,
                };
                report(&target, served);
            });
        }
    }
}

fn report(target: &str, served: io::Result<()>) {
    if let Err(error) = served {
        tracing::warn!(%error, target, "a connection from another host ended");
    }
}

impl Behind {
    /// Sends files to another host.
    async fn serve_files(self, stream: OwnedFd) -> io::Result<()> {
        let stream = mosaic_net::accept(&self.credentials, stream).await?;
        files::serve(stream, CodeStore::in_run_dir(&self.run_dir), self.store_dirs).await;
        Ok(())
    }

    /// Passes a connection on to the process that listens at a socket of the run directory.
    async fn pass_on(self, stream: OwnedFd, socket: &str) -> io::Result<()> {
        let is_name = !socket.contains('/') && socket.ends_with(".sock");
        if !is_name {
            return Err(io::Error::other(format!("`{socket}` is no socket of a worker")));
        }
        hand_over(&ToWorker::Adopt, stream, &self.run_dir.join(socket)).await
    }
}
