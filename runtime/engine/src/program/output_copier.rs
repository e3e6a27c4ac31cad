//! Copies the workers' output to the program's own.

use super::output_lines::OutputLines;
use crate::monitor::MonitorEvent;
use rustix::event::{PollFd, PollFlags, poll};
use std::{
    fs::File,
    io::{self, PipeReader, PipeWriter, Read, Write, stderr, stdout},
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

/// The thread that copies, and the way to tell it the monitor's events.
pub(super) struct Copier {
    events: Sender<MonitorEvent>,
    /// Wakes the thread up: one byte for each event in `events`.
    wake_up: PipeWriter,
    thread: JoinHandle<()>,
}

impl Copier {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Copier> {
        let (events, inbox) = channel();
        let (woken, wake_up) = io::pipe()?;
        let thread = thread::Builder::new().name("mosaic-output".to_owned()).spawn(move || {
            if let Err(error) = copy(&inbox, woken) {
                tracing::error!(%error, "the workers' output is no longer shown");
            }
        })?;
        Ok(Copier {
            events,
            wake_up,
            thread,
        })
    }

    /// Returns the function that the monitor calls with its events.
    pub(super) fn on_event(&self) -> io::Result<impl Fn(MonitorEvent) + Send + Sync + 'static + use<>> {
        let (events, wake_up) = (self.events.clone(), self.wake_up.try_clone()?);
        Ok(move |event| {
            // Both fail only if the thread has ended, which it does after the monitor.
            let _ = events.send(event);
            let _ = (&wake_up).write_all(&[0]);
        })
    }

    /// Waits until everything is shown. The monitor must have ended.
    pub(super) fn finish(self) {
        drop((self.events, self.wake_up));
        if self.thread.join().is_err() {
            tracing::error!("the thread that copies the workers' output panicked");
        }
    }
}

/// One of a worker's two output streams.
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

/// The program's two output streams.
#[derive(Default)]
struct Shown {
    out: OutputLines,
    error: OutputLines,
}

impl Shown {
    /// Copies everything that can be read now; `false` if the stream has ended.
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

    /// Writes what a worker wrote.
    fn show(&mut self, stream: &Stream, bytes: &[u8]) {
        // If the program's own stream is closed, nobody can be told.
        if stream.is_error {
            let _ = stderr().write_all(&self.error.push(&stream.uid, bytes));
        } else {
            let mut out = stdout().lock();
            let _ = out.write_all(&self.out.push(&stream.uid, bytes));
            let _ = out.flush();
        }
    }
}

/// Copies output and handles the monitor's events, until the copier is dropped.
fn copy(inbox: &Receiver<MonitorEvent>, mut woken: PipeReader) -> io::Result<()> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut shown = Shown::default();
    loop {
        let mut waiting = vec![PollFd::new(&woken, PollFlags::IN)];
        waiting.extend(streams.iter().map(|stream| PollFd::new(&stream.file, PollFlags::IN)));
        match poll(&mut waiting, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_woken = !waiting[0].revents().is_empty();
        streams.retain_mut(|stream| shown.copy(stream));
        if !is_woken {
            continue;
        }
        if woken.read(&mut [0])? == 0 {
            return Ok(());
        }
        match inbox.recv() {
            Ok(MonitorEvent::WorkerStarted {
                uid, stdout, stderr, ..
            }) => {
                streams.push(Stream::new(&uid, stdout, false)?);
                streams.push(Stream::new(&uid, stderr, true)?);
            }
            Ok(MonitorEvent::Drain { done }) => {
                streams.retain_mut(|stream| shown.copy(stream));
                done();
            }
            Ok(MonitorEvent::Ask { question, .. }) => question.refuse(super::NO_FRONT_END),
            // In a log, one line at the end suffices.
            Ok(MonitorEvent::Progress {
                name, worker, progress, ..
            }) => {
                if progress.done == progress.total {
                    eprintln!("{worker}: {name} has done all its {} steps", progress.total);
                }
            }
            Ok(MonitorEvent::Shown(view)) => {
                if view.is_last {
                    eprintln!("{}", view.text);
                }
            }
            Ok(MonitorEvent::Notice { uid, text }) => eprintln!("{uid}: {text}"),
            Ok(MonitorEvent::WorkerEnded { uid, status, asked }) => {
                if !asked {
                    eprintln!("{uid} ended: {status}");
                }
            }
            Err(_) => return Ok(()),
        }
    }
}
