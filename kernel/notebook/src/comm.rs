//! Comms: channels between cells and the front end.
//!
//! Either end opens a comm and names a *target* at the other end. Closures handle the messages that arrive, on a thread
//! of this crate, also while a cell runs. A message carries JSON and binary parts.
//!
//! ```no_run
//! use notebook::{comm::{self, Comm}, json};
//!
//! let echo = Comm::open("plot", json!({ "title": "energy" }))?;
//! echo.on_message(|comm, message| drop(comm.send(message.data)));
//! echo.send(json!({ "points": [1, 2, 3] }))?;
//! comm::register_target("progress", |comm, opened| println!("{} opened with {}", comm.id(), opened.data))?;
//! # Ok::<(), notebook::Error>(())
//! ```

use crate::{Error, Value, display::unique_id};
use mosaic_cell::{
    ask,
    message::{Ask, CommKind, CommMessage, Delivery, decode},
};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

/// A message through a comm, in either direction.
///
/// ```
/// use notebook::{comm::Message, json};
/// let message = Message { buffers: vec![vec![0; 4096]], ..Message::from(json!({ "shape": [32, 32] })) };
/// assert_eq!(message.data["shape"][0], 32);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The message's JSON.
    pub data: Value,
    /// The message's metadata: a JSON object.
    pub metadata: Value,
    /// The message's binary parts.
    pub buffers: Vec<Vec<u8>>,
}

impl From<Value> for Message {
    fn from(data: Value) -> Message {
        Message {
            data,
            ..Message::default()
        }
    }
}

type OnMessage = Box<dyn FnMut(&Comm, Message) + Send>;
type OnOpen = Box<dyn FnMut(Comm, Message) + Send>;

/// One end of a comm. Dropping it does not close the comm.
///
/// ```no_run
/// use notebook::{comm::Comm, json};
/// let plot = Comm::open("plot", json!({ "title": "energy" }))?;
/// plot.close()?;
/// # Ok::<(), notebook::Error>(())
/// ```
#[derive(Clone)]
pub struct Comm {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    /// The handlers are taken out while they run, so that they may set others.
    on_message: Mutex<Option<OnMessage>>,
    on_close: Mutex<Option<OnMessage>>,
}

/// All comms and targets of this process.
struct Registry {
    comms: HashMap<String, Comm>,
    targets: HashMap<String, Arc<Mutex<OnOpen>>>,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(|| {
    listen();
    Mutex::new(Registry {
        comms: HashMap::new(),
        targets: HashMap::new(),
    })
});

/// The queue of deliveries that wait to be handled.
static DELIVERIES: Mutex<Option<mpsc::Sender<Delivery>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn registry() -> MutexGuard<'static, Registry> {
    lock(&REGISTRY)
}

/// Subscribes to deliveries, and starts the thread that handles them.
fn listen() {
    let (sender, deliveries) = mpsc::channel();
    *lock(&DELIVERIES) = Some(sender);
    mosaic::__private::receive_with(receive);
    let started = thread::Builder::new().name("comms".to_owned()).spawn(move || {
        for delivery in deliveries {
            handle(delivery);
        }
    });
    if let Err(error) = started {
        eprintln!("what comes through comms is not handled: {error}");
    }
}

/// Queues a delivery. Runs on the host's thread.
fn receive(bytes: &[u8]) {
    let sender = lock(&DELIVERIES).clone();
    if let (Some(sender), Ok(delivery)) = (sender, decode(bytes)) {
        // The thread lives as long as the process.
        let _ = sender.send(delivery);
    }
}

fn handle(Delivery { number, message }: Delivery) {
    let is_ours = catch_unwind(AssertUnwindSafe(|| dispatch(message)));
    // The panic hook has reported a panic, and the message counts as handled.
    if is_ours.unwrap_or(true) {
        let _ = ask(&Ask::Handled(number));
    }
}

/// Calls the handler of a message. Returns whether this process owns the comm or the target.
fn dispatch(message: CommMessage) -> bool {
    let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let content = Message {
        data: json(&message.data),
        metadata: json(&message.metadata),
        buffers: message.buffers,
    };
    match message.kind {
        CommKind::Open { target } => {
            let Some(on_open) = registry().targets.get(&target).cloned() else {
                return false;
            };
            let comm = Comm::known_as(message.comm_id);
            (lock(&on_open))(comm, content);
            true
        }
        CommKind::Message => {
            let comm = registry().comms.get(&message.comm_id).cloned();
            comm.is_some_and(|comm| {
                comm.call(&comm.shared.on_message, content);
                true
            })
        }
        CommKind::Close => {
            let comm = registry().comms.remove(&message.comm_id);
            comm.is_some_and(|comm| {
                comm.call(&comm.shared.on_close, content);
                true
            })
        }
    }
}

/// Registers a target: `on_open` is called with each comm that the front end opens to it, and the opening message.
///
/// # Errors
///
/// There is no front end.
///
/// # Examples
///
/// ```no_run
/// notebook::comm::register_target("progress", |comm, opened| println!("{} opened with {}", comm.id(), opened.data))?;
/// # Ok::<(), notebook::Error>(())
/// ```
pub fn register_target(target: &str, on_open: impl FnMut(Comm, Message) + Send + 'static) -> Result<(), Error> {
    let on_open: OnOpen = Box::new(on_open);
    registry()
        .targets
        .insert(target.to_owned(), Arc::new(Mutex::new(on_open)));
    tell(&Ask::RegisterTarget(target.to_owned()))
}

/// Unregisters a target: the front end can no longer open comms to it. Open comms stay open.
///
/// # Errors
///
/// There is no front end.
///
/// # Examples
///
/// ```no_run
/// notebook::comm::unregister_target("progress")?;
/// # Ok::<(), notebook::Error>(())
/// ```
pub fn unregister_target(target: &str) -> Result<(), Error> {
    registry().targets.remove(target);
    tell(&Ask::UnregisterTarget(target.to_owned()))
}

impl Comm {
    /// Opens a comm to a target of the front end.
    ///
    /// # Errors
    ///
    /// There is no front end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use notebook::{comm::Comm, json};
    /// let plot = Comm::open("plot", json!({ "title": "energy" }))?;
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn open(target: &str, message: impl Into<Message>) -> Result<Comm, Error> {
        let comm = Comm::known_as(unique_id());
        let kind = CommKind::Open {
            target: target.to_owned(),
        };
        comm.transmit(kind, message.into())?;
        Ok(comm)
    }

    /// Makes a comm and registers it, so that its messages are handled.
    fn known_as(id: String) -> Comm {
        let comm = Comm {
            shared: Arc::new(Shared {
                id: id.clone(),
                on_message: Mutex::new(None),
                on_close: Mutex::new(None),
            }),
        };
        registry().comms.insert(id, comm.clone());
        comm
    }

    /// Returns the comm's unique id.
    ///
    /// ```no_run
    /// # let plot = notebook::comm::Comm::open("plot", notebook::json!({}))?;
    /// println!("{}", plot.id());
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Sends JSON, or a whole [`Message`].
    ///
    /// # Errors
    ///
    /// There is no front end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let plot = notebook::comm::Comm::open("plot", notebook::json!({}))?;
    /// plot.send(notebook::json!({ "points": [1, 2, 3] }))?;
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.transmit(CommKind::Message, message.into())
    }

    /// Calls `handle` with each message that arrives. Replaces an earlier handler.
    ///
    /// ```no_run
    /// # let plot = notebook::comm::Comm::open("plot", notebook::json!({}))?;
    /// plot.on_message(|_, message| println!("{}", message.data));
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn on_message(&self, handle: impl FnMut(&Comm, Message) + Send + 'static) {
        *lock(&self.shared.on_message) = Some(Box::new(handle));
    }

    /// Calls `handle` when the front end closes the comm. Replaces an earlier handler.
    ///
    /// ```no_run
    /// # let plot = notebook::comm::Comm::open("plot", notebook::json!({}))?;
    /// plot.on_close(|comm, _| println!("{} is closed", comm.id()));
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn on_close(&self, handle: impl FnMut(&Comm, Message) + Send + 'static) {
        *lock(&self.shared.on_close) = Some(Box::new(handle));
    }

    /// Closes the comm.
    ///
    /// # Errors
    ///
    /// There is no front end.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let plot = notebook::comm::Comm::open("plot", notebook::json!({}))?;
    /// plot.close()?;
    /// # Ok::<(), notebook::Error>(())
    /// ```
    pub fn close(&self) -> Result<(), Error> {
        registry().comms.remove(self.id());
        self.transmit(CommKind::Close, Message::default())
    }

    fn transmit(&self, kind: CommKind, message: Message) -> Result<(), Error> {
        let object = |value: Value| match value {
            Value::Null => "{}".to_owned(),
            value => value.to_string(),
        };
        tell(&Ask::Comm(CommMessage {
            kind,
            comm_id: self.id().to_owned(),
            data: object(message.data),
            metadata: object(message.metadata),
            buffers: message.buffers,
        }))
    }

    fn call(&self, handler: &Mutex<Option<OnMessage>>, message: Message) {
        let Some(mut handle) = lock(handler).take() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| handle(self, message)));
        // Put back, unless the handler has set another one.
        lock(handler).get_or_insert(handle);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }
}

impl std::fmt::Debug for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Comm({})", self.id())
    }
}

fn tell(message: &Ask) -> Result<(), Error> {
    ask(message).map(drop).map_err(Error::new)
}
