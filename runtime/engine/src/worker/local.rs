//! The tesserae of a head: a worker that is a thread of the head's process instead of a process of its own.
//!
//! It listens as every worker does, so that calls, dependencies and results need not know where an object lives. What its
//! methods print is the process's own output.

use super::{MOST_THREADS, Settings, Site, runtime, serve};
use crate::{affinity::Cpus, id::Id, warehouse::Shelves, wire::Place};
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

/// The uid that a head's own tesserae have as their runtime, and that options name.
pub(crate) const LOCAL: &str = "head";
/// How long the objects may take to be dropped before the runtime counts as off all the same.
const GRACE: Duration = Duration::from_millis(500);

/// Where a head listens for whoever wants the results of its own tesserae.
pub(crate) fn local_address(hub: &Path, head: Id) -> PathBuf {
    hub.with_file_name(format!("head-{head}.sock"))
}

/// A worker within this process. Dropping it ends it, and its objects are dropped as they become idle.
#[derive(Debug)]
pub(crate) struct Local {
    place: Place,
    /// Stored values that moved or are gone. Dropped: the worker ends.
    forgotten: UnboundedSender<Id>,
    /// Ends when all objects are dropped.
    ended: oneshot::Receiver<()>,
}

impl Local {
    /// Starts the worker of the head `id`, whose guests know `host`.
    pub(crate) fn start(hub: &Path, id: Id, host: &'static Host, shelves: Shelves) -> io::Result<Local> {
        let address = local_address(hub, id);
        let listener = UnixListener::bind(&address)?;
        listener.set_nonblocking(true)?;
        let runtime = runtime()?;
        let settings = Settings {
            uid: LOCAL.to_owned(),
            hub: hub.to_owned(),
            shelves,
            threads: MOST_THREADS,
            // The hub, which sees to it that one method may always run, does not know of this worker.
            memory_limit: f64::INFINITY,
            cpus: Cpus::default(),
            // That of this process holds.
            log: LogOptions::default(),
        };
        let (forgotten, forget) = unbounded_channel();
        let (told, ended) = oneshot::channel();
        let path = address.clone();
        let run = move || {
            let worked = LocalSet::new().block_on(&runtime, work(listener, host, &settings, forget));
            if let Err(error) = worked {
                tracing::error!(%error, "the head's own tesserae cannot run");
            }
            let _ = fs::remove_file(&path);
            // A method that still runs is not waited for.
            runtime.shutdown_background();
            let _ = told.send(());
        };
        thread::Builder::new().name("mosaic-local".to_owned()).spawn(run)?;
        let uid = LOCAL.to_owned();
        Ok(Local {
            place: Place { uid, address },
            forgotten,
            ended,
        })
    }

    /// A stored value moved or is gone.
    pub(crate) fn forget(&self, ware: Id) {
        // Where nobody listens, the worker has just ended.
        let _ = self.forgotten.send(ware);
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Ends the worker, and waits a while for its objects to be dropped.
    pub(crate) async fn stop(self) {
        drop(self.forgotten);
        // Nobody is reachable from here on, however long a method takes.
        let _ = fs::remove_file(&self.place.address);
        let _ = timeout(GRACE, self.ended).await;
    }
}

async fn work(
    listener: UnixListener,
    host: &'static Host,
    settings: &Settings,
    mut forget: UnboundedReceiver<Id>,
) -> io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let site = Rc::new(Site::new(settings, host)?);
    spawn_local(serve::accept(site.clone(), listener));
    while let Some(ware) = forget.recv().await {
        site.wares.forget(ware);
    }
    site.close().await;
    Ok(())
}
