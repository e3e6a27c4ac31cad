//! Launching the node processes of other hosts, and what the launcher says.

use super::{
    super::{EventLoop, START, event::Event},
    Hosts, LaunchedHost,
    environment::travelling,
    node_connection::serve_node,
    node_messages::LOOK,
};
use crate::{
    gate::{self, Behind},
    monitor::state::{Lifecycle, Replacements},
    sweeper::Sweeper,
    wire::{NodeGreeting, NodeOrder, ToNode, credentials_in},
    worker_uid,
};
use mosaic_abi::StartOptions;
use mosaic_launch::{LaunchEvent, Order, Place, launch};
use mosaic_net::{Credentials, HostKey, RunSecret, Settings};
use std::{env, fs, net::SocketAddr, sync::Arc};

/// What is missing until the launcher says how many hosts there are.
const LAUNCHER: &str = "the launcher";

impl EventLoop {
    /// Begins to launch node processes where the options say.
    ///
    /// # Errors
    ///
    /// The text says what makes no sense in the options, or what this machine lacks.
    pub(in super::super) fn launch(&mut self, head: u64, on: &str, options: &StartOptions) -> Result<(), String> {
        let place: Place = on.parse().map_err(|error| format!("{error}"))?;
        self.hosts = self.open_gate()?;
        let mut order = Order::new(&self.options.worker.program);
        order.arguments.clone_from(&self.options.worker.args);
        order.environment = travelling(env::vars_os());
        order.hosts = options.hosts;
        order.cpus = (options.num_workers > 0).then_some(options.num_workers);
        let (events, run) = (self.events.clone(), self.state.run);
        let report = move |event| {
            let _ = events.send(Event::Launched { run, event });
        };
        let launch = launch(place, order, report).map_err(|error| error.to_string())?;
        self.hosts.launch = Some(Arc::new(launch));
        self.state.lifecycle = Lifecycle::Starting {
            waiting: vec![head],
            missing: [LAUNCHER.to_owned()].into(),
        };
        self.state.replacements = Replacements::new(options.replace_lost_workers);
        self.launched_options = options.clone();
        self.after(LOOK, Event::LookForHosts { run: self.state.run });
        Ok(())
    }

    /// Makes the credentials of this run, and begins to accept connections from other hosts.
    fn open_gate(&self) -> Result<Hosts, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("this machine cannot be reached by other hosts: {error}");
        let settings = Settings::from_environment().map_err(|error| wrong(&error))?;
        let directory = credentials_in(&self.options.run_dir);
        let _ = fs::remove_dir_all(&directory);
        let credentials = || -> std::io::Result<Credentials> {
            let (key, secret) = (HostKey::generate()?, RunSecret::generate()?);
            Credentials::create(&directory, &key, &secret, [key.fingerprint()])
        };
        let credentials = credentials().map_err(|error| wrong(&error))?;
        let gate = settings.listen().map_err(|error| wrong(&error))?;
        let port = gate.local_port();
        let addresses = settings.addresses().map_err(|error| wrong(&error))?;
        let behind = Behind {
            credentials: credentials.clone(),
            run_dir: self.options.run_dir.clone(),
            store_dirs: self.store_dirs.clone(),
        };
        let (of_nodes, events, run) = (credentials.clone(), self.events.clone(), self.state.run);
        let accepting = tokio::spawn(gate::accept(gate, behind, move |stream| {
            serve_node(of_nodes.clone(), stream, events.clone(), run)
        }));
        let sweeper = (!self.options.is_guarded)
            .then(|| Sweeper::of_run(&self.options.run_dir, &self.store_dirs))
            .transpose();
        Ok(Hosts {
            _sweeper: sweeper.map_err(|error| format!("`/bin/sh` cannot be started: {error}"))?,
            credentials: Some(credentials),
            addresses: addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, port))
                .collect(),
            gate: Some(accepting.abort_handle()),
            ..Hosts::default()
        })
    }

    /// Deals with what the launcher of the present run says.
    pub(in super::super) fn launcher_says(&mut self, event: LaunchEvent) {
        match event {
            LaunchEvent::Planned { hosts } => {
                let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
                self.state.lifecycle.expect(LAUNCHER, (0..hosts).map(worker_uid::node));
            }
            LaunchEvent::Started { host, .. } if self.hosts.hosts.get(&host).is_some_and(|host| host.is_gone) => {
                // It comes after it was given up.
                if let Some(launch) = &self.hosts.launch {
                    launch.end_host(host);
                }
            }
            LaunchEvent::Started { host, name } => {
                self.hosts.hosts.entry(host).or_default().name = name;
                let run = self.state.run;
                self.after(START, Event::HostTimedOut { run, host });
            }
            LaunchEvent::Line { host, line } => self.node_greets(host, &line),
            LaunchEvent::Ended { host, reason } => self.launch_ended(host, &reason),
            LaunchEvent::Refused { host, name, reason } => {
                self.hosts.hosts.entry(host).or_default().name = name;
                self.launch_failed(host, &reason);
            }
            LaunchEvent::Says { text } => self.notice(text),
            LaunchEvent::Gone { reason } => match self.state.lifecycle {
                Lifecycle::Starting { .. } => self.stop(None, &reason),
                Lifecycle::Stopping { .. } | Lifecycle::Off => {}
                Lifecycle::On => {
                    self.notice(reason);
                    self.no_more_hosts();
                }
            },
        }
    }

    /// Gives a node process that has started what it needs to connect.
    fn node_greets(&mut self, host: u32, line: &str) {
        let Ok(NodeGreeting { fingerprint }) = serde_json::from_str(line) else {
            return self.notice(format!("{} says: {line}", self.hosts.name(host)));
        };
        let Some(credentials) = &self.hosts.credentials else {
            return;
        };
        if self.hosts.hosts.get(&host).is_some_and(|host| host.is_gone) {
            return;
        }
        let order = NodeOrder {
            host,
            secret: credentials.secret().clone(),
            monitor: credentials.fingerprint(),
            addresses: self.hosts.addresses.clone(),
        };
        if let Err(error) = credentials.add_member(fingerprint) {
            return self.launch_failed(host, &format!("its key cannot be kept: {error}"));
        }
        self.hosts.to_nodes(&ToNode::Member(fingerprint));
        self.hosts.hosts.entry(host).or_default().fingerprint = Some(fingerprint);
        // Numbers and texts can always be encoded.
        let line = serde_json::to_string(&order).unwrap_or_default();
        if let Some(launch) = &self.hosts.launch
            && let Err(error) = launch.send(host, &line)
        {
            self.launch_failed(host, &error.to_string());
        }
    }

    /// Deals with the launcher's word that a node process has ended. If it was connected, the end of its connection
    /// says so, too, and counts.
    fn launch_ended(&mut self, host: u32, reason: &str) {
        if self.hosts.node(host).is_none() {
            self.launch_failed(host, reason);
        }
    }

    /// Gives up a host on which no node process came to be.
    fn launch_failed(&mut self, host: u32, reason: &str) {
        let launched = self.hosts.hosts.entry(host).or_default();
        if std::mem::replace(&mut launched.is_gone, true) {
            return;
        }
        let text = format!("{} cannot be used: {reason}", self.hosts.name(host));
        if self.state.lifecycle.is_missing(&worker_uid::node(host)) {
            return self.stop(None, &text);
        }
        if self.state.lifecycle == Lifecycle::On {
            self.notice(text);
            self.no_replacing_host(host);
        }
    }

    /// Gives up a node process that has not connected in time.
    pub(in super::super) fn host_timed_out(&mut self, host: u32) {
        if self.hosts.node(host).is_none() && self.hosts.hosts.get(&host).is_some_and(|host| !host.is_gone) {
            let addresses: Vec<String> = self.hosts.addresses.iter().map(ToString::to_string).collect();
            let reason = format!(
                "its node process has not connected after {START:?}; it tries {}: see that a firewall lets it, or set \
                 MOSAIC_ADDRESS and MOSAIC_PORTS",
                addresses.join(" and ")
            );
            if let Some(launch) = &self.hosts.launch {
                launch.end_host(host);
            }
            self.launch_failed(host, &reason);
        }
    }
}

impl LaunchedHost {
    /// Returns whether the host may still be used.
    pub(super) fn is_usable(&self) -> bool {
        self.node.is_some() && !self.is_gone
    }
}
