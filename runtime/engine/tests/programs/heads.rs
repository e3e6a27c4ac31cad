//! Heads that are processes of their own, so that they can die while the monitor and the workers live on.

use crate::world::{scratch, sockets};
use mosaic_abi::{CellEvent, Slice};
use std::{
    env, fs,
    future::Future,
    os::unix::process::ExitStatusExt,
    path::Path,
    pin::Pin,
    process::{Command, ExitCode},
};

/// What a head does, with a name by which the process is told to do it.
pub(crate) type Role = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

const ROLE: &str = "MOSAIC_TEST_ROLE";
const MONITOR: &str = "MOSAIC_TEST_MONITOR";

/// Starts a head process that plays a role, and waits for its end. Returns its exit code, or the signal that ended it.
pub(crate) fn head(role: &str) -> (Option<i32>, Option<i32>) {
    let monitor = sockets()
        .into_iter()
        .find(|path| path.ends_with("monitor.sock"))
        .unwrap();
    head_of(&monitor, role)
}

/// Starts a head process of this monitor, as [`head`] does.
pub(crate) fn head_of(monitor: &Path, role: &str) -> (Option<i32>, Option<i32>) {
    let mut head = Command::new(env::current_exe().unwrap())
        .env(ROLE, role)
        .env(MONITOR, monitor)
        .spawn()
        .unwrap();
    let status = head.wait().unwrap();
    (status.code(), status.signal())
}

pub(crate) const KILLED: (Option<i32>, Option<i32>) = (None, Some(9));
pub(crate) const ABORTED: (Option<i32>, Option<i32>) = (None, Some(6));
pub(crate) const WELL: (Option<i32>, Option<i32>) = (Some(0), None);

/// Plays the role of this process, if it is a head process.
pub(crate) fn play(roles: Vec<Role>) -> Option<ExitCode> {
    unsafe extern "C" fn cell_event(_: CellEvent, _: Slice, _: Slice) {}

    let role = env::var(ROLE).ok()?;
    let monitor = env::var_os(MONITOR)?.into();
    let (_, play) = roles.into_iter().find(|(name, _)| *name == role)?;
    let options = mosaic_engine::HeadOptions {
        monitor,
        cell_event,
        ask: drop,
    };
    let host = mosaic_engine::install_head(options).unwrap();
    mosaic::__private::install_host(host);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(play());
    Some(ExitCode::SUCCESS)
}

pub(crate) async fn die() {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    std::future::pending().await
}

pub(crate) fn note(name: &str, text: &str) {
    fs::write(scratch(name), text).unwrap();
}

pub(crate) fn noted(name: &str) -> String {
    fs::read_to_string(scratch(name)).unwrap()
}
