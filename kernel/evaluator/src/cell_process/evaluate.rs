//! Loads each compiled cell and runs it.

use crate::{
    cell_process::{
        channels::report,
        flusher::Flusher,
        printed_displays::PrintedDisplays,
        profile, questions,
        run_state::{RunState, run_state},
        running_cell::{self, InterruptHooks, InterruptWait},
    },
    evcxr_text::markers::library_and_function,
    session::{cpu_time::CpuTime, link::Report},
};
use anyhow::{Context, Result, bail};
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use mosaic_abi::{Buffer, GUEST_ENTRY, Guest, GuestEntry, Host};
use mosaic_message::Ask;
use std::{
    ffi::c_void,
    fs::File,
    io::{self, BufRead},
    mem,
    path::Path,
    ptr,
    sync::mpsc::{Receiver, Sender},
    thread,
    time::Instant,
};

/// The function of a cell. It takes evcxr's variable store and returns it.
type CellFunction = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// The function of `mosaic-cell` that drops all variables in a store.
type DropVariablesFunction = unsafe extern "C" fn(*mut c_void);
/// The function of `mosaic-cell` that returns the names of the variables in a store, encoded.
type VariableNamesFunction = unsafe extern "C" fn(*const c_void) -> Buffer;

/// Something for the main thread to do.
pub(super) enum Work {
    /// Runs the cell of a command of evcxr's.
    Command(String),
    /// Drops all variables. Their destructors run on the thread that made the variables.
    DropVariables,
    /// Ends: evcxr has closed its pipe.
    End,
}

/// Starts the thread that reads evcxr's commands and passes them to the main thread.
///
/// # Errors
///
/// The thread cannot be started.
pub(super) fn read_commands(commands: File, work: Sender<Work>) -> io::Result<()> {
    let thread = thread::Builder::new().name("commands".into());
    thread.spawn(move || {
        let commands = io::BufReader::new(commands)
            .lines()
            .map_while(Result::ok)
            .map(Work::Command);
        // The main thread takes all work as long as the process lives.
        let _ = commands.chain([Work::End]).try_for_each(|it| work.send(it));
    })?;
    Ok(())
}

/// Does the main thread's work, one piece after the other, until evcxr closes its pipe.
///
/// # Errors
///
/// A command is unknown, a library cannot be loaded, or the flusher's thread cannot be started.
pub(super) fn run(work: &Receiver<Work>, host: &'static Host) -> Result<()> {
    let mut cells = Cells {
        host,
        flusher: Flusher::start()?,
        variables: ptr::null_mut(),
        functions: None,
        displays: PrintedDisplays::default(),
    };
    for work in work {
        match work {
            Work::Command(command) => {
                let (library, function) =
                    library_and_function(&command).with_context(|| format!("unknown command of evcxr's: {command}"))?;
                cells.run(library, function)?;
            }
            Work::DropVariables => cells.drop_variables(),
            Work::End => return Ok(()),
        }
    }
    Ok(())
}

/// The state that one cell leaves to the next.
struct Cells {
    host: &'static Host,
    flusher: Flusher,
    /// evcxr's variable store, which the last cell has returned.
    variables: *mut c_void,
    /// The functions on the store, once a cell has linked `mosaic-cell`.
    functions: Option<StoreFunctions>,
    displays: PrintedDisplays,
}

/// The functions of `mosaic-cell` on the variable store.
#[derive(Clone, Copy)]
struct StoreFunctions {
    variable_names: VariableNamesFunction,
    drop_variables: DropVariablesFunction,
}

impl StoreFunctions {
    /// Finds the functions, if a cell's library links `mosaic-cell`.
    fn of(library: &Library) -> Option<StoreFunctions> {
        // SAFETY: `mosaic-cell` exports the functions with these types.
        unsafe {
            Some(StoreFunctions {
                variable_names: symbol::<VariableNamesFunction>(library, "mosaic_cell_variables")?,
                drop_variables: symbol::<DropVariablesFunction>(library, "mosaic_cell_drop_variables")?,
            })
        }
    }
}

impl Cells {
    /// Loads a cell's library, runs its function, and reports how the cell ended.
    fn run(&mut self, library: &str, function: &str) -> Result<()> {
        *run_state() = RunState::default();
        report(&Report::Loads);
        let file = Path::new(library);
        // SAFETY: the library is the cell just compiled; loading it runs only constructors of the user's own choice.
        let library = unsafe { Library::open(Some(library), RTLD_LAZY | RTLD_LOCAL) }?;
        let hooks = InterruptHooks {
            guest: enter_guest(&library, self.host)?,
            // SAFETY: the notebook's tokio exports it with this type.
            wait: unsafe { symbol::<InterruptWait>(&library, "mosaic_interrupt_wait") },
        };
        self.functions = StoreFunctions::of(&library).or(self.functions);
        // SAFETY: evcxr generated the symbol with this type.
        let function = *unsafe { library.get::<CellFunction>(function.as_bytes()) }?;
        if self.displays.may_come_from(file) {
            questions::ask_and_wait(&Ask::PrintsDisplays);
        }
        let profile = profile::begin();
        let (begun_at, used_before) = (Instant::now(), CpuTime::of_this_process());
        let has_begun = running_cell::begin(hooks);
        if has_begun {
            if let Some(guest) = hooks.guest {
                self.flusher.begin(guest);
            }
            report(&Report::Began);
            // SAFETY: the store is the one that the cell before returned, which is evcxr's contract; generated code
            // catches all unwinding.
            self.variables = unsafe { function(self.variables) };
        }
        let (ran, cpu) = (begun_at.elapsed(), CpuTime::of_this_process() - used_before);
        if let Some(profile) = profile {
            profile.end();
        }
        // Values of the library's types may live on in variables and threads.
        mem::forget(library);
        self.flusher.end();
        end_cell(hooks.guest, has_begun);
        // SAFETY: the store came from the same crate, and no cell runs.
        let names = self.functions.map(|it| unsafe { (it.variable_names)(self.variables) });
        report(&Report::Ended {
            stored: names.and_then(|names| mosaic_abi::decode(&names).ok()),
            ran,
            cpu,
        });
        run_state().release();
        Ok(())
    }

    /// Runs the destructors of all variables.
    fn drop_variables(&mut self) {
        if let Some(functions) = self.functions {
            // SAFETY: the store came from the same crate, and no cell runs.
            unsafe { (functions.drop_variables)(self.variables) }
        }
        report(&Report::VariablesDropped);
    }
}

/// Returns a function that a cell's library exports, or a library that it needs.
///
/// # Safety
///
/// The symbol, where it exists, has the type `T`.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Option<T> {
    // SAFETY: by this function's contract.
    unsafe { library.get::<T>(name.as_bytes()) }.ok().map(|symbol| *symbol)
}

/// Introduces host and guest to each other. Returns `None` for a cell that does not link the crate `mosaic`.
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

/// Ends a cell for its guest, and finds out whether an interrupt has ended the cell.
fn end_cell(guest: Option<&Guest>, has_begun: bool) {
    let (panicked, failed) = {
        let state = run_state();
        (state.panicked, state.failed)
    };
    // `failed` counts since an interrupted read of standard input is an error, which most cells pass on.
    let interrupted = running_cell::end() && (panicked || failed || !has_begun);
    if let Some(guest) = guest.filter(|_| has_begun) {
        // A cell that an interrupt has unwound did not panic by itself.
        (guest.end_cell)(panicked && !interrupted);
    }
    if interrupted {
        run_state().panicked = true;
        report(&Report::Interrupted);
    }
}
