//! Requests of heads and of other workers: accepts connections, and does what their messages ask for.

use super::{
    circles,
    descriptor_reserve::Reserve,
    execution::{Job, function, tessera},
    gather::{MissingCode, Payloads, TaskWait, gather_inputs, stored_value},
    head::HeadConnection,
    profile::profile,
    state::WorkerState,
    tesserae::Condition,
};
use crate::{
    failures::failure,
    id::Id,
    wire::{self, Callee, Frame, FromWorker, Peer, Received, Receiver, Sender, ToWorker},
};
use mosaic_abi::FailureKind;
use std::{os::fd::OwnedFd, rc::Rc, time::Duration};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc::unbounded_channel,
    task::spawn_local,
    time::sleep,
};

/// The pause after a connection could not be accepted. Usually there are no file descriptors left, and some are freed
/// soon.
const RECOVERY: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the worker runs.
pub(crate) async fn accept(state: Rc<WorkerState>, listener: UnixListener) {
    let mut reserve = Reserve::default();
    loop {
        reserve.fill();
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(serve(state.clone(), stream));
            }
            // The methods of this worker may have opened all files that it can have, and yet it must be reachable.
            Err(_) if reserve.release() => {}
            Err(error) => {
                tracing::warn!(%error, "the worker cannot accept a connection");
                sleep(RECOVERY).await;
            }
        }
    }
}

/// Does what a process of this host asks for, until its connection ends.
async fn serve(state: Rc<WorkerState>, stream: UnixStream) {
    match wire::connect(stream) {
        Ok((sender, receiver, _)) => serve_connection(state, sender, receiver).await,
        Err(error) => tracing::warn!(%error, "the worker cannot use a connection"),
    }
}

/// Does what a process of another host asks for, whose socket the gate has passed on, until its connection ends.
async fn adopt(state: Rc<WorkerState>, socket: OwnedFd) {
    match state.acceptor.accept(socket).await {
        Ok(Some((sender, receiver))) => serve_connection(state, sender, receiver).await,
        // The other stream of the pair is still to come.
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "a connection from another host is refused"),
    }
}

/// Does what one connection asks for, until it ends.
async fn serve_connection(state: Rc<WorkerState>, sender: Sender<FromWorker>, mut receiver: Receiver) {
    let mut head = None;
    loop {
        match receiver.receive::<ToWorker>().await {
            Ok(Some(Received {
                message: ToWorker::Adopt,
                ..
            })) => {
                for socket in receiver.files() {
                    spawn_local(adopt(state.clone(), socket));
                }
            }
            Ok(Some(Received {
                message: ToWorker::Hello(Peer::Head(id)),
                ..
            })) if head.is_none() => head = Some(state.head_connected(id, sender.clone())),
            Ok(Some(frame)) => {
                state.trimmer.note(frame.size());
                handle(&state, &sender, head.as_ref(), frame);
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "a connection to a worker broke");
                break;
            }
        }
    }
    if let Some(head) = head {
        state.head_disconnected(&head);
    }
}

/// Does what a message asks for.
fn handle(
    state: &Rc<WorkerState>,
    sender: &Sender<FromWorker>,
    head: Option<&HeadConnection>,
    frame: Received<ToWorker>,
) {
    let Received {
        message,
        payloads,
        coming,
    } = frame;
    let payloads = Payloads { payloads, coming };
    match (message, head) {
        (message @ ToWorker::Create { .. }, Some(head)) => create(state, head, message, payloads),
        (message @ ToWorker::Call { .. }, Some(head)) => call(state, head, message, payloads),
        (message @ ToWorker::Run { .. }, Some(head)) => run(state, head, message, payloads),
        (ToWorker::Cancel { task }, Some(head)) => state.cancel(head, task),
        (ToWorker::SearchCircle(search), Some(_)) => circles::follow(state, *search),
        (ToWorker::DropTask { task }, Some(_)) => state.drop_task(task),
        (ToWorker::DropTessera { tessera }, Some(head)) => state.tesserae.borrow_mut().release(tessera, head.id),
        (ToWorker::Attach { tessera }, Some(head)) => attach(state, head, tessera),
        (ToWorker::Detach { tessera }, Some(head)) => state.tesserae.borrow_mut().detach(tessera, head.id),
        (ToWorker::Count { request }, _) => {
            let kept = state.kept();
            sender.send(FromWorker::Counted { request, kept });
        }
        (ToWorker::Profile { request, step }, Some(head)) => profile(state, head, request, step),
        (ToWorker::List { request }, Some(head)) => {
            let tesserae = state.tesserae.borrow().list();
            head.send(FromWorker::Listed { request, tesserae });
        }
        (ToWorker::Keep { request, ware, uid }, _) => {
            let (state, sender) = (state.clone(), sender.clone());
            spawn_local(async move {
                let outcome = stored_value(&state, ware, &uid).await.map(drop).map_err(Box::new);
                sender.send(FromWorker::Kept { request, outcome });
            });
        }
        (message @ ToWorker::Fetch { .. }, _) => fetch(state, &message, sender),
        (ToWorker::Fence { request }, _) => sender.send(FromWorker::Fenced { request }),
        (ToWorker::Hello(_) | ToWorker::Adopt, _) => {}
        (message, None) => tracing::warn!(?message, "only a head may ask for this"),
    }
}

/// Begins to construct a tessera.
fn create(state: &Rc<WorkerState>, head: &HeadConnection, message: ToWorker, payloads: Payloads) {
    let ToWorker::Create {
        tessera,
        code,
        maker,
        needs,
        max_retries,
    } = message
    else {
        return;
    };
    let (jobs, inbox) = unbounded_channel();
    let condition = Condition::new(tessera);
    state.tessera_began();
    state.results.borrow_mut().declare(tessera, head.id);
    let type_name = code.name.clone();
    let missing = MissingCode::of(state, [Some(&*code), maker.as_deref()]);
    let inputs = gather_inputs(state, head, tessera, needs, payloads, missing);
    let head = head.clone();
    // Sending cannot fail: the other end of the channel is handed to the loop below.
    let _ = jobs.send(Job::Create {
        head: head.clone(),
        code,
        maker,
        inputs,
        max_retries,
    });
    (state.tesserae.borrow_mut()).add(tessera, &type_name, head.id, jobs, condition.clone());
    let state = state.clone();
    spawn_local(async move {
        tessera::run(&state, tessera, &condition, inbox).await;
        state.results.borrow_mut().remove(tessera);
        state.tessera_ended();
    });
}

/// Puts a call into the queue of its tessera.
fn call(state: &Rc<WorkerState>, head: &HeadConnection, message: ToWorker, payloads: Payloads) {
    let ToWorker::Call {
        task,
        tessera,
        callee,
        needs,
        max_retries,
    } = message
    else {
        return;
    };
    state.results.borrow_mut().declare(task, head.id);
    let function = match &callee {
        Callee::Method(_) => None,
        Callee::Function(code) => Some(&**code),
    };
    let missing = MissingCode::of(state, [function]);
    let job = Job::Call {
        head: head.clone(),
        task,
        callee,
        inputs: gather_inputs(state, head, task, needs, payloads, missing),
        max_retries,
    };
    if !state.tesserae.borrow().queue(tessera, job) {
        let message = "the tessera is not on this worker";
        state.finish(head, task, Err(failure(FailureKind::Runtime, message)), false);
    }
}

/// Begins to run a function without a tessera.
fn run(state: &Rc<WorkerState>, head: &HeadConnection, message: ToWorker, payloads: Payloads) {
    let ToWorker::Run {
        task,
        code,
        needs,
        max_retries,
    } = message
    else {
        return;
    };
    state.results.borrow_mut().declare(task, head.id);
    let missing = MissingCode::of(state, [Some(&*code)]);
    let inputs = gather_inputs(state, head, task, needs, payloads, missing);
    let (state, head) = (state.clone(), head.clone());
    spawn_local(async move { function::run(&state, &head, task, code, (inputs, max_retries)).await });
}

/// Makes a head an owner of a tessera, and tells it when the tessera is constructed.
fn attach(state: &Rc<WorkerState>, head: &HeadConnection, tessera: Id) {
    let condition = state.tesserae.borrow_mut().share(tessera, head.id);
    let head = head.clone();
    spawn_local(async move {
        let constructed = match condition.map(|condition| condition.watch()) {
            Some(mut watch) => watch
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|outcome| outcome.clone()),
            None => None,
        };
        let gone = || Err(failure(FailureKind::Runtime, "the tessera is gone"));
        let outcome = constructed.unwrap_or_else(gone).map_err(Box::new);
        head.send(FromWorker::Attached { tessera, outcome });
    });
}

/// Sends a task's outcome once it has ended, with its value if the message asks for it.
fn fetch(state: &Rc<WorkerState>, message: &ToWorker, sender: &Sender<FromWorker>) {
    let ToWorker::Fetch {
        request,
        task,
        head,
        value,
    } = *message
    else {
        return;
    };
    // The result is kept from here on, since somebody waits for it.
    let wait = TaskWait::new(state, task, head);
    let sender = sender.clone();
    spawn_local(async move {
        let (outcome, payloads) = match wait.outcome().await {
            Ok(payload) if value => (Ok(()), vec![payload]),
            Ok(_) => (Ok(()), Vec::new()),
            Err(failure) => (Err(Box::new(failure)), Vec::new()),
        };
        let message = FromWorker::Fetched { request, outcome };
        sender.send(Frame { message, payloads });
    });
}
