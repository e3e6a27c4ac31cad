//! The five sockets of a kernel.

use std::{
    fs, io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use tokio::sync::{mpsc, watch};
use tracing::debug;
use zeromq::{Socket, ZmqError};

use crate::{
    Channel, ConnectionFile, ConnectionFileError, IoPub, Message, OutputRate, Session, Signer, channel::Closing,
    connection_file::Address, iopub, sockets::relay::Gate, sockets::router,
};

/// Why the sockets could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken or cannot be had.
    #[error("cannot bind the {channel} socket to {address}: {source}")]
    Bind {
        /// Which socket.
        channel: Channel,
        /// Where.
        address: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The socket behind the address cannot be made.
    #[error("cannot make the {channel} socket in {directory}: {source}")]
    Inner {
        /// Which socket.
        channel: Channel,
        /// Where.
        directory: String,
        /// What went wrong.
        source: ZmqError,
    },
    /// The connection file cannot be used.
    #[error(transparent)]
    ConnectionFile(#[from] ConnectionFileError),
}

/// A kernel's connection to its clients: five bound sockets, and the tasks that serve them.
pub struct Connection {
    /// Requests on the control channel.
    pub control: mpsc::Receiver<Message>,
    /// Requests on the shell channel.
    pub shell: mpsc::Receiver<Message>,
    /// Replies of users on the stdin channel.
    pub stdin: mpsc::Receiver<Message>,
    /// The way out for replies.
    pub replies: Replies,
    /// The way out for what all clients see.
    pub iopub: IoPub,
    /// The kernel's own session.
    pub session: Session,
    /// Tells all tasks to end.
    close: watch::Sender<bool>,
    /// Gives `None` when all have.
    ended: mpsc::Receiver<()>,
    /// Removes the socket files when the kernel ends.
    _socket_files: SocketFiles,
}

impl Connection {
    /// Binds all sockets and starts to serve them. `private` is a directory that nobody else may enter, and what is
    /// published leaves at `rate`.
    ///
    /// # Errors
    /// When an address cannot be bound, or the connection file asks for a scheme that is not supported.
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
        let iopub = iopub::start(iopub, session.clone(), signer.clone(), rate, closing.clone());
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

    /// Takes no more messages, and returns when those that were taken have left for all clients that read.
    pub async fn close(mut self) {
        // Nobody hears it where all tasks have ended already.
        let _ = self.close.send(true);
        while self.ended.recv().await.is_some() {}
    }
}

/// Binds socket after socket.
struct Binder<'a> {
    file: &'a ConnectionFile,
    private: &'a Path,
    closing: &'a Closing,
    socket_files: SocketFiles,
}

impl Binder<'_> {
    /// A socket in the private directory, and a gate at the address that clients know.
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
        let gate = Gate::bind(&address).await.map_err(failed)?;
        tokio::spawn(gate.serve(channel, inner, self.closing.clone()));
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

/// The way out for replies; cheap to clone. A reply finds its client by the identities that its request came with.
#[derive(Clone)]
pub struct Replies {
    shell: mpsc::Sender<Message>,
    control: mpsc::Sender<Message>,
    stdin: mpsc::Sender<Message>,
}

impl Replies {
    /// Sends a message on a channel where clients are addressed one by one.
    pub async fn send(&self, channel: Channel, message: Message) {
        let queue = match channel {
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Shell | Channel::IoPub | Channel::Heartbeat => &self.shell,
        };
        // A closed queue means that the kernel ends.
        let _ = queue.send(message).await;
    }
}

/// The socket files of the ipc transport. A file left by an earlier kernel has to go before its address can be bound
/// again, and ours go with us.
#[derive(Default)]
struct SocketFiles(Vec<PathBuf>);

impl SocketFiles {
    fn claim(&mut self, path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => fs::remove_file(path)?,
            // Anything else is not ours to remove; binding will say what is wrong.
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
