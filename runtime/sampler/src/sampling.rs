//! Takes samples, on a thread of its own, and makes what is passed on of them.

use crate::{
    SamplerError,
    samples::{Sample, Samples, Stack, Thread},
    signal::{self, Handler},
    slots::RawSample,
    symbols::{Files, Symbols},
    unwind::{Addresses, Unwinder},
};
use std::{
    collections::HashMap,
    fs,
    hash::Hash,
    mem::MaybeUninit,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Whether this process is being sampled. Set by [`start`], and cleared when the [`Sampling`] ends.
static IS_SAMPLING: AtomicBool = AtomicBool::new(false);

/// How many samples of a process are kept. Those after them count as lost.
const MOST_SAMPLES: usize = 500_000;

/// A process that is being sampled. Dropping it ends that.
#[derive(Debug)]
pub struct Sampling {
    began: Duration,
    begun_at: Instant,
    cpu_before: Duration,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<Collected>>,
}

/// Begins to sample this process.
///
/// # Errors
///
/// The process is being sampled already, code of it handles the signal `SIGPROF`, or the system refuses a thread or a
/// timer.
///
/// # Examples
///
/// ```
/// let sampling = mosaic_sampler::start()?;
/// let sum: u64 = (0..1_000_000).map(std::hint::black_box).sum();
/// let samples = sampling.stop();
/// assert!(sum > 0 && samples.process == std::process::id());
/// # Ok::<(), mosaic_sampler::SamplerError>(())
/// ```
pub fn start() -> Result<Sampling, SamplerError> {
    let handler = Handler::get()?;
    if IS_SAMPLING.swap(true, Ordering::AcqRel) {
        return Err(SamplerError::Busy);
    }
    let release = |error| {
        IS_SAMPLING.store(false, Ordering::Release);
        error
    };
    let (ends, begun_at) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let thread = thread::Builder::new().name("sampler".into()).spawn({
        let ends = Arc::clone(&ends);
        move || collect(handler, &ends, begun_at)
    });
    let thread = thread
        .map_err(SamplerError::system("start a thread"))
        .map_err(release)?;
    let sampling = Sampling {
        began: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        begun_at,
        cpu_before: processor_time(),
        ends,
        thread: Some(thread),
    };
    // If this fails, the drop of `sampling` ends the thread.
    signal::start_timer()?;
    Ok(sampling)
}

impl Sampling {
    /// Ends sampling, and returns the samples with the names of functions.
    pub fn stop(mut self) -> Samples {
        let (took, cpu) = (
            self.begun_at.elapsed(),
            processor_time().saturating_sub(self.cpu_before),
        );
        let collected = self.end().unwrap_or_default();
        Samples {
            process: process::id(),
            began: self.began,
            took,
            cpu,
            ..collected.samples()
        }
    }

    /// Ends the timer and the thread. Returns nothing if that was done before.
    fn end(&mut self) -> Option<Collected> {
        let thread = self.thread.take()?;
        signal::stop_timer();
        self.ends.store(true, Ordering::Release);
        if let Ok(handler) = Handler::get() {
            handler.slots.wait_for_writers();
            handler.wake();
        }
        let collected = thread.join().ok();
        IS_SAMPLING.store(false, Ordering::Release);
        collected
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        self.end();
    }
}

/// Values that are numbered in the order in which they came first.
struct Numbered<T>(HashMap<T, u32>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered(HashMap::new())
    }
}

impl<T: Hash + Eq> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value).or_insert(next)
    }

    fn into_vec(self) -> Vec<T> {
        let mut values: Vec<(T, u32)> = self.0.into_iter().collect();
        values.sort_unstable_by_key(|(_, number)| *number);
        values.into_iter().map(|(value, _)| value).collect()
    }
}

/// What the thread `sampler` has collected.
#[derive(Default)]
struct Collected {
    unwinder: Option<Unwinder>,
    threads: Vec<Thread>,
    stacks: Numbered<Addresses>,
    samples: Vec<Sample>,
    lost: u64,
}

/// Collects samples until sampling ends. The body of the thread `sampler`.
fn collect(handler: &Handler, ends: &AtomicBool, begun_at: Instant) -> Collected {
    signal::exempt_this_thread();
    let mut unwinder = Unwinder::new();
    let mut collected = Collected::default();
    // Read before the samples are taken: what is ready when sampling has ended is taken as well.
    let mut is_last = false;
    while !is_last {
        handler.wait();
        is_last = ends.load(Ordering::Acquire);
        handler
            .slots
            .take(|sample| collected.add(sample, &mut unwinder, begun_at));
    }
    collected.lost += handler.slots.take_lost();
    collected.samples.sort_by_key(|sample| sample.at);
    collected.unwinder = Some(unwinder);
    collected
}

impl Collected {
    fn add(&mut self, sample: &RawSample, unwinder: &mut Unwinder, begun_at: Instant) {
        // A signal of an earlier profile may have come late.
        let Some(at) = sample.at.checked_duration_since(begun_at) else {
            return;
        };
        if self.samples.len() >= MOST_SAMPLES {
            self.lost += 1;
            return;
        }
        let thread = self.threads.iter().position(|it| it.number == sample.thread);
        let thread = thread.unwrap_or_else(|| {
            self.threads.push(thread_of(sample.thread));
            self.threads.len() - 1
        });
        self.samples.push(Sample {
            at,
            thread: u32::try_from(thread).unwrap_or(u32::MAX),
            stack: self.stacks.number(unwinder.unwind(sample)),
        });
    }

    /// Names the functions of all stacks.
    fn samples(self) -> Samples {
        let loaded = self.unwinder.as_ref().map(Unwinder::loaded).unwrap_or_default();
        let unnamed = self.stacks.into_vec();
        let files = Files::read(loaded, unnamed.iter().flat_map(|stack| stack.frames.iter().copied()));
        let mut symbols = Symbols::new(&files);
        let mut of_address: HashMap<u64, Vec<u32>> = HashMap::new();
        let mut frames = Numbered::default();
        let mut stacks = Vec::new();
        for Addresses {
            frames: addresses,
            is_cut,
        } in unnamed
        {
            let mut numbers = Vec::new();
            for address in addresses.into_iter().rev() {
                let at_address = of_address.entry(address).or_insert_with(|| {
                    let found = symbols.frames(address).into_iter();
                    found.map(|frame| frames.number(frame)).collect()
                });
                numbers.extend_from_slice(at_address);
            }
            stacks.push(Stack {
                frames: numbers,
                is_cut,
            });
        }
        Samples {
            lost: self.lost,
            threads: self.threads,
            frames: frames.into_vec(),
            stacks,
            samples: self.samples,
            ..Samples::default()
        }
    }
}

/// Describes a thread of this process.
fn thread_of(number: i32) -> Thread {
    let name = fs::read_to_string(format!("/proc/self/task/{number}/comm"));
    Thread {
        number,
        name: name.map(|name| name.trim_end().to_owned()).unwrap_or_default(),
    }
}

/// Returns the processor time that this process has used so far.
fn processor_time() -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for a write of this type.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, time.as_mut_ptr()) } != 0 {
        return Duration::ZERO;
    }
    // SAFETY: the call has succeeded, so it has filled in the structure.
    let time = unsafe { time.assume_init() };
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanoseconds)
}

impl std::fmt::Debug for Collected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collected")
            .field("samples", &self.samples.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[inline(never)]
    fn burn() -> f64 {
        (1..20_000).map(|it| black_box(f64::from(it)).sqrt()).sum()
    }

    /// Burns processor time until the system must have taken samples of it, whatever the period of its clock.
    fn burn_for(time: Duration) {
        let before = processor_time();
        while processor_time() - before < time {
            black_box(burn());
        }
    }

    // One test, since only one profile of a process can be taken at a time.
    #[test]
    fn threads_that_work_are_sampled_and_those_that_wait_are_not() {
        let sampling = start().unwrap();
        assert!(matches!(start(), Err(SamplerError::Busy)));
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let idle = thread::Builder::new().name("idle".into()).spawn(move || wait.recv());
        let busy = thread::Builder::new()
            .name("busy".into())
            .spawn(|| burn_for(Duration::from_millis(300)));
        burn_for(Duration::from_millis(200));
        busy.unwrap().join().unwrap();
        drop(done);
        idle.unwrap().join().unwrap().unwrap_err();
        let samples = sampling.stop();
        assert!(samples.samples.len() >= 20, "{} samples", samples.samples.len());
        let names: Vec<&str> = samples.threads.iter().map(|it| &*it.name).collect();
        assert!(names.contains(&"busy") && !names.contains(&"sampler"), "{names:?}");
        let whole = samples
            .samples
            .iter()
            .filter(|it| !samples.stacks[it.stack as usize].is_cut)
            .count();
        assert!(
            whole * 10 >= samples.samples.len() * 9,
            "{whole} of {} are whole",
            samples.samples.len()
        );
        assert!(samples.cpu >= Duration::from_millis(200) && samples.samples.is_sorted_by_key(|it| it.at));
        // The C library starts threads. Its functions have names.
        let from_libc = |frame: &u32| samples.frames[*frame as usize].library.contains("libc");
        assert!(samples.stacks.iter().any(|stack| stack.frames.iter().any(from_libc)));

        let sampling = start().unwrap();
        assert_eq!(sampling.stop().lost, 0);
    }
}
