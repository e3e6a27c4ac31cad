//! Panics that end a cell or a call: what became of them is learned from the unwinding itself. The panic hook only adds
//! the place and the backtrace, and keeps the message from being printed.
//!
//! The hook may be replaced by the user's, and `resume_unwind` calls no hook. So [`Unwound::new`] takes the payload that
//! `catch_unwind` returns, and looks for the panic of this payload among those that the hook kept.

use std::{
    any::{Any, TypeId},
    backtrace::Backtrace,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

/// A panic's payload, as far as the hook and `catch_unwind` both see it.
#[derive(Debug, PartialEq, Eq)]
struct Payload {
    text: Option<String>,
    type_id: TypeId,
}

impl Payload {
    fn new(payload: &(dyn Any + Send)) -> Payload {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Payload {
            text: text.map(str::to_owned),
            type_id: payload.type_id(),
        }
    }

    /// Returns the text, or what the standard library prints in the place of a text.
    fn message(&self) -> &str {
        self.text.as_deref().unwrap_or("Box<dyn Any>")
    }
}

/// A panic as the hook saw it.
struct Captured {
    payload: Payload,
    unwound: Unwound,
}

/// A panic that ended a cell or a call, or that the user's code caught.
pub(crate) struct Unwound {
    /// The message, and its source location if that is known.
    pub(crate) message: String,
    /// The backtrace at the panic, empty if no hook of mosaic's saw it.
    pub(crate) backtrace: String,
}

thread_local! {
    /// The kept panics of this thread; `None` while they are not kept.
    static CAPTURED: RefCell<Option<Vec<Captured>>> = const { RefCell::new(None) };
    /// The panic that ended the cell of this thread, until the cell's end is reported.
    static CELL_ENDED_BY: RefCell<Option<Unwound>> = const { RefCell::new(None) };
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

/// Keeps a panic. Returns whether it is kept and thus not to be printed.
fn capture(info: &PanicHookInfo<'_>) -> bool {
    if is_last_word(info) {
        print(&kept());
        return false;
    }
    // If the list is borrowed or the thread's locals are gone, the panic cannot be kept and is printed.
    CAPTURED
        .try_with(|captured| {
            let Ok(mut captured) = captured.try_borrow_mut() else {
                return false;
            };
            let Some(captured) = captured.as_mut() else {
                return false;
            };
            let payload = Payload::new(info.payload());
            let message = with_place(payload.message(), info);
            let backtrace = Backtrace::force_capture().to_string();
            captured.push(Captured {
                payload,
                unwound: Unwound { message, backtrace },
            });
            true
        })
        .unwrap_or(false)
}

/// Reports whether the standard library aborts the process after this panic, whose cause are the panics kept so far.
fn is_last_word(info: &PanicHookInfo<'_>) -> bool {
    // `core::panicking` has one more such panic: "unsafe precondition(s) violated", followed by the precondition.
    let message = info.payload_as_str().unwrap_or_default();
    message == "panic in a destructor during cleanup"
        || message == "panic in a function that cannot unwind"
        || message.starts_with("unsafe precondition(s) violated")
}

fn with_place(message: &str, info: &PanicHookInfo<'_>) -> String {
    match info.location() {
        // The source that a cell is compiled as, where it does not say `cell [7]`. Its lines mean nothing to the author.
        Some(location) if cfg!(feature = "notebook") && location.file() == "cell" => message.to_owned(),
        Some(location) => format!("{message}, at {location}"),
        None => message.to_owned(),
    }
}

impl Unwound {
    /// Describes the panic of a payload that `catch_unwind` returned on this thread. Takes the panic from those that
    /// the hook kept.
    fn new(payload: Box<dyn Any + Send>) -> Unwound {
        let unwound = take_kept(&Payload::new(&*payload));
        // The payload's destructor may panic, and the process must not end for that.
        std::mem::forget(payload);
        unwound
    }
}

/// Takes the panic of a payload from those that the hook kept. Several panics may have the same payload: the user's
/// code may have caught the earlier ones.
fn take_kept(payload: &Payload) -> Unwound {
    let kept = CAPTURED.with(|captured| {
        let mut captured = captured.borrow_mut();
        let captured = captured.as_mut()?;
        let index = captured.iter().rposition(|captured| captured.payload == *payload)?;
        Some(captured.remove(index).unwound)
    });
    kept.unwrap_or_else(|| Unwound {
        message: payload.message().to_owned(),
        backtrace: String::new(),
    })
}

/// Takes all kept panics, and goes on to keep others.
fn kept() -> Vec<Unwound> {
    let kept = CAPTURED.try_with(|captured| {
        let mut captured = captured.try_borrow_mut().ok()?;
        captured.as_mut().map(std::mem::take)
    });
    let kept = kept.ok().flatten().unwrap_or_default();
    kept.into_iter().map(|captured| captured.unwound).collect()
}

/// Notes the payload with which the cell of this thread unwound.
pub fn note_cell_unwound(payload: Box<dyn Any + Send>) {
    let unwound = Unwound::new(payload);
    CELL_ENDED_BY.set(Some(unwound));
}

/// Begins to keep the panics of this thread, which begins a cell.
pub(crate) fn begin_cell() {
    CELL_ENDED_BY.set(None);
    begin_capture();
}

/// Stops keeping the panics of this thread, whose cell has ended. Returns the panic that ended the cell, if one did,
/// and prints those that the cell caught.
pub(crate) fn end_cell() -> Option<Unwound> {
    print(&end_capture());
    CELL_ENDED_BY.take()
}

/// Begins to keep this thread's panics.
fn begin_capture() {
    install_hook();
    CAPTURED.with(|captured| *captured.borrow_mut() = Some(Vec::new()));
}

/// Stops keeping this thread's panics, and returns the kept ones.
fn end_capture() -> Vec<Unwound> {
    let kept = kept();
    CAPTURED.with(|captured| *captured.borrow_mut() = None);
    kept
}

/// Runs `run`, or returns the panic that ended it. Prints the panics that `run` caught itself.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Unwound> {
    let (mut run, mut outcome) = (Some(run), None);
    let panicked = caught(&mut || outcome = run.take().map(|run| run()));
    match (outcome, panicked) {
        (_, Some(panicked)) => Err(panicked),
        (Some(outcome), None) => Ok(outcome),
        (None, None) => unreachable!("a closure that does not unwind has set the outcome"),
    }
}

/// Runs `run` and returns the panic that ended it. Not generic, so that it is compiled once.
fn caught(run: &mut dyn FnMut()) -> Option<Unwound> {
    begin_capture();
    // A tessera that panicked is still used, as after `std::sync::Mutex::clear_poison`: its author decides whether it
    // is valid.
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    let panicked = outcome.err().map(Unwound::new);
    print(&end_capture());
    panicked
}

/// Runs `run` and prints a panic that ends it, since nobody waits for the result.
pub(crate) fn print_if_caught(run: &mut dyn FnMut()) {
    if let Some(panic) = caught(run) {
        print(&[panic]);
    }
}

/// Prints panics that the user's code caught, as the default hook would have done.
fn print(panics: &[Unwound]) {
    for panic in panics {
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
    fn the_panic_is_that_of_the_payload_whatever_the_hook_saw() {
        let unwound = |run: fn()| catch(run).err().unwrap().message;
        assert_eq!(unwound(|| panic::resume_unwind(Box::new("resumed"))), "resumed");
        assert_eq!(unwound(|| panic::resume_unwind(Box::new(7))), "Box<dyn Any>");
        assert!(unwound(|| panic::panic_any(7)).starts_with("Box<dyn Any>, at "));
        // A panic that was caught before is not taken for the one that ended the call.
        let after_another = unwound(|| {
            let _ = panic::catch_unwind(|| panic!("caught"));
            panic::resume_unwind(Box::new("resumed"))
        });
        assert_eq!(after_another, "resumed");
        let passed_on = unwound(|| {
            let payload = panic::catch_unwind(|| panic!("passed on")).unwrap_err();
            let _ = panic::catch_unwind(|| panic!("another"));
            panic::resume_unwind(payload)
        });
        assert!(passed_on.starts_with("passed on, at "), "{passed_on}");
    }

    #[test]
    fn a_cell_ends_by_the_panic_that_unwound_it() {
        begin_cell();
        assert!(end_cell().is_none());
        begin_cell();
        let payload = panic::catch_unwind(|| panic!("of the cell")).unwrap_err();
        note_cell_unwound(payload);
        assert!(end_cell().unwrap().message.starts_with("of the cell, at "));
        assert!(end_cell().is_none(), "reported once");
    }

    #[test]
    fn a_panic_that_was_caught_on_the_way_does_not_end_the_call() {
        assert_eq!(
            catch(|| panic::catch_unwind(|| panic!("inner")).is_err()).ok(),
            Some(true)
        );
    }
}
