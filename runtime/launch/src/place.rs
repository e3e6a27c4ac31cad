//! Where to launch: the text of `.on(…)` and of `MOSAIC_ON`.

use std::{fmt, str::FromStr};

/// Where to launch, and by which engine.
///
/// # Examples
///
/// ```
/// use mosaic_launch::Place;
///
/// let place: Place = "ssh:alpha,someone@beta".parse().unwrap();
/// assert_eq!(place.to_string(), "ssh:alpha,someone@beta");
/// assert!("rsh:alpha".parse::<Place>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The listed hosts, by ssh.
    Ssh {
        /// The hosts, as ssh takes them: a name of the user's configuration, a host, or `user@host`.
        hosts: Vec<String>,
    },
    /// The hosts of the Slurm allocation in which this process runs, or of a new allocation.
    Slurm {
        /// Options for `salloc`, quoted as in a shell.
        options: String,
    },
    /// The hosts of a Ray cluster.
    Ray {
        /// An address of the form `ray://HOST:PORT`. `None` means the cluster that this machine belongs to, or that
        /// `RAY_ADDRESS` names.
        address: Option<String>,
    },
}

/// Why a text does not name a [`Place`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot launch on `{text}`: {reason}; possible are `ssh:HOST,HOST`, `slurm`, `slurm:OPTIONS-OF-SALLOC`, `ray` and \
     `ray://HOST:PORT`"
)]
pub struct PlaceError {
    text: String,
    reason: String,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Place, PlaceError> {
        parse(text.trim()).map_err(|reason| PlaceError {
            text: text.to_owned(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Place, String> {
    match text.split_once(':') {
        None if text == "slurm" => Ok(Place::Slurm { options: String::new() }),
        None if text == "ray" => Ok(Place::Ray { address: None }),
        None if text == "ssh" => Err("no hosts are named".to_owned()),
        None if text.is_empty() => Err("the text is empty".to_owned()),
        Some(("ssh", hosts)) => ssh(hosts),
        Some(("slurm", options)) => slurm(options),
        Some(("ray", _)) => ray(text),
        _ => Err("there is no such launcher".to_owned()),
    }
}

fn ssh(list: &str) -> Result<Place, String> {
    let mut hosts = Vec::<String>::new();
    for host in list.split(',').map(str::trim) {
        check_host(host)?;
        if hosts.iter().any(|other| machine_of(other) == machine_of(host)) {
            return Err(format!("the host {} is named twice", machine_of(host)));
        }
        hosts.push(host.to_owned());
    }
    Ok(Place::Ssh { hosts })
}

/// Checks a host's name. ssh would take a name that begins with a hyphen as an option.
fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("the name of a host is empty".to_owned());
    }
    let is_possible = |part: &str| {
        let is_possible = |char: char| char.is_ascii_alphanumeric() || "._-:%[]".contains(char) || !char.is_ascii();
        !part.is_empty() && !part.starts_with('-') && part.chars().all(is_possible)
    };
    let parts_are_possible = match host.split_once('@') {
        Some((user, machine)) => is_possible(user) && is_possible(machine),
        None => is_possible(host),
    };
    if parts_are_possible {
        Ok(())
    } else {
        Err(format!("`{host}` is not the name of a host"))
    }
}

/// Returns the part of a host's name behind the user.
fn machine_of(host: &str) -> &str {
    host.split_once('@').map_or(host, |(_, machine)| machine)
}

fn slurm(options: &str) -> Result<Place, String> {
    if shlex::split(options).is_none() {
        return Err("a quote in the options is not closed".to_owned());
    }
    Ok(Place::Slurm {
        options: options.trim().to_owned(),
    })
}

fn ray(address: &str) -> Result<Place, String> {
    let Some(host_and_port) = address.strip_prefix("ray://") else {
        return Err("an address of Ray begins with `ray://`".to_owned());
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.contains(['/', ' ']) && is_port(port) => Ok(Place::Ray {
            address: Some(address.to_owned()),
        }),
        _ => Err("an address of Ray has a host and a port, such as `ray://head:10001`".to_owned()),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Ssh { hosts } => write!(formatter, "ssh:{}", hosts.join(",")),
            Place::Slurm { options } if options.is_empty() => formatter.write_str("slurm"),
            Place::Slurm { options } => write!(formatter, "slurm:{options}"),
            Place::Ray { address: None } => formatter.write_str("ray"),
            Place::Ray { address: Some(address) } => formatter.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_parsed_and_shown() {
        let ssh = |hosts: &[&str]| Place::Ssh {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let slurm = |options: &str| Place::Slurm {
            options: options.to_owned(),
        };
        let ray = |address: Option<&str>| Place::Ray {
            address: address.map(str::to_owned),
        };
        for (text, place, shown) in [
            ("ssh:alpha", ssh(&["alpha"]), "ssh:alpha"),
            ("ssh:alpha,beta", ssh(&["alpha", "beta"]), "ssh:alpha,beta"),
            (
                " ssh: alpha , me@beta ",
                ssh(&["alpha", "me@beta"]),
                "ssh:alpha,me@beta",
            ),
            (
                "ssh:fe80::1%eth0,10.0.0.1",
                ssh(&["fe80::1%eth0", "10.0.0.1"]),
                "ssh:fe80::1%eth0,10.0.0.1",
            ),
            ("slurm", slurm(""), "slurm"),
            ("slurm:", slurm(""), "slurm"),
            (
                "slurm:--time=1:00:00 -p 'a b'",
                slurm("--time=1:00:00 -p 'a b'"),
                "slurm:--time=1:00:00 -p 'a b'",
            ),
            ("ray", ray(None), "ray"),
            ("ray://head:10001", ray(Some("ray://head:10001")), "ray://head:10001"),
        ] {
            assert_eq!(text.parse(), Ok(place), "{text}");
            assert_eq!(text.parse::<Place>().unwrap().to_string(), shown);
            assert_eq!(shown.parse::<Place>(), text.parse(), "{text}");
        }
    }

    #[test]
    fn a_text_that_names_no_place_is_refused_with_the_possible_ones() {
        for (text, reason) in [
            ("", "the text is empty"),
            ("ssh", "no hosts are named"),
            ("ssh:", "the name of a host is empty"),
            ("ssh:alpha,", "the name of a host is empty"),
            ("ssh:alpha,beta,alpha", "the host alpha is named twice"),
            ("ssh:alpha,me@alpha", "the host alpha is named twice"),
            (
                "ssh:-oProxyCommand=reboot",
                "`-oProxyCommand=reboot` is not the name of a host",
            ),
            ("ssh:me@-x", "`me@-x` is not the name of a host"),
            ("ssh:al pha", "`al pha` is not the name of a host"),
            ("ssh:a;b", "`a;b` is not the name of a host"),
            ("slurm:--comment='x", "a quote in the options is not closed"),
            ("slurmy", "there is no such launcher"),
            ("ray:head:10001", "an address of Ray begins with `ray://`"),
            (
                "ray://head",
                "an address of Ray has a host and a port, such as `ray://head:10001`",
            ),
            (
                "ray://head:0",
                "an address of Ray has a host and a port, such as `ray://head:10001`",
            ),
            (
                "ray://:10001",
                "an address of Ray has a host and a port, such as `ray://head:10001`",
            ),
            ("alpha", "there is no such launcher"),
        ] {
            let error = text.parse::<Place>().unwrap_err();
            assert_eq!(error.reason, reason, "{text}");
            assert!(error.to_string().contains("possible are `ssh:HOST,HOST`"), "{error}");
        }
    }
}
