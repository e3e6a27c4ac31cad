//! Connections between the hosts of one run: TCP, encrypted and authenticated in both directions.
//!
//! Each host has a [`HostKey`] and one TCP port, its [`Gate`]. Hosts know each other by the [`Fingerprint`] of their keys.
//! All processes of a host share its [`Credentials`], a directory.
//!
//! ```text
//! process of host A                              host B
//! connect ──── TCP ────▶ gate (reads the preface, answers nothing)
//!    │                     └─ passes the descriptor over the target's Unix socket ─▶ target process
//!    └──────────────────────────────── TLS, directly ──────────────────────────────▶ accept
//! ```
//!
//! # What protects what
//!
//! - The preface has a code made with the [`RunSecret`]. Who does not know the secret learns nothing from a gate, not even
//!   that mosaic runs there. Whoever can read the wire can send a preface again, or may know the secret, because launchers
//!   may carry it unencrypted. That opens the gate and nothing else.
//! - TLS 1.3 protects the data. Both ends show a certificate, which the other end accepts only if its fingerprint is on the
//!   list of members. Private keys never leave their host.
//!
//! # Example
//!
//! Two hosts, both on this machine:
//!
//! ```
//! use mosaic_net::{Credentials, Gate, HostKey, RunSecret, accept, connect};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (directory_a, directory_b) = (tempfile::tempdir()?, tempfile::tempdir()?);
//! let (key_a, key_b) = (HostKey::generate()?, HostKey::generate()?);
//! let members = [key_a.fingerprint(), key_b.fingerprint()];
//! let secret = RunSecret::generate()?;
//! let host_a = Credentials::create(&directory_a.path().join("net"), &key_a, &secret, members)?;
//! let host_b = Credentials::create(&directory_b.path().join("net"), &key_b, &secret, members)?;
//!
//! let mut gate = Gate::listen("127.0.0.1".parse().unwrap(), None)?;
//! let address = ([127, 0, 0, 1], gate.local_port()).into();
//! let serve = async {
//!     let (stream, target) = gate.accept(host_b.secret()).await?;
//!     assert_eq!(target.as_str(), "node");
//!     let mut stream = accept(&host_b, stream).await?;
//!     stream.write_all(b"welcome").await?;
//!     stream.flush().await
//! };
//! let ask = async {
//!     let mut stream = connect(&host_a, address, "node").await?;
//!     let mut answer = [0; 7];
//!     stream.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"welcome");
//!     Ok(())
//! };
//! tokio::try_join!(serve, ask)?;
//! # std::io::Result::Ok(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Map
//!
//! - `gate`: the port of a host. `gate::strangers` reads the prefaces of all who have just connected.
//! - `preface`: the bytes before TLS.
//! - `connection`: [`connect`] and [`accept`]. `tls` is how rustls is set, `socket_options` how TCP is.
//! - `credentials`: the directory with the key, the secret and the list of members.
//! - `host_key`, `fingerprint`, `run_secret`, `hex`: keys and their text.
//! - `settings`, `addresses`: what the administrator says, and what the machine has.
//!
//! # Invariants
//!
//! - Only this crate opens TCP connections of the runtime, and only this crate knows TLS.
//! - A gate sends no byte. The first byte from an accepting host comes after a right preface.
//! - No byte of a message goes to a host that is not on the list of members at that time.

mod addresses;
mod connection;
mod credentials;
mod fingerprint;
mod gate;
mod hex;
mod host_key;
mod io_error;
mod preface;
mod run_secret;
mod settings;
mod socket_options;
mod tls;

pub use addresses::addresses;
pub use connection::{TlsStream, accept, connect, connect_to_member, move_to_this_runtime};
pub use credentials::Credentials;
pub use fingerprint::Fingerprint;
pub use gate::Gate;
pub use hex::HexError;
pub use host_key::HostKey;
pub use preface::Target;
pub use run_secret::RunSecret;
pub use settings::{Settings, SettingsError};
