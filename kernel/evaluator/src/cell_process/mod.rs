//! The cell process: loads each compiled cell and runs it.
//!
//! It speaks evcxr's line protocol on the pipes that evcxr gave it, and gives the user's code standard output and error
//! of its own, so that nothing a cell prints is ever read as protocol. What evcxr's generated code would print as
//! markers reaches this process as events of the host's table, and is passed on from here.

pub(crate) mod flusher;
pub(crate) mod kernel;
pub(crate) mod questions;
pub(crate) mod running;
pub(crate) mod stdin;

use crate::{
    cell_process::{
        flusher::Flusher,
        kernel::Kernel,
        running::{Brakes, InterruptWait},
    },
    evcxr_text::markers::{
        CELL_PROCESS_VARIABLE, ERROR_OCCURRED, EXECUTION_COMPLETE, PANIC_NOTIFICATION, VARIABLE_CHANGED_TYPE,
        library_and_function,
    },
    session::{
        link::{Instruction, Report, receive, send},
        run_directory::CellPaths,
        variables::{MONITOR_VARIABLE, RUN_DIRECTORY_VARIABLE, SESSION_VARIABLE},
    },
};
use anyhow::{Context, Result, bail};
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use mosaic_abi::{Buffer, CellEvent, GUEST_ENTRY, Guest, GuestEntry, Host, Slice};
use rustix::fs::{Mode, OFlags};
use std::{
    env,
    ffi::c_void,
    fs::File,
    io::{self, BufRead, Write},
    mem,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Runs the cell process until its kernel ends it.
pub fn cell_host_main() -> ! {
    let result = Kernel::find().and_then(|kernel| {
        let kernel = Arc::new(kernel);
        let result = run(&kernel);
        // Without an order to end, the kernel was killed, or never got ready, or evcxr has given this process up. Who gives
        // that order cleans up.
        if !ENDING.load(Ordering::Acquire) {
            kernel.clean_up();
        }
        result
    });
    if let Err(error) = &result {
        // Not `eprintln!`, which panics where nobody is left to read.
        let _ = writeln!(io::stderr(), "error: the cell process failed: {error:#}");
    }
    process::exit(if result.is_ok() { 0 } else { 99 })
}

/// How long a cell may be held up for the order of its output.
const UNSETTLED: Duration = Duration::from_millis(100);

type CellFunction = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type VariablesFunction = unsafe extern "C" fn(*const c_void) -> Buffer;

/// What the running cell has told so far, for evcxr.
#[derive(Debug, Default)]
struct RunState {
    /// evcxr was told that the cell is done.
    released: bool,
    panicked: bool,
    failed: bool,
    lost: Vec<String>,
}

static RUN_STATE: Mutex<RunState> = Mutex::new(RunState {
    released: false,
    panicked: false,
    failed: false,
    lost: Vec::new(),
});
static REPORTS: OnceLock<Mutex<UnixStream>> = OnceLock::new();
static EVCXR: OnceLock<Mutex<File>> = OnceLock::new();
/// The kernel said that it ends this process; otherwise the end of its pipes means that it was killed.
static ENDING: AtomicBool = AtomicBool::new(false);

fn run_state() -> MutexGuard<'static, RunState> {
    RUN_STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn report(report: &Report) {
    if let Some(stream) = REPORTS.get() {
        // A kernel that is gone ends this process through the link's reader.
        let _ = send(&mut *stream.lock().unwrap_or_else(PoisonError::into_inner), report);
    }
}

fn tell_evcxr(line: &str) {
    if let Some(pipe) = EVCXR.get() {
        // As above.
        let _ = writeln!(pipe.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
    }
}

fn run(kernel: &Arc<Kernel>) -> Result<()> {
    let commands = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let evcxr = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?);
    let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    let _ = EVCXR.set(Mutex::new(evcxr));
    let mut link = UnixStream::connect(&kernel.paths.socket).context("cannot reach the kernel")?;
    let _ = REPORTS.set(Mutex::new(link.try_clone()?));
    // Where a process is started for a cell that is under way, it takes over before evcxr has it run anything.
    follow(
        receive(&mut link).context("the kernel does not say what it is at")?,
        &kernel.paths,
    );
    forget_environment();
    let follower = Arc::clone(kernel);
    thread::Builder::new()
        .name("link".into())
        .spawn(move || follow_orders(link, &follower))?;
    let host = mosaic_engine::install_head(mosaic_engine::HeadOptions {
        hub: kernel.monitor.clone(),
        cell_event,
        ask: |question| report(&questions::ask(question)),
    })?;
    stdin::ask_the_user();
    serve(commands, host)
}

/// The user's own subprocesses, perhaps cargo or another kernel, are not to find these.
fn forget_environment() {
    for name in [
        CELL_PROCESS_VARIABLE,
        RUN_DIRECTORY_VARIABLE,
        MONITOR_VARIABLE,
        SESSION_VARIABLE,
    ] {
        // SAFETY: this process has only its main thread yet, and no user code has run.
        unsafe { env::remove_var(name) }
    }
}

/// Follows the kernel's orders, and ends the process with everything in it when the kernel is gone.
fn follow_orders(mut link: UnixStream, kernel: &Kernel) {
    while let Ok(order) = receive::<Instruction>(&mut link) {
        follow(order, &kernel.paths);
    }
    kernel.clean_up();
    // Not `exit`: no destructor of the user's may keep the process.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
}

fn follow(order: Instruction, paths: &CellPaths) {
    match order {
        Instruction::Idle => {}
        Instruction::Begin { execution } => {
            running::expect(execution);
            if let Err(error) = redirect(paths) {
                report(&Report::OutputLost {
                    message: error.to_string(),
                });
            }
        }
        Instruction::Answer => report(&Report::Answered),
        Instruction::Interrupt { execution } => running::interrupt(execution),
        Instruction::Reply { number, answer } => questions::answered(number, answer),
        Instruction::Deliver { message } => questions::deliver(&message),
        Instruction::End => ENDING.store(true, Ordering::Release),
    }
}

/// Gives the cells their standard output and error. Not before the first cell: evcxr tries itself out before.
fn redirect(paths: &CellPaths) -> rustix::io::Result<()> {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    let open = |path: &Path| -> rustix::io::Result<OwnedFd> {
        rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
    };
    rustix::stdio::dup2_stdout(open(&paths.stdout)?)?;
    rustix::stdio::dup2_stderr(open(&paths.stderr)?)?;
    DONE.store(true, Ordering::Release);
    Ok(())
}

/// evcxr's commands, one cell each. Cells stay loaded: their values may live on in variables and threads.
fn serve(commands: File, host: &'static Host) -> Result<()> {
    let mut variables: *mut c_void = std::ptr::null_mut();
    let mut names_of = None;
    let flusher = Flusher::start()?;
    for line in io::BufReader::new(commands).lines() {
        let line = line?;
        let Some((path, function)) = library_and_function(&line) else {
            bail!("unknown command of evcxr's: {line}");
        };
        *run_state() = RunState::default();
        // SAFETY: the library is the cell just compiled; loading it runs only constructors of the user's own choice.
        let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }?;
        let brakes = Brakes {
            guest: enter_guest(&library, host)?,
            // SAFETY: the notebook's tokio exports it with this type.
            wait: unsafe { symbol::<InterruptWait>(&library, "mosaic_interrupt_wait") },
        };
        // SAFETY: `mosaic-cell` exports it with this type.
        names_of = unsafe { symbol::<VariablesFunction>(&library, "mosaic_cell_variables") }.or(names_of);
        // SAFETY: evcxr generated the symbol with this type.
        let function = unsafe { library.get::<CellFunction>(function.as_bytes()) }?;
        let begun_at = Instant::now();
        let begun = running::begin(brakes);
        if begun {
            if let Some(guest) = brakes.guest {
                flusher.begin(guest);
            }
            report(&Report::Began);
            // SAFETY: the store is the one that the cell before returned, which is evcxr's contract; generated code
            // catches all unwinding.
            variables = unsafe { function(variables) };
        }
        let ran = begun_at.elapsed();
        mem::forget(library);
        flusher.end();
        end_cell(brakes.guest, begun);
        // SAFETY: the store came from the same crate, and no cell runs.
        let names = names_of.map(|names_of| unsafe { names_of(variables) });
        report(&Report::Ended {
            stored: names.and_then(|names| mosaic_abi::decode(&names).ok()),
            ran,
        });
        release(&mut run_state());
    }
    Ok(())
}

/// Lets evcxr go on: for it, the cell has ended.
fn release(run_state: &mut RunState) {
    if !mem::replace(&mut run_state.released, true) {
        for marker in markers(run_state) {
            tell_evcxr(&marker);
        }
        tell_evcxr(EXECUTION_COMPLETE);
    }
}

/// A function that a cell's library, or one that it needs, exports.
///
/// # Safety
///
/// The symbol, where it exists, has the type `T`.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Option<T> {
    // SAFETY: by this function's contract.
    unsafe { library.get::<T>(name.as_bytes()) }.ok().map(|symbol| *symbol)
}

/// Introduces host and guest, where the cell links the guest's crates.
fn enter_guest(library: &Library, host: &'static Host) -> Result<Option<&'static Guest>> {
    // SAFETY: a symbol of this name has this type in all versions.
    let Ok(entry) = (unsafe { library.get::<GuestEntry>(GUEST_ENTRY.as_bytes()) }) else {
        return Ok(None);
    };
    // SAFETY: the table is valid for the life of the process.
    let guest = unsafe { entry(host).as_ref() };
    match guest {
        Some(guest) => {
            questions::introduce(guest);
            Ok(Some(guest))
        }
        None => bail!("the cells' crate `mosaic` is of another version than this kernel: restart the kernel"),
    }
}

fn end_cell(guest: Option<&Guest>, begun: bool) {
    let (panicked, failed) = {
        let run_state = run_state();
        (run_state.panicked, run_state.failed)
    };
    // A read of standard input that is interrupted is an error, which most cells pass on.
    let interrupted = running::end() && (panicked || failed || !begun);
    if let Some(guest) = guest.filter(|_| begun) {
        // What an interrupt unwound is no panic of the cell's.
        (guest.end_cell)(panicked && !interrupted);
    }
    if interrupted {
        run_state().panicked = true;
        report(&Report::Interrupted);
    }
}

/// What evcxr is to know of how the cell ended: it keeps no variable of a cell that did not reach its end.
fn markers(run_state: &mut RunState) -> Vec<String> {
    let panicked = run_state.panicked.then(|| PANIC_NOTIFICATION.to_owned());
    let failed = run_state.failed.then(|| ERROR_OCCURRED.to_owned());
    let lost = mem::take(&mut run_state.lost)
        .into_iter()
        .map(|name| format!("{VARIABLE_CHANGED_TYPE}{name}"));
    panicked.into_iter().chain(failed).chain(lost).collect()
}

/// An event of the running cell, from its code.
unsafe extern "C" fn cell_event(event: CellEvent, a: Slice, b: Slice) {
    // SAFETY: the guest lends both for this call.
    let (a, b) = unsafe { (a.as_text().into_owned(), b.as_text().into_owned()) };
    match event {
        // The generated code says only that the cell unwound; the message follows when the guest ends the cell.
        CellEvent::Panicked if a.is_empty() => run_state().panicked = true,
        CellEvent::Panicked => report(&Report::Panicked {
            message: a,
            backtrace: b,
        }),
        CellEvent::Failed => {
            run_state().failed = true;
            report(&Report::Failed { message: a });
        }
        CellEvent::VariableLost => {
            run_state().lost.push(a.clone());
            report(&Report::VariableLost { name: a });
        }
        // What evcxr has to know of the variables has been told. From here on it is free to answer questions about code;
        // how the cell ends, the kernel hears from us.
        CellEvent::Started => release(&mut run_state()),
        CellEvent::Result => report(&Report::Result { mime: a, content: b }),
        CellEvent::Settle if a == "stderr" => settle(rustix::stdio::stderr()),
        CellEvent::Settle => settle(rustix::stdio::stdout()),
    }
}

/// Waits until the kernel has read all that is in a pipe: microseconds, unless the kernel is very busy. There is nothing
/// to be woken by, since a pipe tells its writer only that it has room.
fn settle(pipe: BorrowedFd<'_>) {
    let begun = Instant::now();
    while rustix::io::ioctl_fionread(pipe).is_ok_and(|unread| unread > 0) && begun.elapsed() < UNSETTLED {
        thread::yield_now();
    }
}
