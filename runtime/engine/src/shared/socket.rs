//! File descriptors over a Unix socket, along with the bytes that speak of them.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// How many descriptors the system lets travel at once.
pub(crate) const AT_ONCE: usize = 250;

/// Writes bytes, and descriptors with the first of them.
pub(crate) async fn write(socket: &mut OwnedWriteHalf, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let stream: &UnixStream = socket.as_ref();
    let send = || {
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(files.len()))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(io::Error::other("too many file descriptors"));
        }
        Ok(sendmsg(
            stream,
            &[IoSlice::new(bytes)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?)
    };
    let sent = stream.async_io(Interest::WRITABLE, send).await?;
    socket.write_all(&bytes[sent..]).await
}

/// The reading half of a socket, which keeps the descriptors that come with the bytes.
#[derive(Debug)]
pub(crate) struct Reader {
    socket: OwnedReadHalf,
    files: VecDeque<OwnedFd>,
}

impl Reader {
    /// Whatever asks for more than so many bytes at once must ask for bytes alone: descriptors that come with these are
    /// lost.
    pub(crate) const BUFFER: usize = 64 << 10;

    pub(crate) fn new(socket: OwnedReadHalf) -> Reader {
        Reader {
            socket,
            files: VecDeque::new(),
        }
    }

    /// The next descriptor, once the bytes were read that it came with.
    pub(crate) fn file(&mut self) -> io::Result<OwnedFd> {
        let lost = || io::Error::other("a file descriptor was lost: this process may have too many files open");
        self.files.pop_front().ok_or_else(lost)
    }
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Reader { socket, files } = self.get_mut();
        if into.remaining() > Reader::BUFFER {
            return Pin::new(socket).poll_read(context, into);
        }
        let stream: &UnixStream = socket.as_ref();
        loop {
            ready!(stream.poll_read_ready(context))?;
            let bytes = into.initialize_unfilled();
            match stream.try_io(Interest::READABLE, || receive(stream, bytes, files)) {
                Ok(len) => {
                    into.advance(len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn receive(stream: &UnixStream, bytes: &mut [u8], files: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(bytes)];
    let received = recvmsg(stream, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            files.extend(received);
        }
    }
    Ok(received.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Seek, Write},
        os::fd::AsFd,
    };
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
        let (_, mut writer) = from.into_split();
        let (reader, _to) = to.into_split();
        let mut reader = BufReader::with_capacity(Reader::BUFFER, Reader::new(reader));
        let files = [file("one"), file("two"), file("three")];
        let long = vec![7; 3 * Reader::BUFFER];
        let send = async {
            write(&mut writer, b"a", &[files[0].as_fd()]).await.unwrap();
            writer.write_all(&long).await.unwrap();
            write(&mut writer, b"bc", &[files[1].as_fd(), files[2].as_fd()])
                .await
                .unwrap();
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
        for expected in ["one", "two", "three"] {
            let mut text = String::new();
            std::fs::File::from(reader.get_mut().file().unwrap())
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, expected);
        }
        assert!(
            reader
                .get_mut()
                .file()
                .unwrap_err()
                .to_string()
                .contains("too many files")
        );
    }
}
