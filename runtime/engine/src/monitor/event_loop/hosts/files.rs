//! Files that are brought to this host, for its heads, and telling other hosts where a stored value lies.

use super::super::{EventLoop, event::Event};
use crate::{
    files::{Fetcher, NOWHERE},
    id::Id,
    wire::{FromMonitor, Host, Network, ToNode},
    worker::WantedFile,
};

impl EventLoop {
    /// Brings a file to this host, and then answers a request of one of its heads.
    pub(in super::super) fn obtain(&mut self, session: u64, request: u64, file: WantedFile) {
        let host = match &file {
            WantedFile::Code { host, .. } => Some(*host),
            WantedFile::Value { ware } => self.place_of_value(*ware),
        };
        let outcome = match host {
            Some(Host::Monitor) => Ok(()),
            None => Err(NOWHERE.to_owned()),
            Some(host) => {
                if self.hosts.waiting.add(&file, session, request) {
                    self.fetch(host, file);
                }
                return;
            }
        };
        self.connections
            .to_head(session, FromMonitor::Obtained { request, outcome });
    }

    fn fetch(&self, host: Host, file: WantedFile) {
        let network = Network::of_monitor(&self.options.run_dir);
        let (store_dirs, trimmer) = (self.store_dirs.clone(), self.hosts.trimmer.clone());
        let fetcher = Fetcher::new(network, store_dirs, self.launched_options.spill_above, trimmer);
        let (events, run) = (self.events.clone(), self.state.run);
        tokio::spawn(async move {
            let fetched = fetcher.fetch(host, file.clone()).await;
            let outcome = fetched.map_err(|error| error.to_string());
            let _ = events.send(Event::Fetched { run, file, outcome });
        });
    }

    /// Answers those who waited for a file.
    pub(in super::super) fn file_fetched(&mut self, file: &WantedFile, outcome: &Result<(), String>) {
        for (session, request) in self.hosts.waiting.end(file) {
            let outcome = outcome.clone();
            self.connections
                .to_head(session, FromMonitor::Obtained { request, outcome });
        }
    }

    /// Tells a node process where a stored value lies.
    pub(super) fn locate(&self, host: u32, ware: Id) {
        let place = self.place_of_value(ware);
        self.hosts.to_node(host, ToNode::Located { ware, host: place });
    }

    /// Returns the host on which a stored value lies.
    fn place_of_value(&self, ware: Id) -> Option<Host> {
        match self.state.warehouses.host_of(ware)? {
            None => Some(Host::Monitor),
            Some(number) => self.hosts.node(number).map(|node| node.host),
        }
    }
}
