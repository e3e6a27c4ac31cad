//! The connection between a kernel and its clients: five bound sockets, or queues in memory for tests.

use std::{
    fs, io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use tokio::sync::{mpsc, watch};
use tracing::debug;
use zeromq::{Socket, ZmqError};

use crate::{
    channel::{Channel, Closing},
    connection_file::{Address, ConnectionFile, ConnectionFileError},
    iopub::{self, IoPub, OutputRate},
    memory_client::MemoryClient,
    messages::{message::Message, session::Session},
    sockets::{relay::Relay, router},
    wire::Signer,
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
    /// The ZeroMQ socket behind the address could not be made.
    #[error("cannot make the {channel} socket in {directory}: {source}")]
    Inner {
        /// Channel of the socket.
        channel: Channel,
        /// The kernel's private directory.
        directory: String,
        /// Cause of the failure.
        source: ZmqError,
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
    /// Binds all sockets and starts the tasks that serve them. `private` is a directory that no other user may enter;
    /// `rate` limits iopub.
    ///
    /// # Errors
    /// When an address cannot be bound, or the connection file asks for a signature scheme that is not supported.
    pub async fn bind(file: &ConnectionFile, private: &Path, rate: OutputRate) -> Result<Self, BindError> {
        let signer = file.signer()?;
        let session = Session::new();
        let (close, signal) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        let closing = Closing { signal, _alive: alive };
        let mut binder = Binder {
            file,
            private,
            closing: &closing,
            socket_files: SocketFiles::default(),
        };

        router::start_heartbeat(binder.bind(Channel::Heartbeat).await?, closing.clone());
        let iopub = binder.bind(Channel::IoPub).await?;
        let subscribers = iopub::XPub::new(iopub);
        let iopub = iopub::start(subscribers, session.clone(), signer.clone(), rate, closing.clone());
        let (to_stdin, stdin) = binder.router(Channel::Stdin, &signer).await?;
        let (to_control, control) = binder.router(Channel::Control, &signer).await?;
        let (to_shell, shell) = binder.router(Channel::Shell, &signer).await?;

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
    private: &'a Path,
    closing: &'a Closing,
    socket_files: SocketFiles,
}

impl Binder<'_> {
    /// Binds a socket in the private directory, and a relay at the address that clients know.
    async fn bind<S: Socket>(&mut self, channel: Channel) -> Result<S, BindError> {
        let inner = self.private.join(format!("{channel}.sock"));
        let mut socket = S::new();
        if let Err(source) = socket.bind(&format!("ipc://{}", inner.display())).await {
            return Err(BindError::Inner {
                channel,
                directory: self.private.display().to_string(),
                source,
            });
        }
        let address = self.file.address(channel);
        let failed = |source| BindError::Bind {
            channel,
            address: address.to_string(),
            source,
        };
        if let Address::Unix(path) = &address {
            self.socket_files.claim(path).map_err(failed)?;
        }
        let relay = Relay::bind(&address).await.map_err(failed)?;
        tokio::spawn(relay.serve(channel, inner, self.closing.clone()));
        Ok(socket)
    }

    async fn router(
        &mut self,
        channel: Channel,
        signer: &Signer,
    ) -> Result<(mpsc::Sender<Message>, mpsc::Receiver<Message>), BindError> {
        let socket = self.bind(channel).await?;
        Ok(router::start(socket, channel, signer, self.closing))
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
