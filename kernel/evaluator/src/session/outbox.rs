//! Sends messages on a thread of its own, so that a receiver that does not read holds up nobody.
//!
//! The cell process may be stopped, or run code of the user that never lets it read. The kernel's threads must go on to
//! serve clients then, among them the thread that interrupts the cell.

use crate::session::frames::frame;
use serde::Serialize;
use std::{
    io::{self, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::mpsc,
    thread,
};

/// The sending end of a socket. Dropping it closes the socket for both ends.
#[derive(Debug)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Vec<u8>>,
    socket: UnixStream,
}

impl Outbox {
    /// Starts the thread `cell-outbox`, which ends with the socket.
    ///
    /// # Errors
    ///
    /// There are no more descriptors or threads.
    pub(crate) fn start(socket: UnixStream) -> io::Result<Outbox> {
        let (frames, queue) = mpsc::channel::<Vec<u8>>();
        let mut stream = socket.try_clone()?;
        thread::Builder::new().name("cell-outbox".into()).spawn(move || {
            // An error means that the receiver is gone. Then dropping the queue tells senders.
            let _ = queue.iter().try_for_each(|frame| stream.write_all(&frame));
        })?;
        Ok(Outbox { frames, socket })
    }

    /// Sends a message behind all earlier ones, without waiting. Returns `false` if the receiver is known to be gone.
    pub(crate) fn send<T: Serialize>(&self, message: &T) -> bool {
        frame(message).is_ok_and(|frame| self.frames.send(frame).is_ok())
    }

    /// Closes the socket for both ends.
    pub(crate) fn close(&self) {
        // This fails if the socket is closed already, as it should be.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::frames::receive;

    #[test]
    fn a_receiver_that_does_not_read_holds_up_nobody() {
        let (socket, mut receiver) = UnixStream::pair().unwrap();
        let outbox = Outbox::start(socket).unwrap();
        let large = "x".repeat(8 << 20);
        for number in 0..4_u8 {
            assert!(outbox.send(&(number, &large)), "far more than a socket takes");
        }
        for number in 0..4_u8 {
            let (received, text): (u8, String) = receive(&mut receiver).unwrap();
            assert_eq!((received, text.len()), (number, large.len()));
        }
        drop(receiver);
        while outbox.send(&0_u8) {
            thread::yield_now();
        }
    }
}
