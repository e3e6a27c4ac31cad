//! Delivers clients' comm messages to the cell process.

use mosaic_jupyter::{CommData, CommInfo, CommInfoReply, CommRequest, IoPubMessage, Reply};
use mosaic_message::{CommKind, CommMessage, encode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::{
    cell_evaluator::CellEvaluator,
    context::{Context, Incoming},
};
use crate::comm_registry::Route;

/// A client's comm message, in the form that the cell process reads.
pub(super) struct IncomingComm {
    incoming: Incoming,
    message: CommMessage,
}

impl IncomingComm {
    /// Converts a message that opens a comm, goes through it, or closes it.
    pub(super) fn new(incoming: Incoming, kind: CommKind, request: CommRequest) -> IncomingComm {
        let message = CommMessage {
            kind,
            comm_id: request.comm_id,
            data: request.data.to_string(),
            metadata: Value::Object(incoming.message.metadata.clone()).to_string(),
            buffers: incoming.message.buffers.clone(),
        };
        IncomingComm { incoming, message }
    }
}

/// Starts the task that delivers messages in the order in which they came, whether a cell runs or not. Returns its
/// queue.
pub(super) fn start<E: CellEvaluator>(context: Context<E>) -> mpsc::UnboundedSender<IncomingComm> {
    let (queue, mut queued) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(next) = queued.recv().await {
            deliver(&context, next).await;
        }
    });
    queue
}

async fn deliver<E: CellEvaluator>(context: &Context<E>, IncomingComm { incoming, message }: IncomingComm) {
    context.busy(&incoming);
    let is_open = matches!(message.kind, CommKind::Open { .. });
    let comm_id = message.comm_id.clone();
    match context.comms.receive(message) {
        Route::Deliver(delivery, handled) => {
            if context.evaluator.deliver(encode(&delivery)) {
                tokio::spawn(idle_when_handled(context.clone(), incoming, handled));
                return;
            }
            debug!("no cell process answers the comm {comm_id}");
        }
        Route::Unknown if is_open => {
            let data = json!({});
            let close = IoPubMessage::CommClose(CommData { comm_id, data });
            context.publish(&incoming, &close).await;
        }
        Route::Unknown => debug!("{} for the unknown comm {comm_id}", incoming.message.header.msg_type),
    }
    context.idle(&incoming);
}

async fn idle_when_handled<E>(context: Context<E>, incoming: Incoming, handled: oneshot::Receiver<()>) {
    // An error means that the cell process has ended and will never handle the message.
    let _ = handled.await;
    context.idle(&incoming);
}

/// Handles a `comm_info_request`.
pub(super) fn info<E>(context: &Context<E>, target: Option<&str>) -> Reply {
    let open = context.comms.open_comms(target).into_iter();
    let comms = open.map(|(comm_id, target_name)| (comm_id, CommInfo { target_name }));
    Reply::CommInfo(CommInfoReply { comms: comms.collect() })
}
