//! The socket between the kernel and its cell process, beside evcxr's own pipes: what a cell tells, and interrupts.

use anyhow::{Context, Result};
use mosaic_engine::Question;
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// From the kernel to the cell process.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Instruction {
    /// No cell is under way. Says so to a process that has just connected.
    Idle,
    /// This execution begins, or is under way: the process's output goes to the notebook from now on.
    Begin { execution: u64 },
    /// Asks for [`Report::Answered`], which arrives after everything that was reported before.
    Answer,
    /// Stops this execution's cell where that is safe, now or as soon as it begins. Saying it again changes nothing.
    Interrupt { execution: u64 },
    /// The answer to a question of [`Report::Asked`].
    Reply {
        number: u64,
        answer: Result<Vec<u8>, String>,
    },
    /// A message for the guests.
    Deliver { message: Vec<u8> },
    /// The process is no longer needed.
    End,
}

/// What happens in a cell process, beside what evaluating cells brings.
#[derive(Debug)]
pub enum ProcessEvent {
    /// It asks; see `mosaic_abi::Host::ask`.
    Asked(Question),
    /// It has ended, and with it whatever it asked or opened.
    Ended,
}

/// Told of each event, on a thread that it must not hold up.
pub(crate) type OnEvent = Box<dyn Fn(ProcessEvent) + Send>;

/// From the cell process to the kernel.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The cell's code panicked.
    Panicked { message: String, backtrace: String },
    /// A `?` in the cell returned an error.
    Failed { message: String },
    /// What the cell prints cannot reach the notebook.
    OutputLost { message: String },
    /// The cell stopped as it was interrupted.
    Interrupted,
    /// A variable's type was redefined.
    VariableLost { name: String },
    /// The value of the cell's last expression.
    Result { mime: String, content: String },
    /// See [`Instruction::Answer`].
    Answered,
    /// The cell is compiled and begins to run.
    Began,
    /// The cell has ended, well or not, and these variables are stored; unknown for a cell without `mosaic-cell`.
    Ended { stored: Option<Vec<String>>, ran: Duration },
    /// A question of the guests'; see [`Instruction::Reply`].
    Asked { number: u64, message: Vec<u8> },
    /// The process is gone. Not sent: the kernel's end of the link says so.
    Closed,
}

pub(crate) fn send<T: Serialize>(stream: &mut impl Write, message: &T) -> io::Result<()> {
    let body = mosaic_abi::encode(message).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes());
    frame.extend_from_slice(&body);
    stream.write_all(&frame)
}

pub(crate) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    mosaic_abi::decode(&body).map_err(io::Error::other)
}

/// The read end of a named pipe that outlives its writers. Named, since evcxr starts the cell process and passes nothing on.
pub(crate) fn open_pipe(path: &Path) -> io::Result<OwnedFd> {
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // Open for writing as well, so that the pipe never reports its end.
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let pipe = rustix::fs::open(path, flags, Mode::empty())?;
    // As large as an unprivileged process may have it; the default serves where that is refused.
    match rustix::pipe::fcntl_setpipe_size(&pipe, 1 << 20) {
        Ok(_) | Err(Errno::PERM | Errno::BUSY | Errno::NOMEM) => Ok(pipe),
        Err(error) => Err(error.into()),
    }
}

/// The kernel's end. It is found by each cell process in turn; only the newest counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    shared: Arc<(Mutex<Connected>, Condvar)>,
}

/// The cell process that is connected, if one is.
#[derive(Debug, Default)]
struct Connected {
    /// How many have been connected: the number of this one.
    number: u64,
    stream: Option<UnixStream>,
    /// The execution that is under way.
    execution: Option<u64>,
    /// Its cell runs: before that it is being compiled.
    running: bool,
}

impl Connected {
    fn send(&mut self, order: &Instruction) -> bool {
        self.stream.as_mut().is_some_and(|stream| send(stream, order).is_ok())
    }
}

/// A report, and the number of the process that it came from.
pub(crate) type Numbered = (u64, Report);

impl Link {
    /// Listens; reports of all cell processes go to `reports`, and what else happens in them to `on_event`.
    pub(crate) fn listen<E>(socket: &Path, reports: mpsc::Sender<E>, on_event: OnEvent) -> Result<Link>
    where
        E: From<Numbered> + Send + 'static,
    {
        let listener = UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        let link = Link::default();
        thread::Builder::new().name("cell-link".into()).spawn({
            let link = link.clone();
            move || link.serve(&listener, &reports, &on_event)
        })?;
        Ok(link)
    }

    /// One cell process after the other: the next one connects only after the former ended.
    fn serve<E: From<Numbered>>(&self, listener: &UnixListener, reports: &mpsc::Sender<E>, on_event: &OnEvent) {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else {
                // Out of descriptors, say: others may be closed meanwhile.
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            let Ok(writer) = stream.try_clone() else { continue };
            let number = self.connected(writer);
            while let Ok(report) = receive::<Report>(&mut stream) {
                match report {
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
            on_event(ProcessEvent::Ended);
            if reports.send((number, Report::Closed).into()).is_err() {
                return;
            }
        }
    }

    fn connected(&self, stream: UnixStream) -> u64 {
        let mut connected = self.lock();
        connected.number += 1;
        connected.stream = Some(stream);
        let order = connected
            .execution
            .map_or(Instruction::Idle, |execution| Instruction::Begin { execution });
        connected.send(&order);
        self.shared.1.notify_all();
        connected.number
    }

    fn disconnected(&self) {
        let mut connected = self.lock();
        connected.stream = None;
        connected.running = false;
    }

    /// An execution is under way from now on, also for a process that connects later.
    pub(crate) fn begin(&self, execution: u64) {
        let mut connected = self.lock();
        connected.execution = Some(execution);
        connected.running = false;
        connected.send(&Instruction::Begin { execution });
    }

    /// A question whose answer goes back to the process that asked, if it is still there.
    fn question(&self, process: u64, number: u64, message: Vec<u8>) -> Question {
        let link = self.clone();
        Question::new(message, move |answer| {
            let mut connected = link.lock();
            if connected.number == process {
                // A process that is gone waits for no answer.
                connected.send(&Instruction::Reply { number, answer });
            }
        })
    }

    /// Sends to the cell process and returns its number, if there is one.
    pub(crate) fn send(&self, order: &Instruction) -> Option<u64> {
        let mut connected = self.lock();
        connected.send(order).then_some(connected.number)
    }

    /// Whether a cell runs.
    pub(crate) fn running(&self) -> bool {
        self.lock().running
    }

    /// Has no more to do with the process that is connected: it is gone, whoever else may still hold its socket.
    pub(crate) fn cut(&self) {
        if let Some(stream) = &self.lock().stream {
            // One that is closed already is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until a cell process is connected, `patience` at most; returns whether one is.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.lock(), patience, |connected| connected.stream.is_none());
        waited.is_ok_and(|(connected, _)| connected.stream.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::run_directory::CellPaths;

    #[test]
    fn reports_arrive_before_the_answer_and_the_end_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let paths = CellPaths::in_directory(directory.path());
        let (sender, reports) = mpsc::channel::<Numbered>();
        let _link = Link::listen(&paths.socket, sender, Box::new(drop)).unwrap();
        let mut cell = UnixStream::connect(&paths.socket).unwrap();
        send(&mut cell, &Report::Failed { message: "no".into() }).unwrap();
        send(&mut cell, &Report::Answered).unwrap();
        drop(cell);
        let received: Vec<Numbered> = reports.iter().take(3).collect();
        let expected = [
            Report::Failed { message: "no".into() },
            Report::Answered,
            Report::Closed,
        ];
        assert_eq!(received, expected.map(|report| (1, report)));
    }

    #[test]
    fn a_new_process_has_a_new_number() {
        let directory = tempfile::tempdir().unwrap();
        let paths = CellPaths::in_directory(directory.path());
        let (sender, reports) = mpsc::channel::<Numbered>();
        let link = Link::listen(&paths.socket, sender, Box::new(drop)).unwrap();
        assert_eq!(link.send(&Instruction::Answer), None);
        drop(UnixStream::connect(&paths.socket).unwrap());
        link.begin(7);
        let mut second = UnixStream::connect(&paths.socket).unwrap();
        assert_eq!(reports.recv().unwrap(), (1, Report::Closed));
        assert!(link.wait(Duration::from_secs(10)));
        assert_eq!(link.send(&Instruction::Answer), Some(2));
        let first: Instruction = receive(&mut second).unwrap();
        assert!(matches!(first, Instruction::Begin { execution: 7 }), "{first:?}");
    }
}
