//! Connections from other hosts.

use crate::{
    code::CodeStore,
    monitor::{pass_on, serve_files},
    warehouse::StoreDirs,
    wire::FILES,
};
use mosaic_net::{Credentials, Gate};
use std::{path::PathBuf, time::Duration};
use tokio::{task::spawn_local, time::sleep};

/// The pause after a connection could not be accepted.
const RECOVERY: Duration = Duration::from_millis(100);

/// Accepts connections from other hosts for as long as the node process runs.
pub(super) async fn accept(mut gate: Gate, credentials: Credentials, run_dir: PathBuf, store_dirs: StoreDirs) {
    let code = CodeStore::in_run_dir(&run_dir);
    loop {
        let (stream, target) = match gate.accept(credentials.secret()).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection from another host cannot be accepted");
                sleep(RECOVERY).await;
                continue;
            }
        };
        let (credentials, run_dir, target) = (credentials.clone(), run_dir.clone(), target.as_str().to_owned());
        let (code, store_dirs) = (code.clone(), store_dirs.clone());
        spawn_local(async move {
            let served = match &*target {
                FILES => serve_files(&credentials, stream.into(), code, store_dirs).await,
                socket => pass_on(stream.into(), &run_dir, socket).await,
            };
            if let Err(error) = served {
                tracing::warn!(%error, target, "a connection from another host ended");
            }
        });
    }
}
