//! The lines of JSON between the sidecar and this process. The sidecar's program documents them, too.

use crate::order::{NODE_VARIABLE, Order};
use serde::{Deserialize, Serialize};
use std::{ffi::OsStr, fmt::Write, os::unix::ffi::OsStrExt, time::Duration};

/// What the sidecar is asked for.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Operation<'a> {
    Start(Start<'a>),
    Run { host: u32 },
    Send { host: u32, line: &'a str },
    Replace { host: u32, old: u32 },
    End { host: u32 },
}

/// The order for the sidecar. What may be any bytes is hexadecimal.
#[derive(Debug, Serialize)]
pub(super) struct Start<'a> {
    address: &'a str,
    hosts: Option<usize>,
    cpus: usize,
    executable: String,
    sha256: &'a str,
    size: u64,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// In seconds.
    grace: f64,
}

impl<'a> Start<'a> {
    pub(super) fn new(
        address: Option<&'a str>,
        order: &Order,
        sha256: &'a str,
        size: u64,
        grace: Duration,
    ) -> Start<'a> {
        let node = (OsStr::new(NODE_VARIABLE), OsStr::new("1"));
        let environment = order
            .environment
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        Start {
            address: address.unwrap_or("auto"),
            hosts: order.hosts,
            cpus: order.cpus.unwrap_or(1),
            executable: hexadecimal(order.executable.as_os_str()),
            sha256,
            size,
            arguments: order.arguments.iter().map(|it| hexadecimal(it)).collect(),
            environment: environment
                .chain([node])
                .map(|(name, value)| (hexadecimal(name), hexadecimal(value)))
                .collect(),
            grace: grace.as_secs_f64(),
        }
    }
}

impl Operation<'_> {
    /// Returns the operation as a line.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("an operation is JSON");
        line.push(b'\n');
        line
    }
}

fn hexadecimal(text: &OsStr) -> String {
    text.as_bytes().iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a String takes all text");
        digits
    })
}

/// What the sidecar reports.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Report {
    Planned {
        hosts: u32,
    },
    Host {
        host: u32,
        name: String,
        machine: String,
        glibc: String,
        flags: String,
    },
    Started {
        host: u32,
    },
    Line {
        host: u32,
        line: String,
    },
    Ended {
        host: u32,
        reason: String,
    },
    Refused {
        host: u32,
        reason: String,
    },
    Says {
        text: String,
    },
    Gone {
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_line_with_bytes_in_hexadecimal() {
        let mut order = Order::new("/p");
        order.arguments = vec![OsStr::from_bytes(b"\xff\n").to_owned()];
        order.environment = vec![("A".into(), "b".into())];
        let start = Start::new(None, &order, "12ab", 7, Duration::from_secs(5));
        let line = String::from_utf8(Operation::Start(start).to_line()).unwrap();
        let expected = concat!(
            r#"{"op":"start","address":"auto","hosts":null,"cpus":1,"executable":"2f70","sha256":"12ab","size":7,"#,
            r#""arguments":["ff0a"],"environment":[["41","62"],["4d4f534149435f4e4f4445","31"]],"grace":5.0}"#,
            "\n"
        );
        assert_eq!(line, expected);
        let send = Operation::Send {
            host: 1,
            line: "a \"line\"",
        };
        assert_eq!(
            send.to_line(),
            b"{\"op\":\"send\",\"host\":1,\"line\":\"a \\\"line\\\"\"}\n"
        );
    }

    #[test]
    fn a_report_is_read() {
        let line = r#"{"event": "host", "host": 2, "name": "h", "machine": "x86_64", "glibc": "", "flags": "a b"}"#;
        let report = serde_json::from_str(line).unwrap();
        assert!(matches!(report, Report::Host { host: 2, flags, .. } if flags == "a b"));
    }
}
