//! A pipe of the cell process or of a worker, and the text and display blocks in it.

use std::os::fd::{BorrowedFd, OwnedFd};

use mosaic_jupyter::StreamName;
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, read},
};
use tracing::warn;

use super::{
    display_blocks::{BlockParser, Segment},
    utf8_decoder::Utf8Decoder,
};

/// The process that writes into a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The process in which the cells run.
    CellProcess,
    /// A worker, by its uid.
    Worker(String),
}

/// The read end of a pipe.
pub(super) struct Pipe {
    pub(super) source: Source,
    pub(super) stream: StreamName,
    pub(super) fd: OwnedFd,
    decoder: Utf8Decoder,
    /// Finds display blocks, on the standard output of the cell process while it may print some.
    blocks: Option<BlockParser>,
    /// Whether everything was read and no process can write any more.
    pub(super) ended: bool,
}

impl Pipe {
    pub(super) fn new(source: Source, stream: StreamName, fd: OwnedFd) -> Self {
        // A pipe that blocks would hold up the output of all processes.
        let nonblocking = fcntl_getfl(&fd).and_then(|flags| fcntl_setfl(&fd, flags | OFlags::NONBLOCK));
        if let Err(errno) = nonblocking {
            warn!("cannot make a pipe of {source:?} non-blocking: {errno}");
        }
        Pipe {
            source,
            stream,
            fd,
            decoder: Utf8Decoder::default(),
            blocks: None,
            ended: nonblocking.is_err(),
        }
    }

    /// Says whether blocks that come from now on are displays. Returns what was held since it may have become a block.
    ///
    /// Blocks of workers are always text: a worker shows displays through the runtime.
    pub(super) fn allow_blocks(&mut self, allowed: bool) -> Vec<Segment> {
        let may_have = self.source == Source::CellProcess && self.stream == StreamName::Stdout;
        match (&mut self.blocks, allowed && may_have) {
            (Some(_), true) | (None, false) => Vec::new(),
            (None, true) => {
                self.blocks = Some(BlockParser::default());
                Vec::new()
            }
            (Some(blocks), false) => {
                let held = blocks.finish();
                self.blocks = None;
                held
            }
        }
    }

    /// Takes the next bytes; returns the text and blocks that are complete with them.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<Segment> {
        let text = self.decoder.push(bytes);
        self.find(text)
    }

    /// Returns the rest. No more bytes come, or the cell has ended.
    pub(super) fn finish(&mut self) -> Vec<Segment> {
        let text = self.decoder.finish().to_owned();
        let mut found = self.find(text);
        found.extend(self.blocks.as_mut().map(BlockParser::finish).unwrap_or_default());
        found
    }

    fn find(&mut self, text: String) -> Vec<Segment> {
        match &mut self.blocks {
            Some(blocks) => blocks.push(text),
            None => vec![Segment::Text(text)],
        }
    }
}

/// The outcome of a read.
pub(super) enum ReadOutcome {
    /// So many bytes were read.
    Bytes(usize),
    /// The pipe is empty.
    Nothing,
    /// No process can write any more.
    End,
}

/// Reads the bytes that are in the pipe now, if any.
pub(super) fn try_read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> ReadOutcome {
    loop {
        match read(fd, &mut *buffer) {
            Ok(0) => return ReadOutcome::End,
            Ok(count) => return ReadOutcome::Bytes(count),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return ReadOutcome::Nothing,
            Err(errno) => {
                warn!("cannot read a pipe: {errno}");
                return ReadOutcome::End;
            }
        }
    }
}
