//! What each thread of a worker executes, in memory that the debugger's process reads while the worker is stopped and
//! cannot be asked.
//!
//! A worker has a memory file with a slot for each thread that executes a constructor, a call or a function. A thread
//! writes its slot alone. The reader finds the file among the descriptors of the worker.

use crate::id::Id;
use rustix::{
    fs::{MemfdFlags, ftruncate, memfd_create},
    mm::{MapFlags, ProtFlags, mmap},
    thread::gettid,
};
use std::{
    cell::UnsafeCell,
    ffi::CStr,
    fs::{self, File},
    io,
    mem::offset_of,
    os::{fd::OwnedFd, unix::fs::FileExt},
    path::Path,
    ptr, slice,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering, compiler_fence},
    },
};

/// The name of the memory file.
const NAME: &CStr = c"mosaic-tasks";
/// The target of the link to the file's descriptor.
const LINK: &str = "/memfd:mosaic-tasks (deleted)";
/// The number of threads that can be told apart. More threads of a worker are not told.
const SLOTS: usize = 256;
/// The bytes of a slot for the names of the type and the method. A slot has 256 bytes.
const NAMES: usize = 208;
/// The states of a slot.
const IDLE: u32 = 0;
const EXECUTES: u32 = 1;

/// The table of this process, if it is a worker.
static TABLE: OnceLock<TaskTable> = OnceLock::new();

thread_local! {
    static OWN: OwnSlot = OwnSlot::claim();
}

/// The mapped slots.
struct TaskTable {
    slots: &'static [Slot],
    /// Open as long as the process lives, since the reader finds the file by its descriptor.
    _file: OwnedFd,
}

/// What a thread executes.
#[repr(C)]
struct Slot {
    /// The system's number of the thread; 0 if the slot is free.
    thread: AtomicU32,
    state: AtomicU32,
    record: UnsafeCell<Record>,
}

// SAFETY: the thread whose number is in the slot is the only one of this process that accesses the record.
unsafe impl Sync for Slot {}

/// The ids are 0 where there is none.
#[repr(C)]
struct Record {
    task: [u8; 16],
    tessera: [u8; 16],
    type_length: u32,
    method_length: u32,
    /// The names of the type and the method, one behind the other.
    names: [u8; NAMES],
}

/// What a constructor, a call or a function is part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'n> {
    /// The task, unless a constructor is executed.
    pub(crate) task: Option<Id>,
    /// The tessera, unless a function is executed without one.
    pub(crate) tessera: Option<Id>,
    /// The tessera's type; empty for a function without a tessera.
    pub(crate) type_name: &'n str,
    /// The name of the method or the function.
    pub(crate) method: &'n str,
}

/// What a thread of a worker executes, by the uids that users know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutingTask {
    /// The task, unless the thread executes a constructor.
    pub task: Option<String>,
    /// The tessera, unless the thread executes a function without one.
    pub tessera: Option<String>,
}

/// Makes the table of this process, which is a worker.
///
/// # Errors
///
/// There are no descriptors or there is no memory left.
pub(crate) fn create() -> io::Result<()> {
    let table = TaskTable::new()?;
    // A process becomes a worker once.
    let _ = TABLE.set(table);
    Ok(())
}

/// Notes that this thread begins to execute something.
pub(crate) fn begin(entry: Entry<'_>) {
    // A destructor of a thread local may call this when `OWN` is gone.
    let _ = OWN.try_with(|own| own.0.iter().for_each(|slot| slot.begin(entry)));
}

/// Notes that this thread executes nothing any more.
pub(crate) fn end() {
    let _ = OWN.try_with(|own| own.0.iter().for_each(|slot| slot.end()));
}

/// Returns what a thread of a worker of this machine executes, if the thread executes a constructor, a call or a
/// function. The thread has to be stopped.
///
/// ```no_run
/// let (worker, thread) = (4711, 4715);
/// if let Some(executing) = mosaic_engine::task_of_thread(worker, thread)? {
///     println!("{:?} of {:?}", executing.task, executing.tessera);
/// }
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// The process has ended, or belongs to another user.
pub fn task_of_thread(process: u32, thread: u32) -> io::Result<Option<ExecutingTask>> {
    let Some(file) = find(process)? else {
        return Ok(None);
    };
    let mut bytes = vec![0; SLOTS * size_of::<Slot>()];
    file.read_exact_at(&mut bytes, 0)?;
    let slots = bytes.chunks_exact(size_of::<Slot>());
    Ok(slots.filter_map(|slot| read(slot, thread)).next())
}

impl TaskTable {
    fn new() -> io::Result<TaskTable> {
        let file = memfd_create(NAME, MemfdFlags::CLOEXEC)?;
        let length = SLOTS * size_of::<Slot>();
        ftruncate(&file, length as u64)?;
        // SAFETY: the system chooses a free address. The file has this length, and nobody shortens it.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )
        }?;
        // SAFETY: the mapping has this length, begins at a page, and is never unmapped. All its bytes are 0, which is a
        // value of each field.
        let slots = unsafe { slice::from_raw_parts(address.cast::<Slot>(), SLOTS) };
        Ok(TaskTable { slots, _file: file })
    }
}

/// The slot of a thread, which is free again when the thread ends.
struct OwnSlot(Option<&'static Slot>);

impl OwnSlot {
    fn claim() -> OwnSlot {
        let thread = gettid().as_raw_nonzero().get().unsigned_abs();
        let is_claimed = |slot: &&Slot| {
            let claimed = slot
                .thread
                .compare_exchange(0, thread, Ordering::AcqRel, Ordering::Relaxed);
            claimed.is_ok()
        };
        OwnSlot(TABLE.get().and_then(|table| table.slots.iter().find(is_claimed)))
    }
}

impl Drop for OwnSlot {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.end();
            slot.thread.store(0, Ordering::Release);
        }
    }
}

impl Slot {
    fn begin(&self, entry: Entry<'_>) {
        self.end();
        let (type_length, method_length) = (entry.type_name.len(), entry.method.len());
        let length = type_length + method_length;
        if length > NAMES {
            // Rather nothing than part of a name.
            return;
        }
        // SAFETY: this thread has claimed the slot, so that nothing else in this process refers to the record.
        let record = unsafe { &mut *self.record.get() };
        let bytes = |id: Option<Id>| id.map_or([0; 16], Id::to_bytes);
        (record.task, record.tessera) = (bytes(entry.task), bytes(entry.tessera));
        record.names[..type_length].copy_from_slice(entry.type_name.as_bytes());
        record.names[type_length..length].copy_from_slice(entry.method.as_bytes());
        // At most `NAMES`.
        (record.type_length, record.method_length) = (type_length as u32, method_length as u32);
        self.state.store(EXECUTES, Ordering::Release);
    }

    fn end(&self) {
        self.state.store(IDLE, Ordering::Relaxed);
        // Nothing of the next record is written before.
        compiler_fence(Ordering::SeqCst);
    }
}

/// Opens the table of a process, if it has one.
fn find(process: u32) -> io::Result<Option<File>> {
    for descriptor in fs::read_dir(format!("/proc/{process}/fd"))? {
        let path = descriptor?.path();
        // A descriptor that was closed meanwhile is not the table's.
        if fs::read_link(&path).is_ok_and(|target| target == Path::new(LINK)) {
            return File::open(path).map(Some);
        }
    }
    Ok(None)
}

/// Reads the bytes of a slot, if this thread has the slot and executes something.
fn read(slot: &[u8], thread: u32) -> Option<ExecutingTask> {
    let number = |at: usize| Some(u32::from_ne_bytes(slot.get(at..at + 4)?.try_into().ok()?));
    if number(offset_of!(Slot, thread))? != thread || number(offset_of!(Slot, state))? != EXECUTES {
        return None;
    }
    let record = offset_of!(Slot, record);
    let length = |at: usize| usize::try_from(number(record + at)?).ok();
    let id = |at: usize| {
        let bytes = slot.get(record + at..record + at + 16)?.try_into().ok()?;
        Some((bytes != [0; 16]).then(|| Id::from_bytes(bytes)))
    };
    let names = slot.get(record + offset_of!(Record, names)..)?;
    let (type_name, rest) = names.split_at_checked(length(offset_of!(Record, type_length))?)?;
    let method = rest.get(..length(offset_of!(Record, method_length))?)?;
    let (type_name, method) = (str::from_utf8(type_name).ok()?, str::from_utf8(method).ok()?);
    Some(ExecutingTask {
        task: id(offset_of!(Record, task))?.map(|id| id.uid_of_task(type_name, method)),
        tessera: id(offset_of!(Record, tessera))?.map(|id| id.uid_of_tessera(type_name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process, sync::mpsc, thread};

    type Job = Box<dyn FnOnce() + Send>;

    /// A thread that does what it is told.
    struct Worker {
        jobs: mpsc::Sender<Job>,
        done: mpsc::Receiver<()>,
        number: u32,
    }

    impl Worker {
        fn start() -> Worker {
            create().unwrap();
            let (jobs, received) = mpsc::channel::<Job>();
            let (tell, done) = mpsc::channel();
            let (tell_number, number) = mpsc::channel();
            thread::spawn(move || {
                tell_number
                    .send(gettid().as_raw_nonzero().get().unsigned_abs())
                    .unwrap();
                for job in received {
                    job();
                    tell.send(()).unwrap();
                }
            });
            let number = number.recv().unwrap();
            Worker { jobs, done, number }
        }

        fn run(&self, job: impl FnOnce() + Send + 'static) {
            self.jobs.send(Box::new(job)).unwrap();
            self.done.recv().unwrap();
        }

        fn begin(&self, task: Option<Id>, tessera: Option<Id>, names: (&'static str, &'static str)) {
            let (type_name, method) = names;
            self.run(move || {
                begin(Entry {
                    task,
                    tessera,
                    type_name,
                    method,
                });
            });
        }

        fn executing(&self) -> Option<ExecutingTask> {
            task_of_thread(process::id(), self.number).unwrap()
        }
    }

    #[test]
    fn each_thread_tells_what_it_executes() {
        let (one, two) = (Worker::start(), Worker::start());
        let (first, second, third) = (Id::unique(), Id::unique(), Id::unique());
        one.begin(Some(first), Some(second), ("Counter", "add"));
        two.begin(Some(third), None, ("", "f"));
        let call = ExecutingTask {
            task: Some(format!("task-counter-add-{first}")),
            tessera: Some(format!("tess-counter-{second}")),
        };
        let function = ExecutingTask {
            task: Some(format!("task-f-{third}")),
            tessera: None,
        };
        assert_eq!((one.executing(), two.executing()), (Some(call), Some(function.clone())));
        one.run(end);
        assert_eq!((one.executing(), two.executing()), (None, Some(function)));
        // A constructor is no task.
        one.begin(None, Some(second), ("Counter", "new"));
        assert_eq!(one.executing().unwrap().task, None);
    }

    #[test]
    fn nothing_is_told_that_is_not_known() {
        let worker = Worker::start();
        assert_eq!(worker.executing(), None);
        // A name that does not fit.
        const LONG: &str = match str::from_utf8(&[b'T'; NAMES]) {
            Ok(long) => long,
            Err(_) => unreachable!(),
        };
        worker.begin(Some(Id::unique()), None, ("T", "f"));
        worker.begin(Some(Id::unique()), None, (LONG, "f"));
        assert_eq!(worker.executing(), None);
        // A thread that has ended.
        worker.begin(Some(Id::unique()), None, ("T", "f"));
        let Worker { jobs, done, number } = worker;
        drop(jobs);
        assert!(done.recv().is_err());
        // The thread's locals may still be dropped.
        while task_of_thread(process::id(), number).unwrap().is_some() {
            thread::yield_now();
        }
    }
}
