//! What workers of other hosts write.
//!
//! Their node processes send it here, and it goes through pipes to the embedder, as the output of workers beside the
//! monitor does.

use super::super::{EventLoop, event::Event};
use crate::{
    monitor::MonitorEvent,
    wire::{Payload, Sender, ToNode, only},
};
use mosaic_abi::Failure;
use std::{io, os::fd::OwnedFd};
use tokio::{
    io::AsyncWriteExt,
    net::unix::pipe,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

/// The pipes for what a worker writes to standard output and to standard error. Dropping them closes them, once all of
/// it was written.
#[derive(Debug)]
pub(super) struct OutputPipes([UnboundedSender<Piece>; 2]);

/// Something that is to be done in order.
#[derive(Debug)]
enum Piece {
    Write(Payload),
    /// Tell that everything before this was written.
    Tell(oneshot::Sender<()>),
}

/// What is to happen once all output is shown that workers wrote until now.
#[derive(Debug)]
pub(super) struct Drain {
    /// The hosts that have not sent everything.
    missing: Vec<u32>,
    then: Box<Event>,
}

impl OutputPipes {
    /// Makes the pipes of a worker, and returns their ends for the embedder. The node process is told how much of the
    /// output was taken.
    pub(super) fn new(uid: &str, node: &Sender<ToNode>) -> io::Result<(OutputPipes, OwnedFd, OwnedFd)> {
        let (out, read_out) = pipe(uid, node)?;
        let (error, read_error) = pipe(uid, node)?;
        Ok((OutputPipes([out, error]), read_out, read_error))
    }

    /// Returns what ends when the embedder can read everything that was sent until now.
    fn written(&self) -> [oneshot::Receiver<()>; 2] {
        [false, true].map(|is_error| {
            let (told, written) = oneshot::channel();
            self.send(is_error, Piece::Tell(told));
            written
        })
    }

    fn send(&self, is_error: bool, piece: Piece) {
        // If the embedder has closed its end, nobody wants the output.
        let _ = self.0[usize::from(is_error)].send(piece);
    }
}

fn pipe(uid: &str, node: &Sender<ToNode>) -> io::Result<(UnboundedSender<Piece>, OwnedFd)> {
    let (read, write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&write, true)?;
    let write = pipe::Sender::from_owned_fd(write.into())?;
    let (sender, pieces) = unbounded_channel();
    tokio::spawn(write_pieces(write, pieces, uid.to_owned(), node.clone()));
    Ok((sender, read.into()))
}

/// Writes what arrives, as fast as the embedder reads.
async fn write_pieces(mut pipe: pipe::Sender, mut pieces: UnboundedReceiver<Piece>, uid: String, node: Sender<ToNode>) {
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Write(bytes) => {
                if let Err(error) = pipe.write_all(&bytes).await {
                    tracing::debug!(%error, uid, "the output of a worker is not wanted");
                }
                node.send(ToNode::Taken {
                    uid: uid.clone(),
                    bytes: bytes.len() as u64,
                });
            }
            Piece::Tell(told) => {
                // Whoever waits may have given up meanwhile.
                let _ = told.send(());
            }
        }
    }
}

impl EventLoop {
    /// Passes on what a worker wrote.
    pub(super) fn output_arrived(&self, host: u32, uid: &str, is_error: bool, payloads: Result<Vec<Payload>, Failure>) {
        let pipes = self.hosts.node(host).and_then(|node| node.output.get(uid));
        if let (Some(pipes), Ok(payloads)) = (pipes, payloads) {
            pipes.send(is_error, Piece::Write(only(payloads)));
        }
    }

    /// Has all output shown that workers wrote until now. `then` happens after that.
    pub(in super::super) fn drain(&mut self, then: Event) {
        let missing: Vec<u32> = self.hosts.connected().collect();
        if missing.is_empty() {
            return self.drain_here(then);
        }
        let request = self.hosts.next_request();
        let then = Box::new(then);
        self.hosts.drains.insert(request, Drain { missing, then });
        self.hosts.to_nodes(&ToNode::Drain { request });
    }

    /// Lets an event of a worker happen once the embedder can read what the worker wrote before.
    pub(super) fn after_output(&self, host: u32, uid: &str, then: Event) {
        let pipes = self.hosts.node(host).and_then(|node| node.output.get(uid));
        let written: Vec<oneshot::Receiver<()>> = pipes.map(OutputPipes::written).into_iter().flatten().collect();
        let events = self.events.clone();
        tokio::spawn(async move {
            for written in written {
                // An error is the end of a pipe, which is written then.
                let _ = written.await;
            }
            let _ = events.send(then);
        });
    }

    /// Notes that a host has sent all output, or is gone.
    pub(super) fn node_drained(&mut self, host: u32, request: u64) {
        let Some(drain) = self.hosts.drains.get_mut(&request) else {
            return;
        };
        drain.missing.retain(|missing| *missing != host);
        if !drain.missing.is_empty() {
            return;
        }
        let Some(Drain { then, .. }) = self.hosts.drains.remove(&request) else {
            return;
        };
        let nodes = self.hosts.hosts.values().filter_map(|host| host.node.as_ref());
        let pipes = nodes.flat_map(|node| node.output.values());
        let written: Vec<oneshot::Receiver<()>> = pipes.flat_map(OutputPipes::written).collect();
        let events = self.events.clone();
        tokio::spawn(async move {
            for written in written {
                // An error is the end of a pipe, which is written then.
                let _ = written.await;
            }
            let _ = events.send(Event::OutputTaken { request, then });
        });
    }

    /// Has everything shown that the embedder's pipes hold.
    pub(in super::super) fn output_taken(&self, request: u64, then: Box<Event>) {
        self.drain_here(Event::OutputShown { request, then });
    }

    /// Tells the hosts that everything was shown which they sent before a request.
    pub(in super::super) fn output_shown(&mut self, request: u64, then: Event) {
        self.hosts.to_nodes(&ToNode::Shown { request });
        self.handle_event(then);
    }

    /// Asks the embedder to show everything that it can read. `then` happens after that.
    fn drain_here(&self, then: Event) {
        let events = self.events.clone();
        let done = Box::new(move || {
            let _ = events.send(then);
        });
        (self.on_event)(MonitorEvent::Drain { done });
    }
}
