//! Bytes over a Unix socket, with file descriptors along with them.

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, Shutdown, recv, recvmsg, send, sendmsg, shutdown,
    },
};
use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, Interest, ReadBuf, unix::AsyncFd},
    net::UnixStream,
    time::sleep,
};

/// The largest number of file descriptors that travel with one write.
pub(crate) const AT_ONCE: usize = 250;

/// The pause before a write is tried again that the system has no descriptors for.
const RECOVERY: Duration = Duration::from_millis(1);

/// Splits a socket into its halves.
///
/// tokio's own halves would be slower: they are woken up whenever the other side reads, since that makes it possible to
/// write, and they read once more after everything was read.
///
/// # Errors
///
/// The socket cannot be registered with the thread's runtime.
pub(crate) fn split(stream: UnixStream) -> io::Result<(Reader, Writer)> {
    let socket = Arc::new(OwnedFd::from(stream.into_std()?));
    let reader = Reader {
        socket: register(socket.clone(), Interest::READABLE)?,
        files: VecDeque::new(),
    };
    Ok((reader, Writer { socket }))
}

/// Registers a socket with this thread's runtime.
fn register<T: AsFd + AsRawFd>(socket: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: `T` is an owned descriptor here, or an `Arc` of one: always the same descriptor, and open as long as `T`
    // lives.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}

/// The writing half of a socket. Dropping it tells the other side that nothing more will come.
#[derive(Debug)]
pub(crate) struct Writer {
    socket: Arc<OwnedFd>,
}

impl Writer {
    /// Writes bytes, and file descriptors along with the first byte.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) async fn write(&self, mut bytes: &[u8], mut files: &[BorrowedFd<'_>]) -> io::Result<()> {
        // The socket is registered for writing only once a write would have blocked.
        let mut writable: Option<AsyncFd<OwnedFd>> = None;
        while !bytes.is_empty() {
            let sent = match &writable {
                None => send_with(&self.socket, bytes, files),
                Some(writable) => match writable
                    .writable()
                    .await?
                    .try_io(|socket| send_with(socket.get_ref(), bytes, files))
                {
                    Ok(sent) => sent,
                    Err(_would_block) => continue,
                },
            };
            match sent {
                Ok(sent) => (bytes, files) = (&bytes[sent..], &[]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.watch_for_writing() {
                    Ok(watched) => writable = Some(watched),
                    // The process has no descriptor left, which must not end the connection.
                    Err(_) => sleep(RECOVERY).await,
                },
                // Too many descriptors are under way, until other processes read them.
                Err(error) if error.raw_os_error() == Some(Errno::TOOMANYREFS.raw_os_error()) => sleep(RECOVERY).await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Registers the socket for writing, by a descriptor of its own.
    fn watch_for_writing(&self) -> io::Result<AsyncFd<OwnedFd>> {
        register(self.socket.try_clone()?, Interest::WRITABLE)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // This fails only if the other side is gone.
        let _ = shutdown(&self.socket, Shutdown::Write);
    }
}

/// Sends some of the bytes, with all file descriptors, and returns the number of bytes.
fn send_with(socket: &OwnedFd, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if files.is_empty() {
        return Ok(send(socket, bytes, SendFlags::NOSIGNAL)?);
    }
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(files.len()))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("too many file descriptors"));
    }
    Ok(sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?)
}

/// The reading half of a socket, which keeps the file descriptors that arrive with the bytes.
#[derive(Debug)]
pub(crate) struct Reader {
    socket: AsyncFd<Arc<OwnedFd>>,
    files: VecDeque<Files>,
}

/// The file descriptors that were sent with one write. Some or all are missing if this process had no room for them.
type Files = Vec<OwnedFd>;

impl Reader {
    /// The largest read that receives file descriptors. A larger read is for payloads alone: descriptors that arrive
    /// with it are lost.
    pub(crate) const BUFFER: usize = 64 << 10;

    /// Returns the file descriptors of the next write that had any. Call this once for each such write, after its first
    /// byte was read. Descriptors that this process had no room for are missing.
    pub(crate) fn files(&mut self) -> Vec<OwnedFd> {
        self.files.pop_front().unwrap_or_default()
    }
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Reader { socket, files } = self.get_mut();
        let (wanted, had) = (into.remaining(), files.len());
        loop {
            let mut ready = ready!(socket.poll_read_ready(context))?;
            let received = ready.try_io(|socket| match wanted > Reader::BUFFER {
                true => receive_bytes(socket.get_ref(), into),
                false => receive(socket.get_ref(), into.initialize_unfilled(), files),
            });
            let Ok(received) = received else { continue };
            let len = received?;
            // A short read has read everything, unless it ended at bytes with file descriptors. More bytes, and the end
            // of the stream, make the socket ready again.
            if 0 < len && len < wanted && files.len() == had {
                ready.clear_ready();
            }
            into.advance(len);
            return Poll::Ready(Ok(()));
        }
    }
}

/// Receives bytes into memory that is not initialised, since it may be large.
fn receive_bytes(socket: &OwnedFd, into: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: only the system writes there.
    let unfilled = unsafe { into.unfilled_mut() };
    let (_, len) = recv(socket, unfilled, RecvFlags::empty())?;
    // SAFETY: the system has written this number of bytes.
    unsafe { into.assume_init(len) };
    Ok(len)
}

/// Receives bytes, and the file descriptors that arrive with them.
///
/// The system ends a read behind the first byte of a write with descriptors, so that one read has those of one write. It
/// says so if it could not deliver them all.
fn receive(socket: &OwnedFd, bytes: &mut [u8], files: &mut VecDeque<Files>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(bytes)];
    let received = recvmsg(socket, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut arrived = Files::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            arrived.extend(received);
        }
    }
    if !arrived.is_empty() || received.flags.contains(ReturnFlags::CTRUNC) {
        files.push_back(arrived);
    }
    Ok(received.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write as _};
    use tokio::io::{AsyncReadExt, BufReader};

    fn file(text: &str) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    #[tokio::test]
    async fn files_come_in_the_order_of_the_bytes_that_they_were_sent_with() {
        let (from, to) = UnixStream::pair().unwrap();
        let (_from, writer) = split(from).unwrap();
        let (reader, _to) = split(to).unwrap();
        let mut reader = BufReader::with_capacity(Reader::BUFFER, reader);
        let files = [file("one"), file("two"), file("three")];
        let long = vec![7; 3 * Reader::BUFFER];
        let send = async {
            writer.write(b"a", &[files[0].as_fd()]).await.unwrap();
            writer.write(&long, &[]).await.unwrap();
            let two = [files[1].as_fd(), files[2].as_fd()];
            writer.write(b"bc", &two).await.unwrap();
        };
        let hear = async {
            let mut first = [0; 1];
            reader.read_exact(&mut first).await.unwrap();
            let mut bytes = Vec::with_capacity(long.len());
            (&mut reader)
                .take(long.len() as u64)
                .read_to_end(&mut bytes)
                .await
                .unwrap();
            let mut last = [0; 2];
            reader.read_exact(&mut last).await.unwrap();
            (first, bytes, last)
        };
        let ((), heard) = tokio::join!(send, hear);
        assert_eq!(heard, (*b"a", long.clone(), *b"bc"));
        for expected in [&["one"][..], &["two", "three"], &[]] {
            let texts = reader.get_mut().files().into_iter().map(|file| {
                let mut text = String::new();
                std::fs::File::from(file).read_to_string(&mut text).unwrap();
                text
            });
            assert_eq!(texts.collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn what_comes_later_is_read_and_the_end_is_seen() {
        let (from, to) = UnixStream::pair().unwrap();
        let ((_from, writer), (mut reader, _to)) = (split(from).unwrap(), split(to).unwrap());
        // Each part is shorter than its read; some have a file descriptor, and two parts are read at once.
        let sent = tempfile::tempfile().unwrap();
        let parts: [(&[u8], bool); 5] = [(b"a", false), (b"b", true), (b"c", false), (b"d", true), (b"e", false)];
        for (number, (bytes, with_file)) in parts.into_iter().enumerate() {
            let files = [sent.as_fd()];
            writer.write(bytes, &files[..usize::from(with_file)]).await.unwrap();
            if number != 2 {
                let mut read = vec![0; if number == 3 { 2 } else { 1 }];
                reader.read_exact(&mut read).await.unwrap();
            }
        }
        let mut all = Vec::new();
        let (read, ()) = tokio::join!(reader.read_to_end(&mut all), async {
            writer.write(&vec![1; 4 * Reader::BUFFER], &[]).await.unwrap();
            drop(writer);
        });
        assert_eq!((read.unwrap(), reader.files.len()), (4 * Reader::BUFFER, 2));
    }
}
