//! Files of other hosts, which are brought here for the workers.

use super::event_loop::{Event, EventLoop};
use crate::{
    files::NOWHERE,
    id::Id,
    wire::{FromMonitor, FromNode, Host},
    worker::WantedFile,
};
use tokio::task::spawn_local;

impl EventLoop {
    /// Brings a file to this host, and then answers a request of one of its processes.
    pub(super) fn obtain(&mut self, session: u64, request: u64, file: WantedFile) {
        if !self.waiting.add(&file, session, request) {
            return;
        }
        match file {
            WantedFile::Code { host, .. } => self.fetch(host, file),
            WantedFile::Value { ware } => self.monitor.send(FromNode::Locate { ware }),
        }
    }

    /// Fetches a stored value, now that it is known where it lies.
    pub(super) fn value_located(&mut self, ware: Id, host: Option<Host>) {
        let file = WantedFile::Value { ware };
        match host {
            Some(host) if host.is_same(self.network.own) => self.file_fetched(&file, &Ok(())),
            Some(host) => self.fetch(host, file),
            None => self.file_fetched(&file, &Err(NOWHERE.to_owned())),
        }
    }

    fn fetch(&self, host: Host, file: WantedFile) {
        let (fetcher, events) = (self.fetcher.clone(), self.events.clone());
        spawn_local(async move {
            let fetched = fetcher.fetch(host, file.clone()).await;
            let outcome = fetched.map_err(|error| error.to_string());
            let _ = events.send(Event::Fetched { file, outcome });
        });
    }

    /// Answers those who waited for a file.
    pub(super) fn file_fetched(&mut self, file: &WantedFile, outcome: &Result<(), String>) {
        for (session, request) in self.waiting.end(file) {
            let outcome = outcome.clone();
            self.to_peer(session, FromMonitor::Obtained { request, outcome });
        }
    }
}
