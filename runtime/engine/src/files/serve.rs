//! Sends files of this host to another one.

use crate::{
    code::CodeStore,
    warehouse::StoreDirs,
    wire::{FileReply, FileRequest, Frame, Received, connect_tls},
};
use mosaic_abi::Buffer;
use mosaic_net::TlsStream;
use std::{io, io::Read, sync::Arc};
use tokio::task::spawn_blocking;

/// Answers the requests on a connection from another host, until it ends.
pub(crate) async fn serve(stream: TlsStream, code: CodeStore, store_dirs: StoreDirs) {
    let (sender, mut receiver) = connect_tls::<FileReply>(stream);
    while let Ok(Some(Received { message, .. })) = receiver.receive::<FileRequest>().await {
        let (code, store_dirs) = (code.clone(), store_dirs.clone());
        let read = spawn_blocking(move || read(&message, &code, &store_dirs)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        match read {
            Ok(content) => sender.send(Frame {
                message: FileReply { outcome: Ok(()) },
                payloads: vec![Arc::new(content)],
            }),
            Err(error) => sender.send(FileReply {
                outcome: Err(error.to_string()),
            }),
        }
    }
}

fn read(request: &FileRequest, code: &CodeStore, store_dirs: &StoreDirs) -> io::Result<Buffer> {
    match request {
        FileRequest::Code(file) => {
            let mut content = Vec::new();
            code.open(file)?.read_to_end(&mut content)?;
            Ok(Buffer::from(content))
        }
        FileRequest::Value(ware) => store_dirs.read(*ware),
    }
}
