//! Comms: channels between cells and the front end.
//!
//! Either end opens a comm, and names a *target* at the other. What comes through it is handled by a closure, on a
//! thread of this crate's: also while a cell runs. Messages carry JSON and binary parts.
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

/// What came through a comm, or goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// JSON.
    pub data: Value,
    /// A JSON object beside it.
    pub metadata: Value,
    /// Binary parts.
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

/// One end of a comm. Dropping it does not close it.
#[derive(Clone)]
pub struct Comm {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    /// Taken out while they run, so that they may set others.
    on_message: Mutex<Option<OnMessage>>,
    on_close: Mutex<Option<OnMessage>>,
}

/// All comms and targets of this process, and the thread that handles what comes through them.
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

/// What was delivered and waits for its turn.
static DELIVERIES: Mutex<Option<mpsc::Sender<Delivery>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn registry() -> MutexGuard<'static, Registry> {
    lock(&REGISTRY)
}

/// Has deliveries come here, and starts the thread that handles them.
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

/// Runs on the host's thread.
fn receive(bytes: &[u8]) {
    let sender = lock(&DELIVERIES).clone();
    if let (Some(sender), Ok(delivery)) = (sender, decode(bytes)) {
        // The thread lives as long as the process.
        let _ = sender.send(delivery);
    }
}

fn handle(Delivery { number, message }: Delivery) {
    let is_ours = catch_unwind(AssertUnwindSafe(|| dispatch(message)));
    // A panic was told by its hook, and the message was handled.
    if is_ours.unwrap_or(true) {
        let _ = ask(&Ask::Handled(number));
    }
}

/// Calls what is to handle a message; returns whether there is anything.
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

/// Has `on_open` called for each comm that the front end opens to `target`, with what it was opened with.
///
/// # Errors
///
/// There is no front end.
pub fn register_target(target: &str, on_open: impl FnMut(Comm, Message) + Send + 'static) -> Result<(), Error> {
    let on_open: OnOpen = Box::new(on_open);
    registry()
        .targets
        .insert(target.to_owned(), Arc::new(Mutex::new(on_open)));
    tell(&Ask::RegisterTarget(target.to_owned()))
}

/// Has comms to `target` refused again. Those that are open stay so.
///
/// # Errors
///
/// There is no front end.
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
    pub fn open(target: &str, message: impl Into<Message>) -> Result<Comm, Error> {
        let comm = Comm::known_as(unique_id());
        let kind = CommKind::Open {
            target: target.to_owned(),
        };
        comm.transmit(kind, message.into())?;
        Ok(comm)
    }

    /// A comm whose messages are handled from now on.
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

    /// The comm's unique id.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Sends JSON, or a whole [`Message`].
    ///
    /// # Errors
    ///
    /// There is no front end.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        self.transmit(CommKind::Message, message.into())
    }

    /// Has `handle` called with each message that comes, in the place of what handled them before.
    pub fn on_message(&self, handle: impl FnMut(&Comm, Message) + Send + 'static) {
        *lock(&self.shared.on_message) = Some(Box::new(handle));
    }

    /// Has `handle` called when the front end closes the comm.
    pub fn on_close(&self, handle: impl FnMut(&Comm, Message) + Send + 'static) {
        *lock(&self.shared.on_close) = Some(Box::new(handle));
    }

    /// Closes the comm.
    ///
    /// # Errors
    ///
    /// There is no front end.
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
        // Unless it has set another one.
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
