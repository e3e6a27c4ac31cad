//! Connections of heads and of other workers.

use super::site::{Head, Site};
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
    let mut head = None;
    loop {
        match receiver.receive::<ToWorker>().await {
            Ok(Some(Frame {
                message: ToWorker::Hello(Peer::Head),
                ..
            })) => head = Some(site.admit(sender.clone())),
            Ok(Some(frame)) => handle(&site, &sender, head.as_ref(), frame),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "a connection to a worker broke");
                break;
            }
        }
    }
    if let Some(head) = head {
        site.forget(&head);
    }
}

fn handle(site: &Rc<Site>, sender: &Sender<FromWorker>, head: Option<&Head>, frame: Frame<ToWorker>) {
    let Frame { message, payloads } = frame;
    match (message, head) {
        (message @ ToWorker::Create { .. }, Some(head)) => site.create(head, message, payloads),
        (message @ ToWorker::Call { .. }, Some(head)) => site.call(head, message, payloads),
        (ToWorker::DropTask { task }, Some(_)) => site.drop_task(task),
        (ToWorker::DropTessera { tessera }, Some(_)) => site.drop_tessera(tessera),
        (ToWorker::Fetch { request, task, value }, _) => {
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
        (ToWorker::Hello(_), _) => {}
        (message, None) => tracing::warn!(?message, "only a head may ask for this"),
    }
}
