//! A pipe of the cell process or of a worker, and what the bytes in it say.

use std::os::fd::{BorrowedFd, OwnedFd};

use mosaic_jupyter::StreamName;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, read},
};
use tracing::warn;

use super::{
    display_blocks::{Blocks, Found},
    utf8_decoder::Decoder,
};

/// Who writes into a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The process in which the cells run.
    Cell,
    /// A worker, by its uid.
    Worker(String),
}

/// The read end of a pipe.
pub(super) struct Pipe {
    pub(super) source: Source,
    pub(super) stream: StreamName,
    pub(super) fd: OwnedFd,
    decoder: Decoder,
    /// Only standard output has any.
    blocks: Option<Blocks>,
    /// Nobody can write into it any more, and all was read.
    pub(super) ended: bool,
}

impl Pipe {
    pub(super) fn new(source: Source, stream: StreamName, fd: OwnedFd) -> Self {
        // One pipe that blocks would silence all others.
        let nonblocking = fcntl_getfl(&fd).and_then(|flags| fcntl_setfl(&fd, flags | OFlags::NONBLOCK));
        if let Err(errno) = nonblocking {
            warn!("cannot make a pipe of {source:?} non-blocking: {errno}");
        }
        Pipe {
            source,
            stream,
            fd,
            decoder: Decoder::default(),
            blocks: (stream == StreamName::Stdout).then(Blocks::default),
            ended: nonblocking.is_err(),
        }
    }

    /// What these bytes say.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<Found> {
        let text = self.decoder.push(bytes);
        self.find(text)
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> Vec<Found> {
        let text = self.decoder.finish().to_owned();
        let mut found = self.find(text);
        found.extend(self.blocks.as_mut().map(Blocks::finish).unwrap_or_default());
        found
    }

    fn find(&mut self, text: String) -> Vec<Found> {
        match &mut self.blocks {
            Some(blocks) => blocks.push(text),
            None => vec![Found::Text(text)],
        }
    }
}

/// What a read brought.
pub(super) enum Got {
    Bytes(usize),
    Nothing,
    End,
}

/// Reads what is there now, which may be nothing.
pub(super) fn try_read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Got {
    loop {
        match read(fd, &mut *buffer) {
            Ok(0) => return Got::End,
            Ok(count) => return Got::Bytes(count),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Got::Nothing,
            Err(errno) => {
                warn!("cannot read a pipe: {errno}");
                return Got::End;
            }
        }
    }
}
