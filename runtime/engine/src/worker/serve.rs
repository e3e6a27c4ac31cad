//! Connections of heads and of other workers.

use super::site::{Head, Site};
use crate::wire::{self, Frame, FromWorker, Peer, Sender, ToWorker};
use std::{rc::Rc, time::Duration};
use tokio::{
    net::{UnixListener, UnixStream},
    task::spawn_local,
    time::sleep,
};

/// Where a connection cannot be accepted, it is usually for want of file descriptors, which take a while to be freed.
const RECOVERY: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the worker runs.
pub(super) async fn accept(site: Rc<Site>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(serve(site.clone(), stream));
            }
            Err(error) => {
                tracing::warn!(%error, "the worker cannot accept a connection");
                sleep(RECOVERY).await;
            }
        }
    }
}

async fn serve(site: Rc<Site>, stream: UnixStream) {
    let (sender, mut receiver, _) = match wire::connect(stream) {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(%error, "the worker cannot use a connection"),
    };
    let mut head = None;
    loop {
        match receiver.receive::<ToWorker>().await {
            Ok(Some(Frame {
                message: ToWorker::Hello(Peer::Head(id)),
                ..
            })) if head.is_none() => head = Some(site.admit(id, sender.clone())),
            Ok(Some(frame)) => {
                site.trimmer.note(frame.size());
                handle(&site, &sender, head.as_ref(), frame);
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "a connection to a worker broke");
                break;
            }
        }
    }
    if let Some(head) = head {
        site.leave(&head);
    }
}

fn handle(site: &Rc<Site>, sender: &Sender<FromWorker>, head: Option<&Head>, frame: Frame<ToWorker>) {
    let Frame { message, payloads } = frame;
    match (message, head) {
        (message @ ToWorker::Create { .. }, Some(head)) => site.create(head, message, payloads),
        (message @ ToWorker::Call { .. }, Some(head)) => site.call(head, message, payloads),
        (message @ ToWorker::Run { .. }, Some(head)) => site.run(head, message, payloads),
        (ToWorker::Cancel { task }, Some(head)) => site.cancel(head, task),
        (ToWorker::DropTask { task }, Some(_)) => site.drop_task(task),
        (ToWorker::DropTessera { tessera }, Some(head)) => site.residents.borrow_mut().release(tessera, head.id),
        (ToWorker::Attach { tessera }, Some(head)) => site.attach(head, tessera),
        (ToWorker::Detach { tessera }, Some(head)) => site.residents.borrow_mut().detach(tessera, head.id),
        (ToWorker::Count { request }, _) => {
            let kept = site.kept();
            sender.send(FromWorker::Counted { request, kept });
        }
        (ToWorker::List { request }, Some(head)) => {
            let tesserae = site.residents.borrow().list();
            head.send(FromWorker::Listed { request, tesserae });
        }
        (ToWorker::Keep { request, ware, uid }, _) => {
            let outcome = site.wares.get(ware, &uid).map(drop).map_err(Box::new);
            sender.send(FromWorker::Kept { request, outcome });
        }
        (message @ ToWorker::Fetch { .. }, _) => site.fetch(&message, sender),
        (ToWorker::Fence { request }, _) => sender.send(FromWorker::Fenced { request }),
        (ToWorker::Hello(_), _) => {}
        (message, None) => tracing::warn!(?message, "only a head may ask for this"),
    }
}
