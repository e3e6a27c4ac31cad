//! Clients' messages through comms.

use mosaic_jupyter::{CommData, CommInfo, CommInfoReply, CommRequest, IoPubMessage, Reply};
use mosaic_message::{CommKind, CommMessage, encode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::context::{Asked, Context};
use crate::comm_registry::Verdict;

/// A client's message, and what it means.
pub(super) struct Received {
    asked: Asked,
    message: CommMessage,
}

impl Received {
    /// Reads a message that opens a comm, goes through it, or closes it.
    pub(super) fn new(asked: Asked, kind: CommKind, request: CommRequest) -> Received {
        let message = CommMessage {
            kind,
            comm_id: request.comm_id,
            data: request.data.to_string(),
            metadata: Value::Object(asked.message.metadata.clone()).to_string(),
            buffers: asked.message.buffers.clone(),
        };
        Received { asked, message }
    }
}

/// Starts the task that delivers messages to the cell process, in the order in which they came. Whether a cell runs
/// does not matter to it.
pub(super) fn start(context: Context) -> mpsc::UnboundedSender<Received> {
    let (sender, mut received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(next) = received.recv().await {
            deliver(&context, next).await;
        }
    });
    sender
}

async fn deliver(context: &Context, Received { asked, message }: Received) {
    context.busy(&asked);
    let opens = matches!(message.kind, CommKind::Open { .. });
    let comm_id = message.comm_id.clone();
    match context.comms.received(message) {
        Verdict::Deliver(delivery, handled) => {
            if context.evaluator.deliver(encode(&delivery)) {
                tokio::spawn(idle_when_handled(context.clone(), asked, handled));
                return;
            }
            debug!("nobody is there for the comm {comm_id}");
        }
        Verdict::Unknown if opens => {
            let data = json!({});
            let close = IoPubMessage::CommClose(CommData { comm_id, data });
            context.publish(&asked, &close).await;
        }
        Verdict::Unknown => debug!("{} for the unknown comm {comm_id}", asked.message.header.msg_type),
    }
    context.idle(&asked);
}

async fn idle_when_handled(context: Context, asked: Asked, handled: oneshot::Receiver<()>) {
    // An error means that it will never be handled: the cell process is gone.
    let _ = handled.await;
    context.idle(&asked);
}

/// `comm_info_request`
pub(super) fn info(context: &Context, target: Option<&str>) -> Reply {
    let open = context.comms.open(target).into_iter();
    let comms = open.map(|(comm_id, target_name)| (comm_id, CommInfo { target_name }));
    Reply::CommInfo(CommInfoReply { comms: comms.collect() })
}
