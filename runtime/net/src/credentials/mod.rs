//! What the processes of one host need to talk to other hosts: the host's key, the run's secret, the list of members.

mod member_list;
mod private_files;

pub(crate) use member_list::MemberList;

use crate::{Fingerprint, HostKey, RunSecret, io_error::with_context, tls};
use std::{collections::BTreeSet, fmt, fs, io, path::Path, sync::Arc};
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

const CERTIFICATE: &str = "host-certificate.der";
const PRIVATE_KEY: &str = "host-key.der";
const SECRET: &str = "run-secret";

/// The key of this host, the secret of the run, and the list of the run's members, in a directory.
///
/// One process of the host calls [`create`](Self::create), the others call [`load`](Self::load). The list of members is
/// read from the directory at each handshake. So all of them know a new member, and refuse a removed one, at once and
/// without a message. A clone is cheap.
///
/// ```
/// use mosaic_net::{Credentials, HostKey, RunSecret};
///
/// let directory = tempfile::tempdir()?;
/// let (key, other) = (HostKey::generate()?, HostKey::generate()?);
/// let created = Credentials::create(&directory.path().join("net"), &key, &RunSecret::generate()?, [])?;
/// let loaded = Credentials::load(&directory.path().join("net"))?;
/// created.add_member(other.fingerprint())?;
/// assert!(loaded.members()?.contains(&other.fingerprint()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    key: HostKey,
    secret: RunSecret,
    members: MemberList,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Credentials {
    /// Writes credentials to a directory, which is made if it does not exist. Only this user can read the files.
    ///
    /// If the host's own fingerprint is not among the members, an address that leads back to this host is refused.
    ///
    /// ```
    /// use mosaic_net::{Credentials, HostKey, RunSecret};
    ///
    /// let parent = tempfile::tempdir()?;
    /// let [key, other] = [HostKey::generate()?, HostKey::generate()?];
    /// let members = [other.fingerprint()];
    /// Credentials::create(&parent.path().join("net"), &key, &RunSecret::generate()?, members)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The directory belongs to another user, other users may enter it, or the files cannot be written.
    pub fn create(
        directory: &Path,
        key: &HostKey,
        secret: &RunSecret,
        members: impl IntoIterator<Item = Fingerprint>,
    ) -> io::Result<Credentials> {
        private_files::create_directory(directory)?;
        private_files::write(&directory.join(CERTIFICATE), key.certificate_der())?;
        private_files::write(&directory.join(PRIVATE_KEY), key.private_key_der())?;
        private_files::write(&directory.join(SECRET), secret.to_hex().as_bytes())?;
        let list = MemberList::create(directory, &members.into_iter().collect())?;
        Credentials::new(key.clone(), secret.clone(), list)
    }

    /// Reads the credentials that another process of this host has created.
    ///
    /// ```
    /// use mosaic_net::Credentials;
    ///
    /// let directory = tempfile::tempdir()?;
    /// assert!(Credentials::load(&directory.path().join("net")).is_err(), "there are none yet");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The directory belongs to another user, other users may enter it, or a file is missing or damaged.
    pub fn load(directory: &Path) -> io::Result<Credentials> {
        private_files::check_directory(directory)?;
        let read = |name: &str| {
            let path = directory.join(name);
            fs::read(&path).map_err(|error| with_context(&error, format_args!("could not read {}", path.display())))
        };
        let key = HostKey::from_der(&read(CERTIFICATE)?, &read(PRIVATE_KEY)?)?;
        let secret = String::from_utf8_lossy(&read(SECRET)?).parse().map_err(|error| {
            let text = format!("{} is damaged: {error}", directory.join(SECRET).display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        let list = MemberList::open(directory);
        list.read()?;
        Credentials::new(key, secret, list)
    }

    fn new(key: HostKey, secret: RunSecret, members: MemberList) -> io::Result<Credentials> {
        let client = tls::client(&key, members.clone())?;
        let server = tls::server(&key, members.clone())?;
        Ok(Credentials(Arc::new(Inner {
            key,
            secret,
            members,
            client,
            server,
        })))
    }

    /// Returns the fingerprint of this host's key.
    ///
    /// ```
    /// # use mosaic_net::{Credentials, HostKey, RunSecret};
    /// # let directory = tempfile::tempdir()?;
    /// let key = HostKey::generate()?;
    /// let credentials = Credentials::create(&directory.path().join("net"), &key, &RunSecret::generate()?, [])?;
    /// assert_eq!(credentials.fingerprint(), key.fingerprint());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.key.fingerprint()
    }

    /// Returns the secret of the run, which [`Gate::accept`](crate::Gate::accept) wants.
    ///
    /// ```
    /// # use mosaic_net::{Credentials, HostKey, RunSecret};
    /// # let directory = tempfile::tempdir()?;
    /// let secret = RunSecret::generate()?;
    /// let credentials = Credentials::create(&directory.path().join("net"), &HostKey::generate()?, &secret, [])?;
    /// assert_eq!(*credentials.secret(), secret);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn secret(&self) -> &RunSecret {
        &self.0.secret
    }

    /// Reads the list of members.
    ///
    /// ```
    /// # use mosaic_net::{Credentials, HostKey, RunSecret};
    /// # let directory = tempfile::tempdir()?;
    /// let key = HostKey::generate()?;
    /// let credentials =
    ///     Credentials::create(&directory.path().join("net"), &key, &RunSecret::generate()?, [key.fingerprint()])?;
    /// assert_eq!(credentials.members()?.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is damaged.
    pub fn members(&self) -> io::Result<BTreeSet<Fingerprint>> {
        self.0.members.read()
    }

    /// Adds a member to the list, for all processes of this host.
    ///
    /// ```
    /// # use mosaic_net::{Credentials, HostKey, RunSecret};
    /// # let directory = tempfile::tempdir()?;
    /// # let key = HostKey::generate()?;
    /// # let credentials = Credentials::create(&directory.path().join("net"), &key, &RunSecret::generate()?, [])?;
    /// let joins = HostKey::generate()?.fingerprint();
    /// credentials.add_member(joins)?;
    /// assert!(credentials.members()?.contains(&joins));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn add_member(&self, member: Fingerprint) -> io::Result<()> {
        self.0.members.change(|members| members.insert(member))
    }

    /// Removes a member from the list, for all processes of this host. Connections that stand are not closed.
    ///
    /// ```
    /// # use mosaic_net::{Credentials, HostKey, RunSecret};
    /// # let directory = tempfile::tempdir()?;
    /// # let key = HostKey::generate()?;
    /// # let credentials = Credentials::create(&directory.path().join("net"), &key, &RunSecret::generate()?, [])?;
    /// let leaves = HostKey::generate()?.fingerprint();
    /// credentials.add_member(leaves)?;
    /// credentials.remove_member(leaves)?;
    /// assert!(credentials.members()?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn remove_member(&self, member: Fingerprint) -> io::Result<()> {
        self.0.members.change(|members| members.remove(&member))
    }

    /// Returns the configuration of the end that connects.
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.client)
    }

    /// Returns the configuration of the end that accepts.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.server)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.0.key).finish()
    }
}

#[cfg(test)]
mod tests;
