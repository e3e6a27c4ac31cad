//! What workers write, on its way to the monitor.

use super::event_loop::Event;
use crate::{
    node::OutputMark,
    wire::{Frame, FromNode, Payload, Sender},
};
use mosaic_abi::Buffer;
use std::{io, os::fd::OwnedFd, rc::Rc};
use tokio::{
    net::unix::pipe,
    sync::{Notify, mpsc::UnboundedSender},
    task::spawn_local,
};

/// The largest number of bytes of one message.
const PIECE: usize = 64 << 10;
/// The number of bytes of a worker that are on their way before its pipes are left alone, so that it waits when it writes
/// more.
const MOST_ON_THEIR_WAY: u64 = 1 << 20;

/// The output of a worker.
pub(super) struct WorkerOutput {
    uid: String,
    mark: OutputMark,
    streams: [Rc<Stream>; 2],
    /// The number of bytes that were sent.
    sent: u64,
    /// The number of bytes that the monitor has taken.
    taken: u64,
    /// The number of bytes that are shown, as far as is known.
    shown: u64,
}

struct Stream {
    pipe: pipe::Receiver,
    /// Notified when more may be read.
    go_on: Notify,
}

impl WorkerOutput {
    /// Begins to forward what a worker writes. `events` is told when there is something to [`forward`](Self::forward).
    ///
    /// # Errors
    ///
    /// The pipes cannot be registered with this thread's runtime.
    pub(super) fn new(
        uid: &str,
        mark: OutputMark,
        pipes: [OwnedFd; 2],
        events: &UnboundedSender<Event>,
    ) -> io::Result<WorkerOutput> {
        let [out, error] = pipes.map(|pipe| {
            rustix::io::ioctl_fionbio(&pipe, true)?;
            let pipe = pipe::Receiver::from_owned_fd(pipe)?;
            let go_on = Notify::new();
            io::Result::Ok(Rc::new(Stream { pipe, go_on }))
        });
        let streams = [out?, error?];
        for stream in &streams {
            let (stream, events, uid) = (stream.clone(), events.clone(), uid.to_owned());
            spawn_local(async move {
                while stream.pipe.readable().await.is_ok() {
                    let _ = events.send(Event::OutputReadable { uid: uid.clone() });
                    stream.go_on.notified().await;
                }
            });
        }
        Ok(WorkerOutput {
            uid: uid.to_owned(),
            mark,
            streams,
            sent: 0,
            taken: 0,
            shown: 0,
        })
    }

    /// Sends what can be read now, and has more of it reported unless too much is on its way.
    pub(super) fn forward(&mut self, monitor: &Sender<FromNode>) {
        let ended = self.send_readable(monitor);
        if self.sent - self.taken < MOST_ON_THEIR_WAY {
            self.go_on(ended);
        }
    }

    fn go_on(&self, ended: [bool; 2]) {
        for (stream, ended) in self.streams.iter().zip(ended) {
            // A pipe that has ended stays readable.
            if !ended {
                stream.go_on.notify_one();
            }
        }
    }

    /// Sends what can be read now. Returns which of the streams have ended.
    pub(super) fn send_readable(&mut self, monitor: &Sender<FromNode>) -> [bool; 2] {
        let (mut ended, mut bytes) = ([false; 2], vec![0; PIECE]);
        for (index, stream) in self.streams.iter().enumerate() {
            // Set before the pipe is emptied: the worker looks at the pipe first.
            self.mark.set(true);
            loop {
                match stream.pipe.try_read(&mut bytes) {
                    Ok(0) => {
                        ended[index] = true;
                        break;
                    }
                    Ok(len) => {
                        self.sent += len as u64;
                        monitor.send(Frame {
                            message: FromNode::Output {
                                uid: self.uid.clone(),
                                is_error: index == 1,
                            },
                            payloads: vec![Payload::new(Buffer::from(bytes[..len].to_vec()))],
                        });
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        if self.sent == self.shown {
            self.mark.set(false);
        }
        ended
    }

    /// Notes that the monitor has taken some of it.
    pub(super) fn taken(&mut self, bytes: u64) {
        let was_full = self.sent - self.taken >= MOST_ON_THEIR_WAY;
        self.taken = (self.taken + bytes).min(self.sent);
        if was_full && self.sent - self.taken < MOST_ON_THEIR_WAY {
            self.go_on([false; 2]);
        }
    }

    /// Returns the number of bytes that were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Notes that the first `bytes` bytes are shown.
    pub(super) fn shown(&mut self, bytes: u64) {
        self.shown = self.shown.max(bytes);
        if self.shown == self.sent {
            self.mark.set(false);
        }
    }
}
