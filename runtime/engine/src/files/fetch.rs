//! Brings a file of another host to this one.

use crate::{
    code::CodeStore,
    trim_memory::Trimmer,
    warehouse::{StoreDir, StoreDirs, memory_limit},
    wire::{FILES, FileReply, FileRequest, Host, Network, connect_tls, only},
    worker::WantedFile,
};
use std::{io, io::ErrorKind};
use tokio::task::spawn_blocking;

/// Why a stored value cannot be fetched that lies on no host.
pub(crate) const NOWHERE: &str = "it was dropped, or was lost with its host";

/// Brings files of other hosts to this one.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    network: Network,
    code: CodeStore,
    store_dirs: StoreDirs,
    /// The number of bytes of memory from which copies of stored values go to disk. It counts what is stored on this
    /// host as well.
    memory_limit: u64,
    /// Told of all bytes that arrive.
    trimmer: Trimmer,
}

impl Fetcher {
    /// Makes a fetcher for the host of `network`, whose stored values lie in `store_dirs` and may take up the part
    /// `spill_above` of its memory.
    pub(crate) fn new(network: Network, store_dirs: StoreDirs, spill_above: Option<f64>, trimmer: Trimmer) -> Fetcher {
        Fetcher {
            code: CodeStore::in_run_dir(&network.run_dir),
            memory_limit: memory_limit(spill_above, store_dirs.directory(StoreDir::Memory)),
            network,
            store_dirs,
            trimmer,
        }
    }

    /// Brings a file to this host from `host`. The bytes of a stored value have the same address there and here, modulo
    /// 64, so that arrays can be used where they lie.
    ///
    /// # Errors
    ///
    /// The host cannot be reached, or does not have the file, or this host has no room for it.
    pub(crate) async fn fetch(self, host: Host, file: WantedFile) -> io::Result<()> {
        let (sender, receiver) = connect_tls::<FileRequest>(self.network.connect(host, FILES).await?);
        let mut receiver = receiver.storing();
        sender.send(match &file {
            WantedFile::Code { file, .. } => FileRequest::Code(file.clone()),
            WantedFile::Value { ware } => FileRequest::Value(*ware),
        });
        let reply = receiver.receive::<FileReply>().await?.ok_or(ErrorKind::UnexpectedEof)?;
        reply.message.outcome.map_err(io::Error::other)?;
        let content = only(reply.payloads.map_err(|failure| io::Error::other(failure.message))?);
        let size = content.len();
        let (code, store_dirs, limit) = (self.code, self.store_dirs, self.memory_limit);
        let written = spawn_blocking(move || match file {
            WantedFile::Code { file, .. } => code.add(&file, &content),
            WantedFile::Value { ware } => {
                let used = store_dirs.bytes_in_memory();
                let has_room = used.saturating_add(content.len() as u64) <= limit;
                let dir = if has_room { StoreDir::Memory } else { StoreDir::Disk };
                store_dirs
                    .write(dir, ware, &content)
                    .map(drop)
                    .map_err(io::Error::other)
            }
        });
        let written = written.await.map_err(io::Error::other)?;
        self.trimmer.note(size);
        written
    }
}
