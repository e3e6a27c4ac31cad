//! Connections whose preface is not read yet. Each is read in a task of its own.

use crate::{RunSecret, Target, preface};
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpStream,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

/// What strangers may take of a gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How long a preface may take.
    pub(super) preface: Duration,
    /// How many strangers wait at once.
    pub(super) strangers: usize,
}

impl Limits {
    pub(super) const DEFAULT: Limits = Limits {
        preface: Duration::from_secs(5),
        strangers: 512,
    };
}

/// A connection with a right preface.
pub(super) struct Admitted {
    pub(super) stream: TcpStream,
    pub(super) target: Target,
}

/// The connections whose prefaces are being read. They are closed when this is dropped.
#[derive(Debug)]
pub(super) struct Strangers {
    limits: Limits,
    readers: JoinSet<Option<Admitted>>,
    /// The tasks of `readers`, and perhaps ended ones, from the oldest to the newest.
    oldest_first: VecDeque<AbortHandle>,
}

impl Strangers {
    pub(super) fn new(limits: Limits) -> Strangers {
        Strangers {
            limits,
            readers: JoinSet::new(),
            oldest_first: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Reads the preface of a stranger. If too many wait, the oldest one is closed: whoever knows the secret sends the
    /// preface at once, so silent strangers do not keep others out.
    pub(super) fn add(&mut self, stream: TcpStream, address: SocketAddr, secret: &RunSecret) {
        self.oldest_first.retain(|reader| !reader.is_finished());
        if self.oldest_first.len() >= self.limits.strangers {
            self.close_oldest();
        }
        let (secret, limit) = (secret.clone(), self.limits.preface);
        let reader = async move {
            let read = timeout(limit, read_preface(stream, &secret)).await;
            read.unwrap_or_else(|_| Err(format!("it sent no preface within {limit:?}")))
                .inspect_err(|reason| tracing::debug!(%address, reason, "closed a connection from a stranger"))
                .ok()
        };
        self.oldest_first.push_back(self.readers.spawn(reader));
    }

    /// Closes the connection that has been waiting longest.
    pub(super) fn close_oldest(&mut self) {
        if let Some(reader) = self.oldest_first.pop_front() {
            reader.abort();
        }
    }

    /// Waits for the next connection with a right preface. Never ends if there are no strangers.
    pub(super) async fn next_admitted(&mut self) -> Admitted {
        loop {
            match self.readers.join_next().await {
                Some(Ok(Some(admitted))) => return admitted,
                Some(Ok(None)) => {}
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => tracing::error!(%error, "reading a preface has failed"),
                None => std::future::pending().await,
            }
        }
    }
}

async fn read_preface(mut stream: TcpStream, secret: &RunSecret) -> Result<Admitted, String> {
    match preface::read(&mut stream, secret).await {
        Ok(target) => Ok(Admitted { stream, target }),
        Err(refusal) => Err(refusal.to_string()),
    }
}
