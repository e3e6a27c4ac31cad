//! A running `lldb-dap`: its requests and its events.

use super::framing;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long the adapter may take for a request. It takes long to read the symbols of many libraries.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the adapter may take to read values. lldb may read a value that is not there yet, and find no end of it.
const PATIENCE_FOR_VALUES: Duration = Duration::from_secs(8);
/// The requests that read values, or something quicker.
const READS: [&str; 4] = ["variables", "evaluate", "scopes", "threads"];

/// A request of the adapter has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdapterError {
    /// The adapter refuses the request.
    #[error("{0}")]
    Refused(String),
    /// The adapter is gone.
    #[error("the debug adapter has ended")]
    Ended,
    /// The adapter does not answer.
    #[error("the debug adapter has not answered `{0}` for {seconds} s, and was ended", seconds = .1.as_secs())]
    Silent(String, Duration),
}

/// What an adapter reports.
#[derive(Debug)]
pub(crate) enum AdapterEvent {
    /// An event of the protocol: its name and its body.
    Event(String, Value),
    /// The adapter has ended.
    Ended,
}

/// A running adapter. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Adapter {
    to_write: mpsc::UnboundedSender<Vec<u8>>,
    pending: Arc<Mutex<Pending>>,
    /// Killed when it is dropped.
    child: Mutex<Option<Child>>,
}

/// The requests that the adapter has not answered.
#[derive(Debug, Default)]
struct Pending {
    /// The number of the last request.
    last: u64,
    has_ended: bool,
    replies: HashMap<u64, oneshot::Sender<Value>>,
}

impl Adapter {
    /// Starts the adapter. Must be called within a tokio runtime. `on_event` must not block.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub(crate) fn start(program: &Path, on_event: impl Fn(AdapterEvent) + Send + 'static) -> io::Result<Adapter> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt of a terminal is meant for the kernel.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (to_write, mut written) = mpsc::unbounded_channel::<Vec<u8>>();
        let pending = Arc::<Mutex<Pending>>::default();
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the debug adapter has no pipes"));
        };
        tokio::spawn(async move {
            while let Some(bytes) = written.recv().await {
                if stdin.write_all(&bytes).await.is_err() || stdin.flush().await.is_err() {
                    break;
                }
            }
        });
        let replies = pending.clone();
        tokio::spawn(async move {
            let mut stdout = BufReader::new(stdout);
            while let Ok(Some(message)) = framing::read(&mut stdout).await {
                tracing::debug!("from the adapter: {message}");
                take(&replies, message, &on_event);
            }
            let mut pending = lock(&replies);
            pending.has_ended = true;
            pending.replies.clear();
            drop(pending);
            on_event(AdapterEvent::Ended);
        });
        Ok(Adapter {
            to_write,
            pending,
            child: Mutex::new(Some(child)),
        })
    }

    /// Sends a request, and returns the body of its reply.
    ///
    /// # Errors
    ///
    /// The adapter refuses the request, does not answer, or has ended.
    pub(crate) async fn request(&self, command: &str, arguments: Value) -> Result<Value, AdapterError> {
        let (reply, replied) = oneshot::channel();
        let number = {
            let mut pending = lock(&self.pending);
            if pending.has_ended {
                return Err(AdapterError::Ended);
            }
            pending.last += 1;
            let number = pending.last;
            pending.replies.insert(number, reply);
            number
        };
        let request = json!({ "seq": number, "type": "request", "command": command, "arguments": arguments });
        tracing::debug!("to the adapter: {request}");
        // The receiver is gone only when the adapter has ended, and then there is no reply.
        let _ = self.to_write.send(framing::encode(&request));
        let patience = if READS.contains(&command) {
            PATIENCE_FOR_VALUES
        } else {
            PATIENCE
        };
        let reply = timeout(patience, replied).await;
        lock(&self.pending).replies.remove(&number);
        let mut reply = match reply {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => return Err(AdapterError::Ended),
            Err(_) => {
                // It would answer nothing else either.
                self.kill();
                return Err(AdapterError::Silent(command.to_owned(), patience));
            }
        };
        if reply["success"] == true {
            return Ok(reply["body"].take());
        }
        let message = reply["message"]
            .as_str()
            .or_else(|| reply["body"]["error"]["format"].as_str());
        Err(AdapterError::Refused(
            message.unwrap_or("the debug adapter gives no reason").to_owned(),
        ))
    }

    /// Kills the adapter.
    pub(crate) fn kill(&self) {
        // Dropped, and thereby killed and reaped.
        drop(self.child.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a message of the adapter to whoever waits for it.
fn take(pending: &Mutex<Pending>, mut message: Value, on_event: &impl Fn(AdapterEvent)) {
    match message["type"].as_str() {
        Some("response") => {
            let number = message["request_seq"].as_u64().unwrap_or_default();
            if let Some(reply) = lock(pending).replies.remove(&number) {
                // Whoever has waited may have given up.
                let _ = reply.send(message);
            }
        }
        Some("event") => {
            let name = message["event"].as_str().unwrap_or_default().to_owned();
            let body = message["body"].take();
            on_event(AdapterEvent::Event(name, body));
        }
        // A request of the adapter, such as one to run something in a terminal, which this client has not offered.
        _ => {}
    }
}
