//! The thread that reads the pipes of the cell process and of the workers, and publishes what they say.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Instant,
};

use mosaic_jupyter::{Header, IoPub, StreamName};
use mosaic_message::MimeBundle;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionread},
};
use tracing::error;

use super::{
    Command, When,
    attribution::{Attributed, Attribution, Said},
    display::Shown,
    display_blocks::Found,
    pipe::{Got, Pipe, Source, try_read},
    worker_lines::{Lines, Piece},
};

/// How much is read at once: also the longest text of a message.
const READ_BYTES: usize = 64 * 1024;

/// The state of the thread. It owns everything that it touches; the rest of the kernel sends it [`Command`]s.
pub(super) struct Pump {
    commands: mpsc::Receiver<Command>,
    /// Readable when there are commands.
    wake: OwnedFd,
    /// The cell's pipes come first: what a cell says before it calls a worker is then shown before the worker's answer.
    pipes: Vec<Pipe>,
    lines: Lines,
    attribution: Attribution,
    /// The cell's last expression shows itself: blocks are the result.
    in_result: bool,
    result: Option<MimeBundle>,
    iopub: IoPub,
    buffer: Vec<u8>,
    /// The cell was told to stop.
    interrupted: Arc<AtomicBool>,
    /// How many bytes were dropped since.
    dropped: usize,
}

impl Pump {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        wake: OwnedFd,
        iopub: IoPub,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        Pump {
            commands,
            wake,
            pipes: Vec::new(),
            lines: Lines::default(),
            attribution: Attribution::default(),
            in_result: false,
            result: None,
            iopub,
            buffer: vec![0; READ_BYTES],
            interrupted,
            dropped: 0,
        }
    }

    /// Runs until the kernel ends.
    pub(super) fn run(mut self) {
        loop {
            if let Err(errno) = self.wait() {
                return error!("output stops, as its pipes cannot be polled: {errno}");
            }
            while let Got::Bytes(_) = try_read(self.wake.as_fd(), &mut self.buffer) {}
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.obey(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
            }
            self.read_round();
            let due = self.attribution.due(Instant::now());
            self.publish(due);
        }
    }

    /// Waits for bytes, a command, or the time of held text.
    fn wait(&self) -> rustix::io::Result<()> {
        let fds = std::iter::once(&self.wake).chain(self.pipes.iter().map(|pipe| &pipe.fd));
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let timeout = self
            .attribution
            .deadline()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add { source, stdout, stderr } => {
                self.pipes.push(Pipe::new(source.clone(), StreamName::Stdout, stdout));
                self.pipes.push(Pipe::new(source, StreamName::Stderr, stderr));
                // Stable: the pipes of each source stay in the order in which they came.
                self.pipes.sort_by_key(|pipe| pipe.source != Source::Cell);
            }
            Command::Note { uid, text } => {
                // What the worker said itself comes first.
                self.drain();
                let pieces = self.lines.worker(&uid, StreamName::Stderr, &text);
                self.show(pieces);
            }
            Command::Begin(Some(cell)) => {
                self.end_interrupt();
                (self.in_result, self.result) = (false, None);
                let held = self.attribution.begin(cell);
                if held.is_empty() {
                    self.lines.start_afresh();
                }
                self.publish(held);
            }
            Command::Begin(None) => {
                self.end_interrupt();
                (self.in_result, self.result) = (false, None);
                // What others have said until now is not the silent cell's.
                self.drain();
                let held = self.attribution.begin_silent();
                self.publish(held);
            }
            Command::Show { shown, when, done } => {
                self.drain();
                self.show_message(shown, when);
                done();
            }
            Command::BeginResult(done) => {
                self.drain();
                self.in_result = true;
                done();
            }
            Command::Result(bundle, done) => {
                self.drain();
                self.keep_result(bundle);
                done();
            }
            Command::TakeResult(sender) => {
                self.drain();
                self.finish_texts();
                self.in_result = false;
                // Who asked may have been cancelled.
                let _ = sender.send(self.result.take());
            }
            Command::Parent(receive) => {
                self.drain();
                let held = self.attribution.release();
                self.publish(held);
                receive(self.attribution.cell().cloned());
            }
            Command::Drain(done) => {
                self.drain();
                done();
            }
            Command::End(done) => {
                self.drain();
                self.finish_texts();
                self.end_interrupt();
                self.attribution.end();
                done();
            }
            Command::Release(done) => {
                self.drain();
                let held = self.attribution.release();
                self.publish(held);
                done();
            }
        }
    }

    /// Reads every pipe once.
    fn read_round(&mut self) {
        for index in 0..self.pipes.len() {
            self.read_pipe(index);
        }
        self.pipes.retain(|pipe| !pipe.ended);
    }

    /// Reads all that was in the pipes when this began. A writer that never stops does not keep it from ending.
    fn drain(&mut self) {
        for index in 0..self.pipes.len() {
            let mut expected = ioctl_fionread(&self.pipes[index].fd).unwrap_or(0);
            while let Got::Bytes(count) = self.read_pipe(index) {
                expected = expected.saturating_sub(count as u64);
                if expected == 0 {
                    break;
                }
            }
        }
        self.pipes.retain(|pipe| !pipe.ended);
    }

    fn read_pipe(&mut self, index: usize) -> Got {
        let pipe = &mut self.pipes[index];
        let got = try_read(pipe.fd.as_fd(), &mut self.buffer);
        let found = match got {
            Got::Bytes(count) => pipe.decode(&self.buffer[..count]),
            Got::End => {
                pipe.ended = true;
                pipe.finish()
            }
            Got::Nothing => return got,
        };
        self.show_found(index, found);
        got
    }

    /// A cell that has ended completes no character and no block any more.
    fn finish_texts(&mut self) {
        for index in 0..self.pipes.len() {
            let pipe = &mut self.pipes[index];
            if pipe.source == Source::Cell {
                let found = pipe.finish();
                self.show_found(index, found);
            }
        }
    }

    fn show_found(&mut self, index: usize, found: Vec<Found>) {
        for one in found {
            let pipe = &self.pipes[index];
            match one {
                Found::Text(_) if pipe.source == Source::Cell && self.attribution.is_silent() => {}
                Found::Text(text) => {
                    let pieces = match &pipe.source {
                        Source::Cell => self.lines.cell(pipe.stream, text),
                        Source::Worker(uid) => self.lines.worker(uid, pipe.stream, &text),
                    };
                    self.show(pieces);
                }
                Found::Block(bundle) if self.in_result && pipe.source == Source::Cell => self.keep_result(bundle),
                Found::Block(bundle) => self.show_message(Shown::display(bundle, None), When::LikeText),
            }
        }
    }

    fn keep_result(&mut self, bundle: MimeBundle) {
        self.result = Some(self.result.take().unwrap_or_default().merged(bundle));
    }

    fn show_message(&mut self, shown: Shown, when: When) {
        if self.attribution.is_silent() && when == When::LikeText {
            return;
        }
        if when == When::LikeText {
            self.lines.start_afresh();
        }
        let said = Said::Message(Box::new(shown));
        let attributed = match when {
            When::LikeText => self.attribution.push(said, Instant::now()),
            When::Now => self.attribution.push_now(said),
        };
        self.publish(attributed);
    }

    fn show(&mut self, pieces: Vec<Piece>) {
        for (stream, text) in pieces {
            let attributed = self.attribution.push(Said::Text(stream, text), Instant::now());
            self.publish(attributed);
        }
    }

    fn publish(&mut self, attributed: Vec<Attributed>) {
        for Attributed { parent, said } in attributed {
            match said {
                Said::Text(stream, text) => self.publish_text(parent, stream, text),
                Said::Message(shown) => {
                    let Shown {
                        content,
                        metadata,
                        buffers,
                    } = *shown;
                    self.iopub.blocking_publish(parent, &content, metadata, buffers);
                }
            }
        }
    }

    fn publish_text(&mut self, parent: Option<Arc<Header>>, stream: StreamName, text: String) {
        if !self.interrupted.load(Ordering::Relaxed) {
            return self.iopub.blocking_stream(parent, stream, text);
        }
        let bytes = text.len();
        // One gap rather than many: nothing is shown any more behind what was dropped.
        if self.dropped > 0 || !self.iopub.try_stream(parent, stream, text) {
            self.dropped += bytes;
        }
    }

    /// The interrupted cell has stopped; says what was dropped meanwhile.
    fn end_interrupt(&mut self) {
        self.interrupted.store(false, Ordering::Relaxed);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let note = format!("\n[the interrupt dropped {dropped} bytes of output]\n");
            let pieces = self.lines.cell(StreamName::Stderr, note);
            self.show(pieces);
        }
    }
}
