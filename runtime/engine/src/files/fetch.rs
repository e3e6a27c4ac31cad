//! Brings a file of another host to this one.

use crate::{
    code::CodeStore,
    warehouse::{StoreDir, StoreDirs},
    wire::{FILES, FileReply, FileRequest, Host, Network, connect_tls, only},
    worker::WantedFile,
};
use std::{io, io::ErrorKind};
use tokio::task::spawn_blocking;

/// Why a stored value cannot be fetched that lies on no host.
pub(crate) const NOWHERE: &str = "it was dropped, or was lost with its host";

/// Brings a file to this host from `host`. The bytes of a stored value have the same address there and here, modulo 64,
/// so that arrays can be used where they lie.
///
/// # Errors
///
/// The host cannot be reached, or does not have the file, or this host has no room for it.
pub(crate) async fn fetch(
    network: &Network,
    host: Host,
    file: WantedFile,
    code: CodeStore,
    store_dirs: StoreDirs,
) -> io::Result<()> {
    let (sender, receiver) = connect_tls::<FileRequest>(network.connect(host, FILES).await?);
    let mut receiver = receiver.storing();
    sender.send(match &file {
        WantedFile::Code { file, .. } => FileRequest::Code(file.clone()),
        WantedFile::Value { ware } => FileRequest::Value(*ware),
    });
    let reply = receiver.receive::<FileReply>().await?.ok_or(ErrorKind::UnexpectedEof)?;
    reply.message.outcome.map_err(io::Error::other)?;
    let content = only(reply.payloads.map_err(|failure| io::Error::other(failure.message))?);
    let written = spawn_blocking(move || match file {
        WantedFile::Code { file, .. } => code.add(&file, &content),
        WantedFile::Value { ware } => match store_dirs.write(StoreDir::Memory, ware, &content) {
            Ok(_) => Ok(()),
            Err(reason) => Err(io::Error::other(reason)),
        },
    });
    written.await.map_err(io::Error::other)?
}
