//! The monitor: starts worker processes, places tesserae on them, and watches them. It lives in the process that lives
//! longest, and is the node of its own machine, too.
//!
//! - [`Monitor`], here: the handle of the process that embeds the monitor; `options`, `events`: what it is started
//!   with, and what it reports.
//! - `event_loop`: one loop over everything that can happen, on a thread of its own. It does the I/O.
//! - `state`: what the monitor knows. Pure state without I/O, with tests; `state::placement` chooses workers.

mod event_loop;
mod events;
mod options;
mod state;

use event_loop::{Event, EventLoop};
pub use events::MonitorEvent;
pub(crate) use options::monitor_address;
pub use options::{MonitorOptions, WorkerCommand, run_dir, run_dir_parent};
use std::{
    io,
    path::{Path, PathBuf},
    thread::JoinHandle,
};
use tokio::{net::UnixListener, sync::mpsc::UnboundedSender};

/// The monitor: starts worker processes on this machine, places tesserae on them, and watches them.
///
/// The monitor runs on a thread of its own. No worker runs before a head turns the runtime on. Dropping the monitor
/// ends all workers.
///
/// # Examples
///
/// ```no_run
/// use mosaic_engine::{Monitor, MonitorEvent, MonitorOptions, WorkerCommand};
///
/// let run_dir = mosaic_engine::run_dir()?;
/// let worker = WorkerCommand {
///     program: std::env::current_exe()?,
///     args: vec!["worker".into()],
///     env: vec![],
/// };
/// let options = MonitorOptions { run_dir: run_dir.path().to_owned(), worker, is_guarded: false };
/// let monitor = Monitor::start(options, |event| match event {
///     MonitorEvent::Drain { done } => done(),
///     event => eprintln!("{event:?}"),
/// })?;
/// println!("heads connect to {}", monitor.address().display());
/// monitor.shutdown();
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Monitor {
    address: PathBuf,
    /// Sends events to the loop, among them the one that ends it.
    events: UnboundedSender<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Starts the monitor's thread, which calls `on_event`. That function must not block.
    ///
    /// # Errors
    ///
    /// The socket cannot be bound in the run directory, or the thread cannot be started.
    pub fn start(
        options: MonitorOptions,
        on_event: impl Fn(MonitorEvent) + Send + Sync + 'static,
    ) -> io::Result<Monitor> {
        let address = monitor_address(&options.run_dir);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            UnixListener::bind(&address).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("the monitor cannot listen at {}: {error}", address.display()),
                )
            })?
        };
        let (events, inbox) = tokio::sync::mpsc::unbounded_channel();
        let event_loop = EventLoop::new(options, Box::new(on_event), events.clone());
        let run = move || runtime.block_on(event_loop.run(listener, inbox));
        let thread = std::thread::Builder::new()
            .name("mosaic-monitor".to_owned())
            .spawn(run)?;
        Ok(Monitor {
            address,
            events,
            thread: Some(thread),
        })
    }

    /// Returns the socket that heads connect to.
    pub fn address(&self) -> &Path {
        &self.address
    }

    /// Ends all workers, and kills those that do not end soon. Returns when all of them are reaped and the sockets are
    /// removed.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the monitor's thread panicked");
        }
    }
}
