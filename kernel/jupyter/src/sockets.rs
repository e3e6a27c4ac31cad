//! The five sockets of a kernel.

use std::{fmt, fs, io, os::unix::fs::FileTypeExt, path::PathBuf};

use tokio::sync::mpsc;
use zeromq::{Socket, XPubSocket, ZmqError};

use crate::{ConnectionFile, ConnectionFileError, IoPub, Message, Session, iopub, router};

/// The sockets, by what the protocol calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests that are answered in order.
    Shell,
    /// Requests that must not wait: shutdown, interrupt.
    Control,
    /// The kernel's questions to the user.
    Stdin,
    /// What all clients see.
    IoPub,
    /// Is the kernel there?
    Heartbeat,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Shell => "shell",
            Channel::Control => "control",
            Channel::Stdin => "stdin",
            Channel::IoPub => "iopub",
            Channel::Heartbeat => "heartbeat",
        })
    }
}

/// Why the sockets could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An endpoint is taken or cannot be had.
    #[error("cannot bind the {channel} socket to {endpoint}: {source}")]
    Bind {
        /// Which socket.
        channel: Channel,
        /// Where.
        endpoint: String,
        /// What went wrong.
        source: ZmqError,
    },
    /// A socket file of an earlier kernel is in the way.
    #[error("cannot remove the stale socket file {path}: {source}")]
    Stale {
        /// The file.
        path: String,
        /// What went wrong.
        source: io::Error,
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
    /// Removes the socket files when the kernel ends.
    _socket_files: SocketFiles,
}

impl Connection {
    /// Binds all sockets and starts to serve them.
    ///
    /// # Errors
    /// When an endpoint cannot be bound, or the connection file asks for a scheme that is not supported.
    pub async fn bind(file: &ConnectionFile) -> Result<Self, BindError> {
        let signer = file.signer()?;
        let session = Session::new();
        let mut socket_files = SocketFiles::default();
        router::start_heartbeat(bind(file, Channel::Heartbeat, &mut socket_files).await?);
        let iopub = iopub::start(
            bind::<XPubSocket>(file, Channel::IoPub, &mut socket_files).await?,
            session.clone(),
            signer.clone(),
        );
        let (to_stdin, stdin) = router::start(
            bind(file, Channel::Stdin, &mut socket_files).await?,
            Channel::Stdin,
            &signer,
        );
        let (to_control, control) = router::start(
            bind(file, Channel::Control, &mut socket_files).await?,
            Channel::Control,
            &signer,
        );
        let (to_shell, shell) = router::start(
            bind(file, Channel::Shell, &mut socket_files).await?,
            Channel::Shell,
            &signer,
        );
        let replies = Replies {
            shell: to_shell,
            control: to_control,
            stdin: to_stdin,
        };
        Ok(Connection {
            control,
            shell,
            stdin,
            replies,
            iopub,
            session,
            _socket_files: socket_files,
        })
    }
}

async fn bind<S: Socket>(file: &ConnectionFile, channel: Channel, files: &mut SocketFiles) -> Result<S, BindError> {
    if let Some(path) = file.socket_file(channel) {
        files.claim(path)?;
    }
    let endpoint = file.endpoint(channel);
    let mut socket = S::new();
    match socket.bind(&endpoint).await {
        Ok(_) => Ok(socket),
        Err(source) => Err(BindError::Bind {
            channel,
            endpoint,
            source,
        }),
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
    fn claim(&mut self, path: String) -> Result<(), BindError> {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.file_type().is_socket() => {
                fs::remove_file(&path).map_err(|source| BindError::Stale {
                    path: path.clone(),
                    source,
                })?;
            }
            // Anything else is not ours to remove; binding will say what is wrong.
            Ok(_) | Err(_) => {}
        }
        self.0.push(PathBuf::from(path));
        Ok(())
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // The socket's own task may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}
