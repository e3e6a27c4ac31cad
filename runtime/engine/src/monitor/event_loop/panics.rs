//! Panics of the loop: each costs the request that it happened in.

use super::{EventLoop, event::Event};
use crate::{
    id::Id,
    monitor::state::Lifecycle,
    panics::caught,
    wire::{FromMonitor, FromWarehouse, ToMonitor, ToWarehouse},
};
use mosaic_abi::Failure;

/// What the sender of a message waits for.
#[derive(Clone, Copy)]
enum Request {
    Start,
    Stop,
    Place(Id),
    Find(Id),
    Sync(u64),
    Query(u64),
    Ask(u64),
    Store(Id),
    FindStored(Id),
}

impl Request {
    /// Returns what an event is to answer, with the session of whoever waits.
    fn of(event: &Event) -> Option<(u64, Request)> {
        let Event::Message { session, frame } = event else {
            return None;
        };
        let request = match &frame.message {
            ToMonitor::Start { .. } => Request::Start,
            ToMonitor::Stop => Request::Stop,
            ToMonitor::Place { tessera, .. } => Request::Place(*tessera),
            ToMonitor::Find { tessera } => Request::Find(*tessera),
            ToMonitor::Sync { request } => Request::Sync(*request),
            ToMonitor::Query { request, .. } => Request::Query(*request),
            ToMonitor::Ask { question } => Request::Ask(*question),
            ToMonitor::Warehouse(ToWarehouse::Store { ware, .. }) => Request::Store(*ware),
            ToMonitor::Warehouse(ToWarehouse::Find { ware, .. }) => Request::FindStored(*ware),
            _ => return None,
        };
        Some((*session, request))
    }
}

impl EventLoop {
    /// Handles one event. If that panics, whoever waits for an answer is told.
    pub(super) fn handle_or_refuse(&mut self, event: Event) {
        let request = Request::of(&event);
        let Err(failure) = caught("monitor", || self.handle_event(event)) else {
            return;
        };
        if let Some((session, request)) = request {
            // A second panic has been printed, too, and nothing more can be done for this request.
            let _ = caught("monitor", || self.refuse(session, request, failure));
        }
    }

    /// Tells whoever waits that a request failed.
    fn refuse(&mut self, session: u64, request: Request, failure: Failure) {
        let message = match request {
            Request::Start if matches!(self.state.lifecycle, Lifecycle::Starting { .. }) => {
                return self.stop(None, &failure.message);
            }
            Request::Stop => return self.stop(Some(session), &failure.message),
            Request::Query(request) => return self.reply::<()>(session, request, Err(failure)),
            Request::Ask(question) => {
                if let Some(uid) = self.connections.worker_of(session).map(str::to_owned) {
                    self.question_answered(session, &uid, question, Err(failure.message));
                }
                return;
            }
            Request::Start => FromMonitor::Started {
                running: Err(failure.message),
            },
            Request::Place(tessera) => FromMonitor::Placed {
                tessera,
                place: Err(failure),
            },
            Request::Find(tessera) => FromMonitor::Found { tessera, lost: None },
            Request::Sync(request) => FromMonitor::Synced { request },
            Request::Store(ware) => FromMonitor::Warehouse(FromWarehouse::Granted {
                ware,
                outcome: Err(failure.message),
            }),
            Request::FindStored(ware) => FromMonitor::Warehouse(FromWarehouse::Found {
                ware,
                outcome: Err(failure.message),
            }),
        };
        self.connections.to_head(session, message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Monitor, MonitorEvent, MonitorOptions, WorkerCommand};
    use crate::{
        id::Id,
        wire::{self, FromMonitor, Peer, ToMonitor},
    };
    use mosaic_abi::MonitorQuery;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn a_panic_costs_the_request_and_not_the_monitor() {
        let run_dir = tempfile::tempdir().unwrap();
        let worker = WorkerCommand {
            program: "/nowhere".into(),
            args: Vec::new(),
            env: Vec::new(),
        };
        let options = MonitorOptions {
            run_dir: run_dir.path().to_owned(),
            worker,
            is_guarded: false,
        };
        let monitor = Monitor::start(options, |event| match event {
            MonitorEvent::Drain { .. } => panic!("the embedder cannot drain"),
            event => drop(event),
        })
        .unwrap();
        let stream = UnixStream::connect(monitor.address()).await.unwrap();
        let (sender, mut receiver, _) = wire::connect(stream).unwrap();
        sender.send(ToMonitor::Hello(Peer::Head(Id::unique())));
        let mut next = async || receiver.receive::<FromMonitor>().await.unwrap().unwrap().message;
        assert!(matches!(next().await, FromMonitor::Welcome { .. }));
        sender.send(ToMonitor::Sync { request: 7 });
        assert!(matches!(next().await, FromMonitor::Synced { request: 7 }));
        sender.send(ToMonitor::Query {
            request: 8,
            query: MonitorQuery::SelectWorker,
        });
        assert!(matches!(next().await, FromMonitor::Reply { request: 8, .. }));
    }
}
