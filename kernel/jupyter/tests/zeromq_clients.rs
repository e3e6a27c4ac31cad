//! Clients by the crate `zeromq`, a ZMTP implementation beside libzmq's that other clients of Jupyter use.

use std::time::Duration;

use mosaic_jupyter::{
    Channel, Connection, ConnectionFile, ExecutionState, InterruptReply, OutputRate, Reply, Session, Signer, parse,
    serialise,
};
use serde_json::json;
use tokio::time::timeout;
use zeromq::{DealerSocket, ReqSocket, Socket, SocketRecv, SocketSend, SubSocket, ZmqMessage};

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "a-key";

async fn received(socket: &mut impl SocketRecv) -> Vec<Vec<u8>> {
    let message = timeout(PATIENCE, socket.recv())
        .await
        .expect("no message came")
        .unwrap();
    message.iter().map(|frame| frame.to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_replies_and_publications_pass() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel").display().to_string();
    let file = json!({ "ip": path, "transport": "ipc", "key": KEY, "shell_port": 1, "control_port": 2, "stdin_port": 3,
        "iopub_port": 4, "hb_port": 5 });
    let file: ConnectionFile = serde_json::from_value(file).unwrap();
    let mut kernel = Connection::bind(&file, OutputRate::Unlimited).await.unwrap();
    let signer = Signer::new("hmac-sha256", KEY.as_bytes()).unwrap();
    let endpoint = |port: u16| format!("ipc://{path}-{port}");

    let mut heartbeat = ReqSocket::new();
    heartbeat.connect(&endpoint(5)).await.unwrap();
    heartbeat.send("beat".into()).await.unwrap();
    assert_eq!(received(&mut heartbeat).await, [b"beat"]);

    let mut subscriber = SubSocket::new();
    subscriber.connect(&endpoint(4)).await.unwrap();
    subscriber.subscribe("").await.unwrap();
    let welcome = parse(&received(&mut subscriber).await, &signer).unwrap();
    assert_eq!(welcome.header.msg_type, "iopub_welcome");

    let client = Session::new();
    let mut shell = DealerSocket::new();
    shell.connect(&endpoint(1)).await.unwrap();
    let request = client.message("interrupt_request", None, json!({}));
    let mut frames = serialise(&request, &signer).into_iter();
    let mut message = ZmqMessage::from(frames.next().unwrap());
    frames.for_each(|frame| message.push_back(frame.into()));
    shell.send(message).await.unwrap();
    let taken = timeout(PATIENCE, kernel.shell.recv())
        .await
        .expect("no request came")
        .unwrap();
    assert_eq!(taken.header, request.header);

    kernel
        .iopub
        .status(Some(taken.header.clone().into()), ExecutionState::Busy);
    let published = parse(&received(&mut subscriber).await, &signer).unwrap();
    assert_eq!(published.content, json!({ "execution_state": "busy" }));
    let reply = kernel.session.reply(&taken, &Reply::Interrupt(InterruptReply {}));
    kernel.replies.send(Channel::Shell, reply).await;
    let reply = parse(&received(&mut shell).await, &signer).unwrap();
    assert_eq!(reply.parent_header.as_deref(), Some(&request.header));
    kernel.close().await;
}
