//! The cells' standard input: whoever reads it asks the user.
//!
//! A pipe does not tell its writer that somebody waits for it, so the kernel could not know when to ask. But the
//! standard library reads through the C function `read`, and this executable's own comes before the C library's for
//! every library that a cell process loads. It serves descriptor 0 of a cell process, and passes on everything else.

use crate::cell_process::{questions, report as report_to_kernel};
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

/// Whether descriptor 0 is the user. Otherwise it is what it is.
static ASKS_THE_USER: AtomicBool = AtomicBool::new(false);

/// What the user entered and nobody has read yet. Locked while the user is asked: others that read wait for their turn.
static ENTERED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// From now on, who reads standard input asks the user.
pub(crate) fn ask_the_user() {
    ASKS_THE_USER.store(true, Ordering::Release);
}

/// C's `read`.
///
/// # Safety
///
/// As C has it: `buffer` has room for `count` bytes.
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

/// The next bytes, `most` of them at most, or the number of an error.
fn next_bytes(most: usize) -> Result<Vec<u8>, c_int> {
    let mut entered = ENTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if entered.is_empty() {
        *entered = match ask_for_line() {
            Line::Entered(line) => line.into_bytes(),
            // Not EINTR: the standard library would read again.
            Line::Interrupted => return Err(libc::ECANCELED),
            Line::Refused(reason) => {
                let text = format!("standard input cannot be read: {reason}\n");
                // Where that cannot be told, the error says enough.
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

fn ask_for_line() -> Line {
    // A prompt is often printed without a newline, and then still in the standard library's buffer.
    questions::flush();
    let (sender, answer) = mpsc::channel();
    let ask = Ask::Input {
        prompt: String::new(),
        password: false,
    };
    let question = Question::new(encode(&ask), move |answer| {
        // The receiver waits below.
        let _ = sender.send(answer);
    });
    report_to_kernel(&questions::ask(question));
    let answer = answer.recv().unwrap_or_else(|_| Err("the kernel is gone".to_owned()));
    answer.and_then(|bytes| decode(&bytes)).unwrap_or_else(Line::Refused)
}
