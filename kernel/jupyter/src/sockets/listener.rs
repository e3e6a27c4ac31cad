//! Accepts clients at the address that they know, and bounds their number and the time of their handshakes.
//!
//! Nobody has to know the key to connect. So strangers may take up no more than a part of the kernel's descriptors, and
//! clients that say nothing make way for clients that do: if too many handshakes are under way, the oldest is given up.
//! The clients that are connected stay. When there are as many as the socket may have, the kernel refuses the next one,
//! and finds out which of them have lost their connections without a word.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use rustix::process::{Resource, getrlimit};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};

use super::{
    CutOff, HANDSHAKE_TIME,
    client::{self, Client, Reader},
    stream::{Acceptor, ReadHalf, WriteHalf},
    warnings::Warnings,
};
use crate::{channel::Closing, connection_file::Address, zmtp::SocketType};

/// How long to wait when no connection can be accepted. The usual cause is a lack of file descriptors, and the system
/// does not tell when there are some again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the kernel tries to find out whether a client has lost its connection.
pub(crate) const PROBE_TIME: Duration = Duration::from_secs(5);
/// The most clients that a socket has at a time, whatever the limit of descriptors.
const MOST_CLIENTS: usize = 256;
/// The most handshakes that are under way at a socket, whatever the limit of descriptors.
const MOST_HANDSHAKES: usize = 64;

/// What a socket does for its clients.
pub(crate) trait Service: Send + Sync + 'static {
    /// What a client holds while it is connected.
    type Registration: Send;

    /// Type of the socket.
    const SOCKET_TYPE: SocketType;

    /// Takes a client before its handshake ends, or refuses it.
    fn register(&self, client: Newcomer) -> impl Future<Output = Result<Self::Registration, CutOff>> + Send;

    /// Serves a client until it is gone or the connection closes.
    fn serve(
        &self,
        registration: Self::Registration,
        client: Client,
    ) -> impl Future<Output = Result<(), CutOff>> + Send;
}

/// A client that has introduced itself.
pub(crate) struct Newcomer {
    /// The name that it gives itself for replies. May be empty.
    pub(crate) identity: Vec<u8>,
    /// Notified to find out whether the client still has the connection.
    pub(crate) probe: Arc<Notify>,
}

/// A listener at the address that clients know.
pub(crate) struct Listener {
    acceptor: Acceptor,
}

/// What the tasks of a listener's clients share.
struct Shared<S> {
    service: S,
    warnings: Warnings,
    /// A permit for each client whose handshake is over.
    places: Arc<Semaphore>,
    /// How many places there are.
    clients: usize,
    /// Notified when there are no places left.
    probe_all: Arc<Notify>,
}

impl Listener {
    /// Binds the address. It is free as soon as an earlier kernel has ended.
    pub(crate) async fn bind(address: &Address) -> io::Result<Self> {
        Ok(Listener {
            acceptor: Acceptor::bind(address).await?,
        })
    }

    /// Serves clients until the connection closes.
    pub(crate) async fn serve<S: Service>(self, service: S, warnings: Warnings, mut closing: Closing) {
        let Places { clients, handshakes } = Places::of(getrlimit(Resource::Nofile).current);
        let shared = Arc::new(Shared {
            service,
            warnings,
            places: Arc::new(Semaphore::new(clients)),
            clients,
            probe_all: Arc::default(),
        });
        let mut handshakes = Handshakes::new(handshakes);
        loop {
            let accepted = tokio::select! {
                accepted = self.acceptor.accept() => accepted,
                () = closing.wait() => return,
            };
            match accepted {
                Ok((read, write)) => {
                    let displaced = handshakes.begin();
                    tokio::spawn(shared.clone().serve(read, write, displaced, closing.clone()));
                }
                Err(error) => {
                    shared.warnings.warn(format_args!("cannot accept a client: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl<S: Service> Shared<S> {
    async fn serve(
        self: Arc<Self>,
        read: ReadHalf,
        write: WriteHalf,
        displaced: oneshot::Receiver<()>,
        mut closing: Closing,
    ) {
        let connected = tokio::select! {
            connected = timeout(HANDSHAKE_TIME, self.connect(read, write)) => {
                connected.unwrap_or(Err(CutOff::SlowHandshake))
            }
            Ok(()) = displaced => Err(CutOff::Displaced),
            () = closing.wait() => Ok(None),
        };
        let result = match connected {
            Ok(Some((registration, reader, writer, place))) => {
                let closing = closing.clone();
                let result = self
                    .service
                    .serve(
                        registration,
                        Client {
                            reader,
                            writer,
                            closing,
                        },
                    )
                    .await;
                drop(place);
                result
            }
            Ok(None) => Ok(()),
            Err(cut_off) => Err(cut_off),
        };
        if let Err(cut_off) = result {
            self.warnings.warn(format_args!("a client was cut off: {cut_off}"));
        }
        // `Connection::close` waits until all of these are dropped.
        drop(closing);
    }

    /// Goes through the handshake. Returns `None` when the client is gone.
    async fn connect(&self, read: ReadHalf, mut writer: WriteHalf) -> Result<Option<Connected<S>>, CutOff> {
        let probe = Arc::<Notify>::default();
        let mut reader = Reader::new(read, probe.clone(), self.probe_all.clone());
        let introduced = client::introduce(&mut reader, &mut writer, S::SOCKET_TYPE).await?;
        let Some(identity) = introduced else {
            return Ok(None);
        };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            self.probe_all.notify_waiters();
            return Err(CutOff::Full(self.clients));
        };
        let registration = self.service.register(Newcomer { identity, probe }).await?;
        let is_there = client::accept(&mut writer, S::SOCKET_TYPE).await;
        Ok(is_there.then_some((registration, reader, writer, place)))
    }
}

type Connected<S> = (<S as Service>::Registration, Reader, WriteHalf, OwnedSemaphorePermit);

/// How many clients a socket may have. The five sockets together take up half of the descriptors at most.
#[derive(Debug, PartialEq, Eq)]
struct Places {
    clients: usize,
    handshakes: usize,
}

impl Places {
    /// Chooses the numbers for a limit of descriptors. `None` is no limit.
    fn of(descriptors: Option<u64>) -> Self {
        let descriptors = descriptors
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX);
        Places {
            clients: (descriptors / 16).clamp(4, MOST_CLIENTS),
            handshakes: (descriptors / 32).clamp(4, MOST_HANDSHAKES),
        }
    }
}

/// The handshakes that are under way, the oldest first.
struct Handshakes {
    most: usize,
    /// Each of these gives up a handshake. It is closed when the handshake is over.
    under_way: VecDeque<oneshot::Sender<()>>,
}

impl Handshakes {
    fn new(most: usize) -> Self {
        Handshakes {
            most,
            under_way: VecDeque::new(),
        }
    }

    /// Notes that a handshake begins. If there are too many, gives up the oldest one. Returns what gives up this one.
    fn begin(&mut self) -> oneshot::Receiver<()> {
        self.under_way.retain(|handshake| !handshake.is_closed());
        if self.under_way.len() >= self.most
            && let Some(oldest) = self.under_way.pop_front()
        {
            // An error means that it is over by now.
            let _ = oldest.send(());
        }
        let (give_up, given_up) = oneshot::channel();
        self.under_way.push_back(give_up);
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_take_up_a_part_of_the_descriptors() {
        for limit in [64, 256, 1024, 4096, 1 << 20] {
            let Places { clients, handshakes } = Places::of(Some(limit));
            assert!(clients >= 4 && handshakes >= 4, "{limit}");
            assert!(
                5 * (clients + handshakes) as u64 <= limit * 5 / 8,
                "{limit}: {clients} and {handshakes}"
            );
        }
        assert_eq!(Places::of(None), Places::of(Some(u64::MAX)));
        assert_eq!(Places::of(None).clients, MOST_CLIENTS);
    }

    #[test]
    fn the_oldest_handshake_makes_way() {
        let mut handshakes = Handshakes::new(2);
        let (mut first, second) = (handshakes.begin(), handshakes.begin());
        assert!(first.try_recv().is_err());
        let mut third = handshakes.begin();
        assert_eq!(first.try_recv(), Ok(()));
        drop(second);
        let _fourth = handshakes.begin();
        assert!(third.try_recv().is_err(), "the second was over");
        let _fifth = handshakes.begin();
        assert_eq!(third.try_recv(), Ok(()));
    }
}
