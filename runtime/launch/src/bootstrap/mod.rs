//! The conversation with a shell on a host, which installs the executable in the host's cache and starts it.
//!
//! [`COMMAND`] is all that the launcher runs on the host. It reads the script `host.sh` from its standard input. The
//! script reports what the host is, and waits for an answer: to start the executable that it has, or to receive it
//! first. Then the executable takes the shell's place, and the standard input and output are the node's.

mod report;
mod script;

pub(crate) use script::{COMMAND, READ_SCRIPT};

use crate::{event::Events, executable::Executable, order::Order};
use report::{Report, Reports};
use std::{
    io::{self, BufRead, Read},
    sync::Arc,
};

/// What begins each line of the script, so that it is not mistaken for what a login prints.
pub(crate) const PREFIX: &str = "mosaic-node: ";
/// The line, behind [`PREFIX`], that ends a report. The script writes it to its standard error as well.
pub(crate) const END: &str = "end";

/// The longest line that is read, in bytes. A longer one is cut in pieces.
const LONGEST_LINE: u64 = 16 << 20;

/// A part of what goes to the standard input of a host's command.
#[derive(Debug)]
pub(crate) enum Input {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of the executable.
    Executable,
}

/// Installs and starts the executable of an order on hosts.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    pub(crate) executable: Arc<Executable>,
    order: Order,
}

impl Bootstrap {
    /// Prepares to start this order's executable.
    pub(crate) fn new(executable: Arc<Executable>, order: &Order) -> Bootstrap {
        Bootstrap {
            executable,
            order: order.clone(),
        }
    }

    /// Installs and starts the executable on a host. `output` is the standard output of [`COMMAND`] there, and `send`
    /// passes something to its standard input. `host` is the launcher's name for the host.
    ///
    /// # Errors
    ///
    /// The executable was not started. The text says why. It is `None` if the command has ended without a word.
    pub(crate) fn run(
        &self,
        host: &str,
        output: &mut impl BufRead,
        mut send: impl FnMut(Input),
        events: &Events,
    ) -> Result<(), Option<String>> {
        let facts = self.executable.facts()?;
        let script = script::script(&self.order, &facts.sha256, self.executable.size());
        let mut text = format!("{}\n", script.len()).into_bytes();
        text.extend(script);
        send(Input::Bytes(text));
        let Report {
            machine,
            directory,
            is_cached,
        } = Reports::new(&mut *output).next_report()?;
        machine.check(host, &facts.requirements)?;
        if directory.is_empty() {
            return Err(Some(format!(
                "host {host} has no place for the executable: neither the cache directory in the home directory nor \
                 /tmp can be written, belongs to the user alone, and allows executables"
            )));
        }
        if is_cached {
            send(Input::Bytes(b"run\n".to_vec()));
            return Ok(());
        }
        events.say(format!(
            "copying the program to host {host} ({} MB)",
            self.executable.size().div_ceil(1_000_000)
        ));
        send(Input::Bytes(b"send\n".to_vec()));
        send(Input::Executable);
        Reports::new(output)
            .wait_until_kept()
            .map_err(|reason| reason.map(|reason| format!("host {host}: {reason}")))
    }
}

/// Reads a line, without its end. `None` is the end of the output.
pub(crate) fn read_line(output: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if output.take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}
