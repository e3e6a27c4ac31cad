//! Making this process a head.

use super::{
    current::{ensure_link, head, make},
    host_table::host_table,
    process::HeadOptions,
    state::HeadState,
};
use crate::{log, wire::Network};
use mosaic_abi::Host;
use std::{io, path::Path};

/// Makes this process a head and returns the table to give to guests. Later calls return the table of the first one.
///
/// If the monitor can be reached, this waits until it has said what runs: a runtime that an earlier head turned on is
/// on for this head too.
///
/// # Errors
///
/// The thread that talks to the monitor and the workers cannot be started.
///
/// # Examples
///
/// ```no_run
/// # unsafe extern "C" fn cell_event(_: mosaic_abi::CellEvent, _: mosaic_abi::Slice, _: mosaic_abi::Slice) {}
/// let options = mosaic_engine::HeadOptions {
///     monitor: "/run/user/1000/mosaic-x/monitor.sock".into(),
///     cell_event,
///     ask: |question| question.refuse("there is no front end"),
/// };
/// let host = mosaic_engine::install_head(options)?;
/// mosaic::__private::install_host(host);
/// # std::io::Result::Ok(())
/// ```
pub fn install_head(options: HeadOptions) -> io::Result<&'static Host> {
    log::start("HEAD");
    let table = host_table(options.cell_event);
    let network = Network::of_monitor(options.monitor.parent().unwrap_or(Path::new("/")));
    let head = make(options, table, None, network);
    ensure_link(head)?;
    Ok(head.host())
}

/// Says each failure so far that nobody has seen: the program ends.
pub(crate) fn say_unawaited() {
    head().change(HeadState::say_unawaited);
}

/// Makes this process, the worker `uid`, a head as well, so that its methods may use the runtime. The head connects to
/// nothing before one of them does.
pub(crate) fn install_worker_head(options: HeadOptions, uid: String, network: Network) -> &'static Host {
    let table = host_table(options.cell_event);
    make(options, table, Some(uid), network).host()
}
