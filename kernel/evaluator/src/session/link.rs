//! The link: the socket between the kernel and its cell process, beside evcxr's own pipes.
//!
//! The kernel sends [`Instruction`]s, the cell process sends [`Report`]s. Each message is a
//! [frame](crate::session::frames). [`Link`] is the kernel's end; the cell process's end is in
//! `cell_process/channels.rs` and `cell_process/instructions.rs`.

use crate::session::{cpu_time::CpuTime, frames::receive, outbox::Outbox};
use anyhow::{Context, Result};
use mosaic_engine::{ProcessMark, ProcessProfile, Question};
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
    net::sockopt::socket_peercred,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// A message from the kernel to the cell process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Instruction {
    /// No execution is under way. The first instruction to a process that connects between executions.
    Idle,
    /// An execution begins, or is under way when the process connects. The process's output goes to the notebook from
    /// now on.
    Begin { execution: u64 },
    /// Asks for [`Report::Answered`], which arrives after everything that was reported before.
    Answer,
    /// Stops the cell of an execution where that is safe, now or as soon as the cell begins. Repeating it changes
    /// nothing. Asks for [`Report::Heard`].
    Interrupt { execution: u64 },
    /// The answer to a question of [`Report::Asked`].
    Reply {
        number: u64,
        answer: Result<Vec<u8>, String>,
    },
    /// A message for the guests: the crate `mosaic` in the cells.
    Deliver { message: Vec<u8> },
    /// Drops all variables, and asks for [`Report::VariablesDropped`].
    DropVariables,
    /// Has the next cell profiled, whose [`Report::Profiled`] comes before its end.
    Profile,
}

/// An event of a cell process that is not about the evaluation of a cell.
#[derive(Debug)]
pub enum ProcessEvent {
    /// A cell has asked a question; see `mosaic_abi::Host::ask`.
    Asked(Question),
    /// The process has ended. Its questions and everything that it has opened have ended with it.
    Ended,
}

/// A function that takes each event. It is called on the thread of the link and on the evaluation thread, and must not
/// block.
pub(crate) type OnEvent = Arc<dyn Fn(ProcessEvent) + Send + Sync>;

/// A message from the cell process to the kernel.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The code of the cell panicked.
    Panicked { message: String, backtrace: String },
    /// A `?` in the cell returned an error. The causes are a text for the user, or empty.
    Failed { message: String, causes: String },
    /// The output of cells cannot be connected to the kernel.
    OutputLost { message: String },
    /// The cell was stopped by an interrupt.
    Interrupted,
    /// A variable was dropped since its type was redefined.
    VariableLost { name: String },
    /// The value of the cell's last expression.
    Result { mime: String, content: String },
    /// The answer to [`Instruction::Answer`].
    Answered,
    /// The answer to [`Instruction::Interrupt`]: the process reads what it is told.
    Heard,
    /// The compiled cell is loaded, which may run code of the user.
    Loads,
    /// The compiled cell begins to run.
    Began,
    /// What the profile of the cell has found of each process, or why it could not be taken.
    Profiled(Result<Vec<ProcessProfile>, String>),
    /// The cell has ended, well or not.
    Ended {
        /// The names of the stored variables, if a cell has linked `mosaic-cell`.
        stored: Option<Vec<String>>,
        /// How long the cell ran.
        ran: Duration,
        /// The processor time that the process used meanwhile.
        cpu: CpuTime,
    },
    /// The destructors of all variables have run.
    VariablesDropped,
    /// A question of a guest, which [`Instruction::Reply`] answers.
    Asked { number: u64, message: Vec<u8> },
    /// The process is gone. The process does not send this; the kernel's end of the link adds it.
    Closed,
}

/// Creates a named pipe and opens it for reading. The pipe outlives its writers.
///
/// The pipe has a name since evcxr starts the cell process and passes no open files on to it.
///
/// # Errors
///
/// The pipe cannot be created.
pub(crate) fn open_pipe(path: &Path) -> io::Result<OwnedFd> {
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // Opened for writing as well, so that the pipe does not end with its last writer.
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let pipe = rustix::fs::open(path, flags, Mode::empty())?;
    // The largest size for an unprivileged process. If that is refused, the default serves.
    match rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20) {
        Ok(_) | Err(Errno::PERM | Errno::BUSY | Errno::NOMEM) => Ok(pipe),
        Err(error) => Err(error.into()),
    }
}

/// The kernel's end of the link. Cell processes connect one after the other, and only the newest counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// The connected process, and a signal that one connects. The link's thread connects and disconnects; every thread
    /// sends.
    shared: Arc<(Mutex<Connected>, Condvar)>,
}

/// The connected cell process, if there is one, and the execution that is under way.
#[derive(Debug, Default)]
struct Connected {
    /// How many processes have connected, which is the number of the newest one.
    number: u64,
    outbox: Option<Outbox>,
    /// The process id, if the system tells it.
    process_id: Option<u32>,
    /// The execution that is under way, or the last one.
    execution: Option<u64>,
    /// Whether the cell of the execution is being loaded or runs. Before that, it is being compiled.
    running: bool,
    /// Whether the process has not answered the interrupts that it was sent.
    is_deaf: bool,
}

impl Connected {
    /// Sends an instruction. Returns whether there was a process to take it.
    fn send(&self, instruction: &Instruction) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.send(instruction))
    }
}

/// A report with the number of the process that it came from.
pub(crate) type Numbered = (u64, Report);

impl Link {
    /// Listens for cell processes on a thread `cell-link`. Their reports go to `reports`, and their other events to
    /// `on_event`. What cells have started has the mark `cells`, and ends with its cell process.
    ///
    /// # Errors
    ///
    /// The socket cannot be created, or the thread cannot be started.
    pub(crate) fn listen<E>(
        socket: &Path,
        cells: ProcessMark,
        reports: mpsc::Sender<E>,
        on_event: OnEvent,
    ) -> Result<Link>
    where
        E: From<Numbered> + Send + 'static,
    {
        let listener = UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        let link = Link::default();
        thread::Builder::new().name("cell-link".into()).spawn({
            let link = link.clone();
            move || link.serve(&listener, &cells, &reports, &on_event)
        })?;
        Ok(link)
    }

    /// Serves one cell process after the other: the next one connects only after the former has ended.
    fn serve<E: From<Numbered>>(
        &self,
        listener: &UnixListener,
        cells: &ProcessMark,
        reports: &mpsc::Sender<E>,
        on_event: &OnEvent,
    ) {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else {
                // The kernel is out of descriptors, for example, and may close some meanwhile.
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            let Ok(outbox) = stream.try_clone().and_then(Outbox::start) else {
                continue;
            };
            let process_id = socket_peercred(&stream)
                .ok()
                .map(|peer| peer.pid.as_raw_nonzero().get().cast_unsigned());
            let number = self.connected(outbox, process_id);
            while let Ok(report) = receive::<Report>(&mut stream) {
                match report {
                    Report::Heard => {
                        self.lock().is_deaf = false;
                        continue;
                    }
                    Report::Loads => {
                        self.lock().running = true;
                        continue;
                    }
                    Report::Began => self.lock().running = true,
                    Report::Ended { .. } => self.lock().running = false,
                    Report::Asked {
                        number: question,
                        message,
                    } => {
                        on_event(ProcessEvent::Asked(self.question(number, question, message)));
                        continue;
                    }
                    _ => {}
                }
                if reports.send((number, report).into()).is_err() {
                    return;
                }
            }
            self.disconnected();
            // Before another process is served, which would be taken for one that a cell has started.
            cells.end_grandchildren();
            on_event(ProcessEvent::Ended);
            if reports.send((number, Report::Closed).into()).is_err() {
                return;
            }
        }
    }

    /// Takes a new process, tells it the execution that is under way, and returns its number.
    fn connected(&self, outbox: Outbox, process_id: Option<u32>) -> u64 {
        let mut connected = self.lock();
        connected.number += 1;
        connected.outbox = Some(outbox);
        connected.process_id = process_id;
        connected.is_deaf = false;
        let instruction = connected
            .execution
            .map_or(Instruction::Idle, |execution| Instruction::Begin { execution });
        connected.send(&instruction);
        self.shared.1.notify_all();
        connected.number
    }

    /// Forgets the process, which has ended.
    fn disconnected(&self) {
        let mut connected = self.lock();
        connected.outbox = None;
        connected.process_id = None;
        connected.is_deaf = false;
        connected.running = false;
    }

    /// Returns the process id of the connected process. It is known before the process gets its first instruction.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.lock().process_id
    }

    /// Begins an execution, also for a process that connects later.
    pub(crate) fn begin(&self, execution: u64) {
        let mut connected = self.lock();
        connected.execution = Some(execution);
        connected.running = false;
        connected.send(&Instruction::Begin { execution });
    }

    /// Returns a question whose answer goes back to the process that asked, if that one is still connected.
    fn question(&self, process: u64, number: u64, message: Vec<u8>) -> Question {
        let link = self.clone();
        Question::new(message, move |answer| {
            let connected = link.lock();
            if connected.number == process {
                // If that fails, the process is gone and waits for no answer.
                connected.send(&Instruction::Reply { number, answer });
            }
        })
    }

    /// Sends an instruction to the cell process. Returns the number of the process, or `None` if there is none.
    pub(crate) fn send(&self, instruction: &Instruction) -> Option<u64> {
        let connected = self.lock();
        connected.send(instruction).then_some(connected.number)
    }

    /// Begins to interrupt an execution.
    pub(crate) fn begin_interrupt(&self, execution: u64) {
        let mut connected = self.lock();
        connected.is_deaf = connected.send(&Instruction::Interrupt { execution });
    }

    /// Returns whether a cell is being loaded or runs.
    pub(crate) fn running(&self) -> bool {
        self.lock().running
    }

    /// Returns whether an interrupted execution waits for the cell process: a cell is loaded or runs, or the process
    /// reads nothing, as when it is stopped.
    pub(crate) fn waits_for_process(&self) -> bool {
        let connected = self.lock();
        connected.running || connected.is_deaf
    }

    /// Disconnects the cell process, which is gone. Another process may still hold its socket, so the link would not
    /// end by itself.
    pub(crate) fn cut(&self) {
        if let Some(outbox) = &self.lock().outbox {
            outbox.close();
        }
    }

    /// Waits at most for `patience` until a cell process is connected. Returns whether one is.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.lock(), patience, |connected| connected.outbox.is_none());
        waited.is_ok_and(|(connected, _)| connected.outbox.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{frames::send, run_directory::CellPaths};
    use std::os::unix::net::UnixStream;

    #[test]
    fn reports_arrive_before_the_answer_and_the_end_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let paths = CellPaths::in_directory(directory.path());
        let (sender, reports) = mpsc::channel::<Numbered>();
        let _link = Link::listen(
            &paths.socket,
            ProcessMark::of_run(directory.path()),
            sender,
            Arc::new(drop),
        )
        .unwrap();
        let mut cell = UnixStream::connect(&paths.socket).unwrap();
        let failed = || Report::Failed {
            message: "no".into(),
            causes: String::new(),
        };
        send(&mut cell, &failed()).unwrap();
        send(&mut cell, &Report::Answered).unwrap();
        drop(cell);
        let received: Vec<Numbered> = reports.iter().take(3).collect();
        let expected = [failed(), Report::Answered, Report::Closed];
        assert_eq!(received, expected.map(|report| (1, report)));
    }

    #[test]
    fn a_new_process_has_a_new_number() {
        let directory = tempfile::tempdir().unwrap();
        let paths = CellPaths::in_directory(directory.path());
        let (sender, reports) = mpsc::channel::<Numbered>();
        let link = Link::listen(
            &paths.socket,
            ProcessMark::of_run(directory.path()),
            sender,
            Arc::new(drop),
        )
        .unwrap();
        assert_eq!(link.send(&Instruction::Answer), None);
        drop(UnixStream::connect(&paths.socket).unwrap());
        link.begin(7);
        let mut second = UnixStream::connect(&paths.socket).unwrap();
        assert_eq!(reports.recv().unwrap(), (1, Report::Closed));
        assert!(link.wait(Duration::from_secs(10)));
        assert_eq!(link.send(&Instruction::Answer), Some(2));
        let first: Instruction = receive(&mut second).unwrap();
        assert!(matches!(first, Instruction::Begin { execution: 7 }), "{first:?}");
        assert!(!link.waits_for_process());
        link.begin_interrupt(7);
        assert!(link.waits_for_process(), "the process has not answered");
        send(&mut second, &Report::Heard).unwrap();
        send(&mut second, &Report::Answered).unwrap();
        assert_eq!(reports.recv().unwrap(), (2, Report::Answered));
        assert!(!link.waits_for_process());
        send(&mut second, &Report::Loads).unwrap();
        send(&mut second, &Report::Answered).unwrap();
        assert_eq!(reports.recv().unwrap(), (2, Report::Answered));
        assert!(link.waits_for_process());
    }
}
