//! The standard input of cells: reading it asks the user.
//!
//! With a pipe the kernel could not know when to ask, since a pipe does not tell its writer that somebody waits. So
//! this executable exports the C function `read`, through which the standard library reads. The linker finds it before
//! the one of the C library, for every library that the process loads. It serves descriptor 0 of a cell process, and
//! passes everything else on.

use crate::cell_process::{channels, questions};
use libc::{c_int, c_void, size_t, ssize_t};
use mosaic_engine::Question;
use mosaic_message::{Ask, Line, decode, encode};
use std::{
    slice,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

/// Whether a read of descriptor 0 asks the user.
///
/// The main thread sets it, once, before the first cell runs. Every thread that reads anything reads it. Other programs
/// that are this executable never set it.
static ASKS_THE_USER: AtomicBool = AtomicBool::new(false);

/// The bytes that the user has entered and nobody has read yet.
///
/// Written and read by any thread of a cell that reads standard input. The lock is held while the user is asked, so
/// that other readers wait for their turn.
static ENTERED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Makes every further read of standard input ask the user.
pub(super) fn ask_the_user() {
    ASKS_THE_USER.store(true, Ordering::Release);
}

/// Reads from a descriptor, as the C function of this name does.
///
/// # Safety
///
/// As for the C function: `buffer` has room for `count` bytes.
#[unsafe(no_mangle)]
#[allow(unreachable_pub, reason = "every library of the process finds it, by its symbol")]
pub unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
    if fd != 0 || count == 0 || !ASKS_THE_USER.load(Ordering::Acquire) {
        // SAFETY: the arguments are those of the system call, and good by this function's contract.
        let read = unsafe { libc::syscall(libc::SYS_read, fd, buffer, count) };
        return read as ssize_t;
    }
    match next_bytes(count) {
        Ok(bytes) => {
            // SAFETY: the buffer has room for `count` bytes by this function's contract, and there are no more of them.
            let buffer = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), bytes.len()) };
            buffer.copy_from_slice(&bytes);
            ssize_t::try_from(bytes.len()).unwrap_or(ssize_t::MAX)
        }
        Err(error) => {
            // SAFETY: the function returns this thread's own variable.
            unsafe { *libc::__errno_location() = error };
            -1
        }
    }
}

/// Returns the next bytes of standard input, at most `most`, after asking the user if there are none.
///
/// # Errors
///
/// The number of a C error: the user interrupted the cell, or there is no client to ask.
fn next_bytes(most: usize) -> Result<Vec<u8>, c_int> {
    let mut entered = ENTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if entered.is_empty() {
        *entered = match ask_for_line() {
            Line::Entered(line) => line.into_bytes(),
            // Not EINTR: the standard library would read again.
            Line::Interrupted => return Err(libc::ECANCELED),
            Line::Refused(reason) => {
                let text = format!("standard input cannot be read: {reason}\n");
                // If this cannot be written, the error says enough.
                let _ = rustix::io::write(rustix::stdio::stderr(), text.as_bytes());
                return Err(libc::EOPNOTSUPP);
            }
        };
        entered.push(b'\n');
    }
    let most = most.min(entered.len());
    let rest = entered.split_off(most);
    Ok(std::mem::replace(&mut *entered, rest))
}

/// Asks the user for a line, and waits for it.
fn ask_for_line() -> Line {
    // A prompt without a newline is still in the buffer of the standard library.
    questions::flush();
    let (sender, answer) = mpsc::channel();
    let ask = Ask::Input {
        prompt: String::new(),
        password: false,
    };
    let question = Question::new(encode(&ask), move |answer| {
        // The receiver waits below, so sending cannot fail.
        let _ = sender.send(answer);
    });
    channels::report(&questions::ask(question));
    let answer = answer.recv().unwrap_or_else(|_| Err("the kernel is gone".to_owned()));
    answer.and_then(|bytes| decode(&bytes)).unwrap_or_else(Line::Refused)
}
