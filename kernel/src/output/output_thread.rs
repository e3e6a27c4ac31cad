//! The thread that reads the pipes of the cell process and the workers, and publishes what they write.

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
    attribution::{AttributedItem, Attribution, OutputItem},
    command::{Command, Timing},
    display_blocks::Segment,
    output_message::OutputMessage,
    pipe::{Pipe, ReadOutcome, Source, try_read},
    worker_lines::{StreamPiece, WorkerLines},
};

/// How many bytes are read at once, which is also the longest text of a message.
const READ_BYTES: usize = 64 * 1024;

/// The state of the thread. The thread owns all of it; the rest of the kernel sends [`Command`]s.
pub(super) struct OutputThread {
    commands: mpsc::Receiver<Command>,
    /// Readable when there are commands.
    wake: OwnedFd,
    /// Pipes of all processes. Those of the cell process come first, so that text that a cell writes before it calls a
    /// worker is shown before the worker's text.
    pipes: Vec<Pipe>,
    lines: WorkerLines,
    attribution: Attribution,
    /// Whether the cell shows the value of its last expression: its display blocks are then its result.
    in_result: bool,
    result: Option<MimeBundle>,
    iopub: IoPub,
    buffer: Vec<u8>,
    /// Whether the running cell was interrupted.
    interrupted: Arc<AtomicBool>,
    /// How many bytes were dropped since the interrupt.
    dropped_bytes: usize,
}

impl OutputThread {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        wake: OwnedFd,
        iopub: IoPub,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        OutputThread {
            commands,
            wake,
            pipes: Vec::new(),
            lines: WorkerLines::default(),
            attribution: Attribution::default(),
            in_result: false,
            result: None,
            iopub,
            buffer: vec![0; READ_BYTES],
            interrupted,
            dropped_bytes: 0,
        }
    }

    /// Runs until all handles are dropped.
    pub(super) fn run(mut self) {
        loop {
            if let Err(errno) = self.wait() {
                return error!("no more output is shown: cannot poll its pipes: {errno}");
            }
            while let ReadOutcome::Bytes(_) = try_read(self.wake.as_fd(), &mut self.buffer) {}
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.carry_out(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return,
                }
            }
            self.read_round();
            let due = self.attribution.due(Instant::now());
            self.publish(due);
        }
    }

    /// Waits until there are bytes or commands, or until held text is due.
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

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::AddProcess { source, stdout, stderr } => self.add_process(source, stdout, stderr),
            Command::Note { uid, text } => {
                self.drain();
                let pieces = self.lines.worker(&uid, StreamName::Stderr, &text);
                self.show_pieces(pieces);
            }
            Command::BeginCell(cell) => self.begin_cell(cell),
            Command::BeginSilentCell => self.begin_silent_cell(),
            Command::Show { message, timing, done } => {
                self.drain();
                self.show_message(message, timing);
                done();
            }
            Command::AllowBlocks(done) => {
                self.drain();
                self.allow_blocks(true);
                done();
            }
            Command::BeginResult(done) => {
                self.drain();
                self.in_result = true;
                done();
            }
            Command::KeepResult(bundle, done) => {
                self.drain();
                self.keep_result(bundle);
                done();
            }
            Command::TakeResult(sender) => {
                self.drain();
                self.finish_cell_text();
                self.in_result = false;
                // The task that asked may have been cancelled.
                let _ = sender.send(self.result.take());
            }
            Command::Parent(receive) => {
                self.drain();
                self.release();
                receive(self.attribution.cell().cloned());
            }
            Command::Drain(done) => {
                self.drain();
                done();
            }
            Command::EndCell(done) => {
                self.end_cell();
                done();
            }
            Command::Release(done) => {
                self.drain();
                self.release();
                done();
            }
        }
    }

    fn add_process(&mut self, source: Source, stdout: OwnedFd, stderr: OwnedFd) {
        self.pipes.push(Pipe::new(source.clone(), StreamName::Stdout, stdout));
        self.pipes.push(Pipe::new(source, StreamName::Stderr, stderr));
        // A stable sort: the other pipes stay in the order in which they came.
        self.pipes.sort_by_key(|pipe| pipe.source != Source::CellProcess);
    }

    fn begin_cell(&mut self, cell: Arc<Header>) {
        self.end_interrupt();
        self.allow_blocks(false);
        self.forget_result();
        let held = self.attribution.begin(cell);
        if held.is_empty() {
            self.lines.start_afresh();
        }
        self.publish(held);
    }

    fn begin_silent_cell(&mut self) {
        self.end_interrupt();
        self.allow_blocks(false);
        self.forget_result();
        // Text written until now is not the silent cell's, and is shown.
        self.drain();
        let held = self.attribution.begin_silent();
        self.publish(held);
    }

    fn end_cell(&mut self) {
        self.drain();
        self.finish_cell_text();
        self.end_interrupt();
        self.attribution.end();
    }

    fn allow_blocks(&mut self, allowed: bool) {
        for index in 0..self.pipes.len() {
            let held = self.pipes[index].allow_blocks(allowed);
            self.show_segments(index, held);
        }
    }

    fn forget_result(&mut self) {
        self.in_result = false;
        self.result = None;
    }

    /// Publishes everything that is held for the next cell.
    fn release(&mut self) {
        let held = self.attribution.release();
        self.publish(held);
    }

    /// Reads every pipe once.
    fn read_round(&mut self) {
        for index in 0..self.pipes.len() {
            self.read_pipe(index);
        }
        self.pipes.retain(|pipe| !pipe.ended);
    }

    /// Reads everything that was in the pipes when this began. It returns even if a process never stops writing.
    fn drain(&mut self) {
        for index in 0..self.pipes.len() {
            let mut expected = ioctl_fionread(&self.pipes[index].fd).unwrap_or(0);
            while let ReadOutcome::Bytes(count) = self.read_pipe(index) {
                expected = expected.saturating_sub(count as u64);
                if expected == 0 {
                    break;
                }
            }
        }
        self.pipes.retain(|pipe| !pipe.ended);
    }

    fn read_pipe(&mut self, index: usize) -> ReadOutcome {
        let pipe = &mut self.pipes[index];
        let outcome = try_read(pipe.fd.as_fd(), &mut self.buffer);
        let segments = match outcome {
            ReadOutcome::Bytes(count) => pipe.decode(&self.buffer[..count]),
            ReadOutcome::End => {
                pipe.ended = true;
                pipe.finish()
            }
            ReadOutcome::Nothing => return outcome,
        };
        self.show_segments(index, segments);
        outcome
    }

    /// Shows characters and display blocks that the cell has left unfinished: nothing completes them any more.
    fn finish_cell_text(&mut self) {
        for index in 0..self.pipes.len() {
            let pipe = &mut self.pipes[index];
            if pipe.source == Source::CellProcess {
                let segments = pipe.finish();
                self.show_segments(index, segments);
            }
        }
    }

    fn show_segments(&mut self, index: usize, segments: Vec<Segment>) {
        for segment in segments {
            let pipe = &self.pipes[index];
            let is_cell = pipe.source == Source::CellProcess;
            match segment {
                Segment::Text(_) if is_cell && self.attribution.is_silent() => {}
                Segment::Text(text) => {
                    let pieces = match &pipe.source {
                        Source::CellProcess => self.lines.cell(pipe.stream, text),
                        Source::Worker(uid) => self.lines.worker(uid, pipe.stream, &text),
                    };
                    self.show_pieces(pieces);
                }
                Segment::Block(bundle) if self.in_result && is_cell => self.keep_result(bundle),
                Segment::Block(bundle) => self.show_message(OutputMessage::display(bundle, None), Timing::LikeText),
            }
        }
    }

    fn keep_result(&mut self, bundle: MimeBundle) {
        self.result = Some(self.result.take().unwrap_or_default().merged(bundle));
    }

    fn show_message(&mut self, message: OutputMessage, timing: Timing) {
        if self.attribution.is_silent() && timing == Timing::LikeText {
            return;
        }
        if timing == Timing::LikeText {
            self.lines.start_afresh();
        }
        let item = OutputItem::Message(Box::new(message));
        let items = match timing {
            Timing::LikeText => self.attribution.push(item, Instant::now()),
            Timing::Immediate => self.attribution.push_now(item),
        };
        self.publish(items);
    }

    fn show_pieces(&mut self, pieces: Vec<StreamPiece>) {
        for (stream, text) in pieces {
            let items = self.attribution.push(OutputItem::Text(stream, text), Instant::now());
            self.publish(items);
        }
    }

    fn publish(&mut self, items: Vec<AttributedItem>) {
        for AttributedItem { parent, item } in items {
            match item {
                OutputItem::Text(stream, text) => self.publish_text(parent, stream, text),
                OutputItem::Message(message) => {
                    let OutputMessage {
                        content,
                        metadata,
                        buffers,
                    } = *message;
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
        // After the first text that was dropped, all others are dropped too, so that there is one gap and not many.
        if self.dropped_bytes > 0 || !self.iopub.try_stream(parent, stream, text) {
            self.dropped_bytes += bytes;
        }
    }

    /// Notes that the interrupted cell has stopped, and shows how much text was dropped.
    fn end_interrupt(&mut self) {
        self.interrupted.store(false, Ordering::Relaxed);
        let dropped_bytes = std::mem::take(&mut self.dropped_bytes);
        if dropped_bytes > 0 {
            let note = format!("\n[the interrupt dropped {dropped_bytes} bytes of output]\n");
            let pieces = self.lines.cell(StreamName::Stderr, note);
            self.show_pieces(pieces);
        }
    }
}
