//! What an administrator sets in the environment.

use crate::{Gate, addresses};
use std::{
    env,
    ffi::OsStr,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

const PORTS: &str = "MOSAIC_PORTS";
const ADDRESS: &str = "MOSAIC_ADDRESS";

/// The ports and the address of this machine's gates, as `MOSAIC_PORTS` and `MOSAIC_ADDRESS` give them.
///
/// ```
/// use mosaic_net::Settings;
///
/// // Without the two variables: any free port, on all addresses.
/// let settings = Settings::default();
/// assert_eq!(settings.ports, None);
/// assert!(!settings.addresses()?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The ports on which a gate may listen: the first free one is taken. `None`: the system chooses a port.
    pub ports: Option<RangeInclusive<u16>>,
    /// The address on which a gate listens, and at which other hosts reach it. `None`: all addresses of this machine.
    pub address: Option<IpAddr>,
}

/// A variable of the environment has a value that makes no sense.
///
/// ```
/// use mosaic_net::SettingsError;
///
/// let error = SettingsError::Ports("7010-7000".to_owned());
/// assert!(error.to_string().contains("MOSAIC_PORTS"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// `MOSAIC_PORTS` is neither a port nor a range of ports.
    #[error("MOSAIC_PORTS is `{0}`: give a port between 1 and 65535, such as `7000`, or a range, such as `7000-7010`")]
    Ports(String),
    /// `MOSAIC_ADDRESS` is no IP address.
    #[error("MOSAIC_ADDRESS is `{0}`: give an IP address of this machine that other hosts reach, such as `10.0.0.5`")]
    Address(String),
}

impl From<SettingsError> for io::Error {
    fn from(error: SettingsError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

impl Settings {
    /// Reads the environment. An empty variable counts as none.
    ///
    /// ```
    /// use mosaic_net::Settings;
    ///
    /// let settings = Settings::from_environment()?;
    /// println!("{:?}", settings.ports);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A variable has a value that makes no sense.
    pub fn from_environment() -> Result<Settings, SettingsError> {
        Settings::of(env::var_os(PORTS).as_deref(), env::var_os(ADDRESS).as_deref())
    }

    fn of(ports: Option<&OsStr>, address: Option<&OsStr>) -> Result<Settings, SettingsError> {
        let text = |value: Option<&OsStr>| value.map(|it| it.to_string_lossy().trim().to_owned());
        let given = |value| text(value).filter(|it| !it.is_empty());
        let ports = given(ports).map(|it| parse_ports(&it).ok_or(SettingsError::Ports(it)));
        let address = given(address).map(|it| parse_address(&it).ok_or(SettingsError::Address(it)));
        Ok(Settings {
            ports: ports.transpose()?,
            address: address.transpose()?,
        })
    }

    /// Opens a gate with these settings.
    ///
    /// ```
    /// use mosaic_net::Settings;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let gate = Settings::default().listen()?;
    /// println!("{}", gate.local_port());
    /// # std::io::Result::Ok(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Gate::listen`].
    ///
    /// # Panics
    ///
    /// No tokio runtime runs.
    pub fn listen(&self) -> io::Result<Gate> {
        if let Some(address) = self.address {
            return Gate::listen(address, self.ports.clone());
        }
        match Gate::listen(Ipv6Addr::UNSPECIFIED.into(), self.ports.clone()) {
            // A machine without IPv6.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                Gate::listen(Ipv4Addr::UNSPECIFIED.into(), self.ports.clone())
            }
            result => result,
        }
    }

    /// Lists the addresses at which other hosts are to look for this machine's gates, the likeliest first: the one that
    /// is set, or else those of [`addresses`].
    ///
    /// ```
    /// use mosaic_net::Settings;
    ///
    /// let settings = Settings { address: Some("10.0.0.5".parse()?), ports: None };
    /// assert_eq!(settings.addresses()?, ["10.0.0.5".parse::<std::net::IpAddr>()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`addresses`].
    pub fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        self.address.map_or_else(addresses, |address| Ok(vec![address]))
    }
}

fn parse_ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse().ok().filter(|port| *port != 0);
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..=last)
}

fn parse_address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn ports_and_an_address_are_read() {
        for (ports, expected) in [
            ("7000", 7000..=7000),
            ("7000-7010", 7000..=7010),
            (" 7000 - 7010 ", 7000..=7010),
            ("1-65535", 1..=65535),
        ] {
            let settings = Settings::of(Some(ports.as_ref()), Some("fd00::5".as_ref())).unwrap();
            assert_eq!(settings.ports, Some(expected), "{ports}");
            assert_eq!(settings.address, Some("fd00::5".parse().unwrap()));
        }
        assert_eq!(Settings::of(None, None), Ok(Settings::default()));
        assert_eq!(
            Settings::of(Some("".as_ref()), Some(" ".as_ref())),
            Ok(Settings::default())
        );
    }

    #[test]
    fn values_without_sense_are_refused_with_an_example() {
        for ports in [
            "x",
            "0",
            "0-10",
            "7010-7000",
            "7000-",
            "-7000",
            "70000",
            "7000-7010-7020",
            "7000,7001",
            "+",
        ] {
            let error = Settings::of(Some(ports.as_ref()), None).unwrap_err();
            assert_eq!(error, SettingsError::Ports(ports.to_owned()));
            assert!(error.to_string().contains("`7000-7010`"), "{error}");
        }
        for address in [
            "alpha",
            "10.0.0",
            "10.0.0.5:7000",
            "[::1]",
            "0.0.0.0",
            "::",
            "224.0.0.1",
        ] {
            let error = Settings::of(None, Some(address.as_ref())).unwrap_err();
            assert_eq!(error, SettingsError::Address(address.to_owned()));
        }
        assert!(Settings::of(None, Some(OsStr::from_bytes(b"\xff"))).is_err());
    }
}
