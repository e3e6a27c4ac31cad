//! The connection between a kernel and its clients: five bound sockets, or queues in memory for tests.

use std::{
    fs, io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use crate::{
    channel::{Channel, Closing},
    connection_file::{Address, ConnectionFile, ConnectionFileError},
    iopub::{self, IoPub, OutputRate},
    memory_client::MemoryClient,
    messages::{message::Message, session::Session},
    sockets::{
        heartbeat::Heartbeat,
        listener::{Listener, Service},
        router::{self, Clients, Router},
        unverified::UnverifiedMemory,
        warnings::Warnings,
    },
    wire::{Inspector, Signer},
};

/// The sockets could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken or not available.
    #[error("cannot bind the {channel} socket to {address}: {source}")]
    Bind {
        /// Channel of the socket.
        channel: Channel,
        /// Address in the connection file.
        address: String,
        /// Cause of the failure.
        source: io::Error,
    },
    /// The connection file asks for something that is not supported.
    #[error(transparent)]
    ConnectionFile(#[from] ConnectionFileError),
}

/// A kernel's connection to its clients: a queue for each channel, and the tasks that serve them.
pub struct Connection {
    /// Requests on the control channel.
    pub control: mpsc::Receiver<Message>,
    /// Requests on the shell channel.
    pub shell: mpsc::Receiver<Message>,
    /// Messages on the stdin channel: users' answers.
    pub stdin: mpsc::Receiver<Message>,
    /// Sends replies to single clients.
    pub replies: Replies,
    /// Publishes to all clients.
    pub iopub: IoPub,
    /// The kernel's own session.
    pub session: Session,
    /// Tells all tasks to end.
    close: watch::Sender<bool>,
    /// Returns `None` when all tasks have ended.
    ended: mpsc::Receiver<()>,
    /// Removes the socket files when the kernel ends.
    _socket_files: SocketFiles,
}

impl Connection {
    /// Binds all sockets and starts the tasks that serve them; `rate` limits iopub.
    ///
    /// # Errors
    /// When an address cannot be bound, or the connection file asks for a signature scheme that is not supported.
    pub async fn bind(file: &ConnectionFile, rate: OutputRate) -> Result<Self, BindError> {
        let signer = file.signer()?;
        if file.is_open_to_all() {
            warn!(
                "the connection file has no key: whoever can connect to {} can run code as this user",
                file.address(Channel::Shell)
            );
        }
        let session = Session::new();
        let (close, signal) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        let closing = Closing { signal, _alive: alive };
        let mut binder = Binder {
            file,
            signer: &signer,
            inspector: Arc::new(Inspector::new(signer.clone(), session.id())),
            unverified: UnverifiedMemory::default(),
            closing: &closing,
            socket_files: SocketFiles::default(),
        };

        binder.bind(Channel::Heartbeat, Heartbeat).await?;
        let subscribers = iopub::XPub::new(session.clone(), signer.clone());
        binder.bind(Channel::IoPub, subscribers.clone()).await?;
        let iopub = iopub::start(subscribers, session.clone(), signer.clone(), rate, closing.clone());
        let (to_stdin, stdin) = binder.router(Channel::Stdin).await?;
        let (to_control, control) = binder.router(Channel::Control).await?;
        let (to_shell, shell) = binder.router(Channel::Shell).await?;

        let replies = Replies {
            shell: to_shell,
            control: to_control,
            stdin: to_stdin,
        };
        let _socket_files = binder.socket_files;
        Ok(Connection {
            control,
            shell,
            stdin,
            replies,
            iopub,
            session,
            close,
            ended,
            _socket_files,
        })
    }

    /// Connects a kernel to one client in the same process, without sockets, for tests.
    ///
    /// Messages pass through the same publisher, batches and frames as those of a real connection. Nothing is signed,
    /// and the output rate is not limited.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    #[must_use]
    pub fn memory() -> (Self, MemoryClient) {
        let session = Session::new();
        let signer = Signer::none();
        let (close, signal) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        let closing = Closing { signal, _alive: alive };
        let (messages, published) = mpsc::unbounded_channel();
        let subscribers = iopub::InMemory {
            signer: signer.clone(),
            messages,
        };
        let iopub = iopub::start(subscribers, session.clone(), signer, OutputRate::Unlimited, closing);
        let [(to_shell, shell), (to_control, control), (to_stdin, stdin)] =
            std::array::from_fn(|_| mpsc::channel(router::QUEUE));
        let [
            (shell_replies, from_shell),
            (control_replies, from_control),
            (input_requests, from_stdin),
        ] = std::array::from_fn(|_| mpsc::channel(router::QUEUE));
        let connection = Connection {
            control,
            shell,
            stdin,
            replies: Replies {
                shell: shell_replies,
                control: control_replies,
                stdin: input_requests,
            },
            iopub,
            session,
            close,
            ended,
            _socket_files: SocketFiles::default(),
        };
        let client = MemoryClient {
            session: Session::new(),
            shell: to_shell,
            control: to_control,
            stdin: to_stdin,
            shell_replies: from_shell,
            control_replies: from_control,
            input_requests: from_stdin,
            published,
        };
        (connection, client)
    }

    /// Stops taking messages, and waits until the messages taken before have left for all clients that read.
    pub async fn close(mut self) {
        // All tasks may have ended already.
        let _ = self.close.send(true);
        while self.ended.recv().await.is_some() {}
    }
}

/// Binds one socket after the other.
struct Binder<'a> {
    file: &'a ConnectionFile,
    signer: &'a Signer,
    inspector: Arc<Inspector>,
    unverified: UnverifiedMemory,
    closing: &'a Closing,
    socket_files: SocketFiles,
}

impl Binder<'_> {
    /// Binds a socket at the address that clients know, and starts to serve.
    async fn bind(&mut self, channel: Channel, service: impl Service) -> Result<(), BindError> {
        self.bind_with(channel, service, Warnings::new(channel)).await
    }

    async fn bind_with(
        &mut self,
        channel: Channel,
        service: impl Service,
        warnings: Warnings,
    ) -> Result<(), BindError> {
        let address = self.file.address(channel);
        let failed = |source| BindError::Bind {
            channel,
            address: address.to_string(),
            source,
        };
        if let Address::Unix(path) = &address {
            self.socket_files.claim(path).map_err(failed)?;
        }
        let listener = Listener::bind(&address).await.map_err(failed)?;
        tokio::spawn(listener.serve(service, warnings, self.closing.clone()));
        Ok(())
    }

    /// Binds shell, control or stdin. Returns the queues for replies and for requests.
    async fn router(
        &mut self,
        channel: Channel,
    ) -> Result<(mpsc::Sender<Message>, mpsc::Receiver<Message>), BindError> {
        let (replies, to_send) = mpsc::channel(router::QUEUE);
        let (received, requests) = mpsc::channel(router::QUEUE);
        let clients = Clients::default();
        let warnings = Warnings::new(channel);
        let router = Router {
            clients: clients.clone(),
            received,
            channel,
            inspector: self.inspector.clone(),
            unverified: self.unverified.clone(),
            warnings: warnings.clone(),
        };
        self.bind_with(channel, router, warnings).await?;
        let (signer, closing) = (self.signer.clone(), self.closing.clone());
        tokio::spawn(router::send_all(clients, to_send, channel, signer, closing));
        Ok((replies, requests))
    }
}

/// Sends replies to single clients; cheap to clone. A reply finds its client by the identities of its request.
#[derive(Clone)]
pub struct Replies {
    shell: mpsc::Sender<Message>,
    control: mpsc::Sender<Message>,
    stdin: mpsc::Sender<Message>,
}

impl Replies {
    /// Sends a message to the client that its identities name, on shell, control or stdin.
    pub async fn send(&self, channel: Channel, message: Message) {
        let queue = match channel {
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Shell | Channel::IoPub | Channel::Heartbeat => &self.shell,
        };
        // The queue is closed only when the kernel ends.
        let _ = queue.send(message).await;
    }
}

/// The socket files of the ipc transport. They are removed when this is dropped.
#[derive(Default)]
struct SocketFiles(Vec<PathBuf>);

impl SocketFiles {
    /// Makes way for a new socket file: removes one that an earlier kernel has left.
    fn claim(&mut self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path)?,
            // A file that is no socket is not ours to remove. Binding reports what is wrong.
            Ok(_) | Err(_) => {}
        }
        self.0.push(path.to_owned());
        Ok(())
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = fs::remove_file(path) {
                debug!("cannot remove {}: {error}", path.display());
            }
        }
    }
}
