//! Connections of heads and of other workers.

use super::site::Site;
use crate::wire::{self, Frame, FromWorker, Peer, Sender, ToWorker};
use std::rc::Rc;
use tokio::{
    net::{UnixListener, UnixStream},
    task::spawn_local,
};

/// Accepts connections for as long as the worker runs.
pub(super) async fn accept(site: Rc<Site>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(serve(site.clone(), stream));
            }
            Err(error) => {
                tracing::error!(%error, "the worker can accept no more connections");
                return;
            }
        }
    }
}

async fn serve(site: Rc<Site>, stream: UnixStream) {
    let (sender, mut receiver, _) = wire::connect(stream);
    let mut peer = None;
    loop {
        match receiver.receive::<ToWorker>().await {
            Ok(Some(Frame {
                message: ToWorker::Hello(hello),
                ..
            })) => peer = Some(hello),
            Ok(Some(frame)) => handle(&site, &sender, frame),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, ?peer, "a connection to a worker broke");
                break;
            }
        }
    }
    if matches!(peer, Some(Peer::Head)) {
        site.forget();
    }
}

fn handle(site: &Rc<Site>, sender: &Sender<FromWorker>, frame: Frame<ToWorker>) {
    let Frame { message, payloads } = frame;
    match message {
        ToWorker::Create { .. } => site.create(sender, message, payloads),
        ToWorker::Call { .. } => site.call(sender, message, payloads),
        ToWorker::DropTask { task } => site.drop_task(task),
        ToWorker::DropTessera { tessera } => site.drop_tessera(tessera),
        ToWorker::Fetch { request, task, value } => {
            let (site, sender) = (site.clone(), sender.clone());
            spawn_local(async move {
                let (outcome, payloads) = match site.outcome(task).await {
                    Ok(payload) if value => (Ok(()), vec![payload]),
                    Ok(_) => (Ok(()), Vec::new()),
                    Err(failure) => (Err(failure), Vec::new()),
                };
                let message = FromWorker::Fetched { request, outcome };
                sender.send(Frame { message, payloads });
            });
        }
        ToWorker::Hello(_) => {}
    }
}
