//! Capture of panics: they are kept for an error instead of being printed.

use std::{
    backtrace::Backtrace,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

/// A panic as the hook saw it.
pub(crate) struct Captured {
    /// The message and its source location.
    pub(crate) message: String,
    /// The backtrace at the panic.
    pub(crate) backtrace: String,
}

impl Captured {
    fn without_message() -> Captured {
        Captured {
            message: "panicked without a message".to_owned(),
            backtrace: String::new(),
        }
    }
}

thread_local! {
    /// The kept panics of this thread; `None` while they are not kept.
    static CAPTURED: RefCell<Option<Vec<Captured>>> = const { RefCell::new(None) };
}

static INSTALLED: Once = Once::new();

/// Installs the panic hook in front of the previous one, once for each copy of this crate.
pub(crate) fn install_hook() {
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !capture(info) {
                previous(info);
            }
        }));
    });
}

fn capture(info: &PanicHookInfo<'_>) -> bool {
    // If the list is borrowed or the thread's locals are gone, the panic cannot be kept and is printed.
    CAPTURED
        .try_with(|captured| {
            let Ok(mut captured) = captured.try_borrow_mut() else {
                return false;
            };
            let Some(captured) = captured.as_mut() else {
                return false;
            };
            captured.push(Captured {
                message: message(info),
                backtrace: Backtrace::force_capture().to_string(),
            });
            true
        })
        .unwrap_or(false)
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic whose payload is not text");
    match info.location() {
        // The source that a cell is compiled as, where it does not say `cell [7]`. Its lines mean nothing to the author.
        Some(location) if cfg!(feature = "notebook") && location.file() == "cell" => message.to_owned(),
        Some(location) => format!("{message}, at {location}"),
        None => message.to_owned(),
    }
}

/// Begins to keep this thread's panics.
pub(crate) fn begin_capture() {
    install_hook();
    CAPTURED.with(|captured| *captured.borrow_mut() = Some(Vec::new()));
}

/// Stops keeping this thread's panics, and returns the kept ones.
pub(crate) fn end_capture() -> Vec<Captured> {
    CAPTURED
        .with(|captured| captured.borrow_mut().take())
        .unwrap_or_default()
}

/// Runs `run`, or returns the panic that ended it. Prints the panics that `run` caught itself.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Captured> {
    let (mut run, mut outcome) = (Some(run), None);
    let panicked = caught(&mut || outcome = run.take().map(|run| run()));
    match (outcome, panicked) {
        (Some(outcome), None) => Ok(outcome),
        (_, panicked) => Err(panicked.unwrap_or_else(Captured::without_message)),
    }
}

/// Runs `run` and returns the panic that ended it. Not generic, so that it is compiled once.
fn caught(run: &mut dyn FnMut()) -> Option<Captured> {
    begin_capture();
    // A tessera that panicked is still used, as after `std::sync::Mutex::clear_poison`: its author decides whether it
    // is valid.
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    let mut captured = end_capture();
    let panicked = outcome.err().map(|payload| {
        // The payload's destructor may panic, and the process must not end for that.
        std::mem::forget(payload);
        captured.pop().unwrap_or_else(Captured::without_message)
    });
    print(&captured);
    panicked
}

/// Runs `run` and prints a panic that ends it, since nobody waits for the result.
pub(crate) fn print_if_caught(run: &mut dyn FnMut()) {
    if let Some(panic) = caught(run) {
        print(&[panic]);
    }
}

/// Prints panics that the user's code caught, as the default hook would have done.
pub(crate) fn print(captured: &[Captured]) {
    for panic in captured {
        eprintln!("panicked: {}", panic.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_message_and_place() {
        let captured = catch(|| -> () { panic!("number {}", 7) }).err().unwrap();
        assert!(captured.message.starts_with("number 7, at "), "{}", captured.message);
        assert!(captured.message.contains("panics.rs:"), "{}", captured.message);
        assert!(!captured.backtrace.is_empty());
        assert_eq!(catch(|| 7).ok(), Some(7));
    }

    #[test]
    fn a_panic_that_was_caught_on_the_way_does_not_end_the_call() {
        assert_eq!(
            catch(|| panic::catch_unwind(|| panic!("inner")).is_err()).ok(),
            Some(true)
        );
    }
}
