//! Copies the workers' output to the program's own.

use super::prefix::Prefixed;
use crate::hub::HubEvent;
use rustix::event::{PollFd, PollFlags, poll};
use std::{
    fs::File,
    io::{self, PipeReader, PipeWriter, Read, Write, stderr, stdout},
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

/// The thread that copies, and the way to tell it what the hub says.
pub(super) struct Copier {
    events: Sender<HubEvent>,
    /// Each byte is an event in `events`.
    bell: PipeWriter,
    thread: JoinHandle<()>,
}

impl Copier {
    pub(super) fn start() -> io::Result<Copier> {
        let (events, inbox) = channel();
        let (rung, bell) = io::pipe()?;
        let thread = thread::Builder::new().name("mosaic-output".to_owned()).spawn(move || {
            if let Err(error) = copy(&inbox, rung) {
                tracing::error!(%error, "the workers' output is no longer shown");
            }
        })?;
        Ok(Copier { events, bell, thread })
    }

    /// What the hub calls.
    pub(super) fn on_event(&self) -> io::Result<impl Fn(HubEvent) + Send + Sync + 'static + use<>> {
        let (events, bell) = (self.events.clone(), self.bell.try_clone()?);
        Ok(move |event| {
            // Both fail only if the copier has ended, which it does after the hub.
            let _ = events.send(event);
            let _ = (&bell).write_all(&[0]);
        })
    }

    /// Waits until everything is shown. The hub must have ended.
    pub(super) fn finish(self) {
        drop((self.events, self.bell));
        if self.thread.join().is_err() {
            tracing::error!("the thread that copies the workers' output panicked");
        }
    }
}

/// One of a worker's streams.
struct Stream {
    uid: String,
    file: File,
    is_error: bool,
}

impl Stream {
    fn new(uid: &str, fd: OwnedFd, is_error: bool) -> io::Result<Stream> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Stream {
            uid: uid.to_owned(),
            file: File::from(fd),
            is_error,
        })
    }
}

/// What was copied so far, and to where.
#[derive(Default)]
struct Shown {
    out: Prefixed,
    error: Prefixed,
}

impl Shown {
    /// Copies what can be read now; `false` if there will be no more.
    fn copy(&mut self, stream: &mut Stream) -> bool {
        let mut bytes = [0; 16 << 10];
        loop {
            match stream.file.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.show(stream, &bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    fn show(&mut self, stream: &Stream, bytes: &[u8]) {
        // Nobody is left to hear of a closed stream.
        if stream.is_error {
            let _ = stderr().write_all(&self.error.push(&stream.uid, bytes));
        } else {
            let mut out = stdout().lock();
            let _ = out.write_all(&self.out.push(&stream.uid, bytes));
            let _ = out.flush();
        }
    }
}

fn copy(inbox: &Receiver<HubEvent>, mut rung: PipeReader) -> io::Result<()> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut shown = Shown::default();
    loop {
        let mut waiting = vec![PollFd::new(&rung, PollFlags::IN)];
        waiting.extend(streams.iter().map(|stream| PollFd::new(&stream.file, PollFlags::IN)));
        match poll(&mut waiting, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_rung = !waiting[0].revents().is_empty();
        streams.retain_mut(|stream| shown.copy(stream));
        if !is_rung {
            continue;
        }
        if rung.read(&mut [0])? == 0 {
            return Ok(());
        }
        match inbox.recv() {
            Ok(HubEvent::WorkerStarted {
                uid, stdout, stderr, ..
            }) => {
                streams.push(Stream::new(&uid, stdout, false)?);
                streams.push(Stream::new(&uid, stderr, true)?);
            }
            Ok(HubEvent::Drain { done }) => {
                streams.retain_mut(|stream| shown.copy(stream));
                done();
            }
            Ok(HubEvent::Ask { question, .. }) => question.refuse(super::NO_FRONT_END),
            // A line at the end is all that a log needs.
            Ok(HubEvent::Progress {
                name, worker, progress, ..
            }) => {
                if progress.done == progress.total {
                    eprintln!("{worker}: {name} has done all its {} steps", progress.total);
                }
            }
            Ok(HubEvent::Shown(view)) => {
                if view.is_last {
                    eprintln!("{}", view.text);
                }
            }
            Ok(HubEvent::Notice { uid, text }) => eprintln!("{uid}: {text}"),
            Ok(HubEvent::WorkerEnded { uid, status, asked }) => {
                if !asked {
                    eprintln!("{uid} ended: {status}");
                }
            }
            Err(_) => return Ok(()),
        }
    }
}
