//! A worker within a head's process: a thread instead of a process of its own, for the tesserae of the head itself.
//!
//! The worker listens as every worker does, so that calls, dependencies and results need not know where an object
//! lives. What its methods print is the process's own output.

use super::{
    circles,
    host_files::HostFiles,
    runtime::{MOST_THREADS, worker_runtime},
    serve,
    settings::Settings,
    state::WorkerState,
};
use crate::{
    cpu_affinity::Cpus,
    id::Id,
    warehouse::StoreDirs,
    wire::{self, WorkerAddress},
    worker_uid::LOCAL,
};
use mosaic_abi::{Host, LogOptions};
use std::{
    fs, io,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    rc::Rc,
    thread,
    time::Duration,
};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::{LocalSet, spawn_local},
    time::timeout,
};

/// How long the objects may take to be dropped before the runtime counts as off all the same.
const GRACE: Duration = Duration::from_millis(500);

/// Returns the socket at which a head listens for those who want results of its own tesserae.
pub(crate) fn local_address(monitor: &Path, head: Id) -> PathBuf {
    monitor.with_file_name(format!("head-{head}.sock"))
}

/// A worker within this process. Dropping it ends the worker; the worker drops its objects as they become idle.
#[derive(Debug)]
pub(crate) struct Local {
    place: WorkerAddress,
    /// Sends stored values that moved or are gone to the worker's thread. Dropping it ends the worker.
    forgotten: UnboundedSender<Id>,
    /// Receives a value, or an error, when all objects are dropped and the thread has ended.
    ended: oneshot::Receiver<()>,
}

impl Local {
    /// Starts the worker of the head `id`, whose guests get `host`.
    pub(crate) fn start(
        monitor: &Path,
        id: Id,
        host: &'static Host,
        store_dirs: StoreDirs,
        host_files: HostFiles,
    ) -> io::Result<Local> {
        let address = local_address(monitor, id);
        let listener = UnixListener::bind(&address)?;
        listener.set_nonblocking(true)?;
        let runtime = worker_runtime()?;
        let settings = Settings {
            uid: LOCAL.to_owned(),
            monitor: monitor.to_owned(),
            store_dirs,
            threads: MOST_THREADS,
            // The monitor, which lets a job begin when nothing else does, does not know of this worker.
            memory_limit: f64::INFINITY,
            cpus: Cpus::default(),
            // The log options of this process apply.
            log: LogOptions::default(),
            host: wire::Host::Monitor,
            monitor_host: None,
            clock_offset: 0,
        };
        let (forgotten, forget) = unbounded_channel();
        let (told, ended) = oneshot::channel();
        let path = address.clone();
        let run = move || {
            let worked = LocalSet::new().block_on(&runtime, work(listener, host, &settings, host_files, forget));
            if let Err(error) = worked {
                tracing::error!(%error, "the head's own tesserae cannot run");
            }
            let _ = fs::remove_file(&path);
            // Methods that still run are not waited for.
            runtime.shutdown_background();
            let _ = told.send(());
        };
        thread::Builder::new().name("mosaic-local".to_owned()).spawn(run)?;
        let uid = LOCAL.to_owned();
        Ok(Local {
            place: WorkerAddress {
                uid,
                socket: address,
                host: wire::Host::Monitor,
            },
            forgotten,
            ended,
        })
    }

    /// Forgets a stored value that moved or is gone.
    pub(crate) fn forget(&self, ware: Id) {
        // If nobody receives this, the worker has just ended.
        let _ = self.forgotten.send(ware);
    }

    /// Returns the worker's address.
    pub(crate) fn place(&self) -> &WorkerAddress {
        &self.place
    }

    /// Ends the worker, and waits at most [`GRACE`] for its objects to be dropped.
    pub(crate) async fn stop(self) {
        drop(self.forgotten);
        // The worker cannot be reached from here on, however long a method takes.
        let _ = fs::remove_file(&self.place.socket);
        let _ = timeout(GRACE, self.ended).await;
    }
}

/// Serves requests until the sender of `forget` is dropped, and then drops all objects.
async fn work(
    listener: UnixListener,
    host: &'static Host,
    settings: &Settings,
    host_files: HostFiles,
    mut forget: UnboundedReceiver<Id>,
) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let state = Rc::new(WorkerState::new(settings, host, host_files)?);
    spawn_local(circles::search());
    spawn_local(serve::accept(state.clone(), listener));
    while let Some(ware) = forget.recv().await {
        state.stored_values.forget(ware);
    }
    state.close().await;
    Ok(())
}
