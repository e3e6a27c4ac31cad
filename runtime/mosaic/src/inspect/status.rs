//! The runtime at a glance: `mosaic::status()`.
//!
//! A new column is a heading and a cell of `row`. Its data is a field of [`Worker`] (`runtime/abi/src/workers.rs`),
//! which the engine's `monitor/event_loop/status.rs` fills in.

use super::{
    html::escaped,
    tesserae::{Tesserae, tesserae},
    workers::{Workers, workers},
};
use crate::{error::RuntimeError, future::timer::Timer, remote::query::Answer};
use mosaic_abi::{LiveDisplay, MonitorQuery, Query, Tasks, Worker};
use std::{
    fmt::{self, Write},
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

/// Returns the status of the whole runtime, once awaited: machine, workers, tesserae, and this process's tasks.
///
/// As the last expression of a cell, the status is shown as a table.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let status = mosaic::status().await?;
/// println!("{status}");
/// assert_eq!(status.tasks().failed, 0);
/// # Ok(()) })? }
/// ```
pub fn status() -> StatusFuture {
    StatusFuture(Box::pin(async {
        let workers = workers().await?;
        let tesserae = tesserae().await?;
        let tasks = Answer::to(&Query::Tasks).await?;
        Ok(Status {
            workers,
            tesserae,
            tasks,
        })
    }))
}

/// A future of the runtime's status. Made by [`status`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let look: mosaic::StatusFuture = mosaic::status();
/// println!("{}", look.await?);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct StatusFuture(Pin<Box<dyn Future<Output = Result<Status, RuntimeError>> + Send>>);

impl Future for StatusFuture {
    type Output = Result<Status, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl StatusFuture {
    /// Shows the status and updates it in place, until this process has no unfinished task or the cell is interrupted.
    ///
    /// A program outside notebooks writes the last status to standard error.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let tasks: TaskArray<u64> = (0..8).map(|n| mosaic::spawn(|n: u64| n * n, (n,))).collect();
    /// mosaic::status().watch().await?;
    /// # assert_eq!(tasks.state(), mosaic::State::Done);
    /// # Ok(()) })? }
    /// ```
    pub fn watch(self) -> Watch {
        Watch(Box::pin(async {
            let id = format!(
                "status-{}-{}",
                std::process::id(),
                WATCHED.fetch_add(1, Ordering::Relaxed)
            );
            let mut status = self.await?;
            while !show(&id, &status).await? {
                Timer::after(BETWEEN_LOOKS).await;
                status = self::status().await?;
            }
            Ok(())
        }))
    }
}

/// The time between two updates of a watched status.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// The number of watched statuses so far.
static WATCHED: AtomicU64 = AtomicU64::new(0);

/// Shows the status in its display. Returns whether it is the last one.
async fn show(id: &str, status: &Status) -> Result<bool, RuntimeError> {
    let Tasks {
        pending,
        queued,
        running,
        ..
    } = status.tasks;
    let is_last = pending + queued + running == 0;
    let display = LiveDisplay {
        id: id.to_owned(),
        text: status.to_string(),
        html: status.html(),
        is_last,
    };
    Answer::<()>::to(&Query::Monitor(MonitorQuery::Show(display))).await?;
    Ok(is_last)
}

/// A future that shows the status until no task is unfinished. Made by [`StatusFuture::watch`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let watch: mosaic::Watch = mosaic::status().watch();
/// watch.await?;
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Watch(Pin<Box<dyn Future<Output = Result<(), RuntimeError>> + Send>>);

impl Future for Watch {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

/// The status of the runtime at the time of the question. Made by [`status`], and displayed as a table.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let status: mosaic::Status = mosaic::status().await?;
/// println!("{status}");
/// # Ok(()) })? }
/// ```
#[derive(Clone, PartialEq)]
pub struct Status {
    workers: Workers,
    tesserae: Tesserae,
    tasks: Tasks,
}

impl Status {
    /// Returns the workers with what each does and uses, and the machine's memory.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(2).await?;
    /// assert_eq!(mosaic::status().await?.workers().len(), 2);
    /// # Ok(()) })? }
    /// ```
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns the tesserae that live.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert!(mosaic::status().await?.tesserae().is_empty());
    /// # Ok(()) })? }
    /// ```
    pub fn tesserae(&self) -> &Tesserae {
        &self.tesserae
    }

    /// Counts this process's tasks by state.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| 42_u32, ()).await?;
    /// assert_eq!(mosaic::status().await?.tasks().done, 1);
    /// # drop(task);
    /// # Ok(()) })? }
    /// ```
    pub fn tasks(&self) -> Tasks {
        self.tasks
    }

    /// Returns the status as HTML.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// assert!(mosaic::status().await?.html().contains("worker:0:0"));
    /// # Ok(()) })? }
    /// ```
    pub fn html(&self) -> String {
        // Writing to a `String` cannot fail.
        let mut html = format!(
            "<div><p>{}<br>{}</p><table><thead><tr>",
            escaped(&self.machine()).replace('\n', "<br>"),
            self.progress()
        );
        for heading in self.headings() {
            let _ = write!(html, "<th>{heading}</th>");
        }
        html.push_str("</tr></thead><tbody>");
        for worker in &self.workers {
            html.push_str("<tr>");
            for cell in self.row(worker) {
                let _ = write!(html, "<td>{}</td>", escaped(&cell));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table>");
        let _ = write!(html, "<pre>{}</pre></div>", escaped(&self.tesserae.to_string()));
        html
    }

    /// Describes the hosts and their GPUs, each in a line.
    fn machine(&self) -> String {
        let mut machine = Vec::new();
        for host in self.workers.hosts() {
            let own = format!("worker:{}:", host.uid.trim_start_matches("node:"));
            let workers = match self
                .workers
                .iter()
                .filter(|worker| worker.uid.starts_with(&own))
                .count()
            {
                0 => "no worker runs".to_owned(),
                1 => "1 worker".to_owned(),
                count => format!("{count} workers"),
            };
            let name = match &*host.name {
                "" => String::new(),
                name => format!(" on {name}"),
            };
            let (used, total) = (host.memory_used >> 20, host.memory_total >> 20);
            machine.push(format!("{}{name}: {workers}, {used} of {total} MB in use", host.uid));
            for gpu in &host.gpus {
                let (number, name, load) = (gpu.number, &gpu.name, gpu.load * 100.0);
                let (used, total) = (gpu.memory_used >> 20, gpu.memory_total >> 20);
                machine.push(format!(
                    "gpu:{number}: {name}, {load:.0} % busy, {used} of {total} MB in use"
                ));
            }
        }
        machine.join("\n")
    }

    fn headings(&self) -> Vec<&'static str> {
        let mut headings = vec![
            "WORKER", "PID", "DOES", "RUNNING", "WAITING", "TESSERAE", "CPU", "MEMORY",
        ];
        if !self.workers.gpus().is_empty() {
            headings.push("GPU MEMORY");
        }
        headings
    }

    fn row(&self, worker: &Worker) -> Vec<String> {
        let megabytes = |bytes: u64| format!("{} MB", bytes >> 20);
        let mut row = vec![
            worker.uid.clone(),
            worker.pid.to_string(),
            worker.activity.to_string(),
            worker.running.to_string(),
            worker.waiting.to_string(),
            worker.tesserae.to_string(),
            format!("{:.0} %", worker.cpu * 100.0),
            megabytes(worker.resident),
        ];
        if !self.workers.gpus().is_empty() {
            row.push(megabytes(worker.gpu_memory));
        }
        row
    }

    fn progress(&self) -> String {
        let Tasks {
            pending,
            queued,
            running,
            done,
            failed,
        } = self.tasks;
        format!("tasks: {pending} pending, {queued} queued, {running} running, {done} done, {failed} failed")
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine())?;
        let headings = self.headings();
        let mut rows: Vec<Vec<String>> = vec![headings.iter().map(|heading| (*heading).to_owned()).collect()];
        rows.extend(self.workers.iter().map(|worker| self.row(worker)));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        for row in rows.iter().filter(|_| !self.workers.is_empty()) {
            let cells: Vec<String> = (row.iter().zip(&widths))
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        writeln!(f, "{}", self.progress())?;
        write!(f, "{}", self.tesserae)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_abi::Activity;

    fn status(workers: Vec<Worker>) -> Status {
        Status {
            workers: Workers(mosaic_abi::Workers {
                hosts: vec![mosaic_abi::HostStatus {
                    uid: "node:0".to_owned(),
                    memory_total: 16 << 30,
                    memory_used: 4 << 30,
                    ..mosaic_abi::HostStatus::default()
                }],
                workers,
            }),
            tesserae: Tesserae(Vec::new()),
            tasks: Tasks {
                running: 1,
                done: 41,
                ..Tasks::default()
            },
        }
    }

    #[test]
    fn the_status_is_a_table() {
        let busy = Worker {
            uid: "worker:0:0".to_owned(),
            pid: 4711,
            activity: Activity::Busy,
            running: 1,
            waiting: 0,
            tesserae: 3,
            cpu: 0.96,
            resident: 25 << 20,
            proportional: 20 << 20,
            gpu_memory: 0,
        };
        let mut busy = status(vec![busy]);
        assert_eq!(
            busy.to_string(),
            "node:0: 1 worker, 4096 of 16384 MB in use\n\
             WORKER      PID   DOES  RUNNING  WAITING  TESSERAE  CPU   MEMORY\n\
             worker:0:0  4711  busy  1        0        3         96 %  25 MB\n\
             tasks: 0 pending, 0 queued, 1 running, 41 done, 0 failed\n\
             no tessera lives"
        );
        assert!(
            busy.html().contains("<td>worker:0:0</td><td>4711</td><td>busy</td>"),
            "{}",
            busy.html()
        );
        // Columns for GPUs are shown only if the machine has one.
        busy.workers.0.hosts[0].gpus.push(mosaic_abi::Gpu {
            number: 0,
            name: "Tesla <T4>".to_owned(),
            load: 0.35,
            memory_total: 16 << 30,
            memory_used: 3 << 30,
        });
        busy.workers.0.workers[0].gpu_memory = 2 << 30;
        assert!(
            busy.to_string().starts_with(
                "node:0: 1 worker, 4096 of 16384 MB in use\n\
                 gpu:0: Tesla <T4>, 35 % busy, 3072 of 16384 MB in use\n\
                 WORKER      PID   DOES  RUNNING  WAITING  TESSERAE  CPU   MEMORY  GPU MEMORY\n\
                 worker:0:0  4711  busy  1        0        3         96 %  25 MB   2048 MB\n"
            ),
            "{busy}"
        );
        assert!(
            busy.html().contains("<br>gpu:0: Tesla &lt;T4&gt;, 35 % busy"),
            "{}",
            busy.html()
        );
        assert!(busy.html().contains("<td>2048 MB</td>"), "{}", busy.html());
        assert!(status(Vec::new()).to_string().starts_with("node:0: no worker runs, "));
    }
}
