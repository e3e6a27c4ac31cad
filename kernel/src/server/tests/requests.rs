//! Requests that run no cell, and comm messages.

use mosaic_jupyter::Channel;
use mosaic_message::CommKind;
use serde_json::json;

use super::{
    fake_evaluator::Called,
    world::{World, busy, idle},
};

#[tokio::test(flavor = "multi_thread")]
async fn kernel_info_names_the_versions() {
    let mut world = World::start();
    let reply = world.request("kernel_info_request", json!({})).await;
    assert_eq!(
        (&reply["status"], &reply["protocol_version"]),
        (&json!("ok"), &json!("5.5"))
    );
    assert_eq!(reply["implementation"], "mosaic-kernel");
    let language = json!({
        "name": "rust",
        "version": "1.99.0",
        "mimetype": "text/x-rustsrc",
        "file_extension": ".rs",
        "pygments_lexer": "rust",
        "codemirror_mode": "rust",
    });
    assert_eq!(reply["language_info"], language);
    assert!(reply["banner"].as_str().unwrap().contains("Rust 1.99.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_code_go_to_the_evaluator() {
    let mut world = World::start();
    let complete = json!({ "code": "pri", "cursor_pos": 3 });
    let types = json!([{ "start": 0, "end": 3, "text": "pri_completed", "type": "function" }]);
    assert_eq!(
        world.request("complete_request", complete).await,
        json!({
            "status": "ok",
            "matches": ["pri_completed"],
            "cursor_start": 0,
            "cursor_end": 3,
            "metadata": { "_jupyter_types_experimental": types },
        })
    );
    let inspect = |code| json!({ "code": code, "cursor_pos": 0, "detail_level": 0 });
    assert_eq!(
        world.request("inspect_request", inspect("name")).await,
        json!({ "status": "ok", "found": true, "data": { "text/plain": "about name" }, "metadata": {} })
    );
    assert_eq!(
        world.request("inspect_request", inspect("unknown")).await,
        json!({ "status": "ok", "found": false, "data": {}, "metadata": {} })
    );
    for (code, reply) in [
        ("1", json!({ "status": "complete" })),
        ("{", json!({ "status": "incomplete", "indent": "    " })),
        ("}", json!({ "status": "invalid" })),
    ] {
        assert_eq!(
            world.request("is_complete_request", json!({ "code": code })).await,
            reply
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_a_cell_runs() {
    let mut world = World::start();
    let cell = world.submit("wait").await;
    assert_eq!(world.called().await, Called::Waiting);
    assert_eq!(world.request("kernel_info_request", json!({})).await["status"], "ok");
    let control = world
        .client
        .send(Channel::Control, "kernel_info_request", json!({}))
        .await;
    assert_eq!(world.control_reply(&control).await["status"], "ok");
    world.evaluator.release();
    assert_eq!(world.reply(&cell).await["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_code_is_analysed() {
    let mut world = World::start();
    for _ in 0..20 {
        world.send("is_complete_request", json!({ "code": "long" })).await;
    }
    assert_eq!(world.called().await, Called::Waiting);
    for channel in [Channel::Control, Channel::Shell] {
        let request = world.client.send(channel, "kernel_info_request", json!({})).await;
        let reply = match channel {
            Channel::Control => world.control_reply(&request).await,
            _ => world.reply(&request).await,
        };
        assert_eq!(reply["status"], "ok", "{channel}");
    }
    // The analyses may take their turns in any order.
    for _ in 0..20 {
        world.evaluator.release();
        let reply = world.client.shell_replies.recv().await.unwrap();
        assert_eq!(reply.content["status"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_request_is_refused_and_another_message_is_ignored() {
    let mut world = World::start();
    let reply = world.request("create_subshell_request", json!({})).await;
    let evalue = "this kernel does not support create_subshell_request";
    assert_eq!(
        reply,
        json!({ "status": "error", "ename": "UnsupportedRequest", "evalue": evalue, "traceback": [] })
    );
    let other = world.send("nonsense", json!({})).await;
    assert_eq!(world.published(&other).await, [busy(), idle()]);
    assert!(world.client.shell_replies.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_wrong_content_is_refused() {
    let mut world = World::start();
    let reply = world.request("execute_request", json!({ "code": 1 })).await;
    assert_eq!(
        (&reply["status"], &reply["ename"]),
        (&json!("error"), &json!("InvalidRequest"))
    );
    assert!(reply["evalue"].as_str().unwrap().contains("execute_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comm_to_an_unknown_target_is_closed() {
    let mut world = World::start();
    let content = json!({ "comm_id": "a", "target_name": "plot", "data": {} });
    let open = world.send("comm_open", content).await;
    let close = ("comm_close".to_owned(), json!({ "comm_id": "a", "data": {} }));
    assert_eq!(world.published(&open).await, [busy(), close, idle()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comm_message_is_busy_until_it_is_handled() {
    let mut world = World::start();
    world.comms.register_target("plot".to_owned());
    let content = json!({ "comm_id": "a", "target_name": "plot", "data": { "x": 1 } });
    let open = world.send("comm_open", content).await;
    let Called::Delivered(delivery) = world.called().await else {
        panic!("the comm message was not delivered");
    };
    let target = "plot".to_owned();
    assert_eq!(delivery.message.kind, CommKind::Open { target });
    assert_eq!(delivery.message.data, r#"{"x":1}"#);
    assert_eq!(world.published_until(&open, busy()).await, [busy()]);
    world.comms.note_handled(delivery.number);
    assert_eq!(world.published(&open).await, [busy(), idle()]);
    let of_target = json!({ "target_name": "plot" });
    assert_eq!(
        world.request("comm_info_request", of_target).await,
        json!({ "status": "ok", "comms": { "a": { "target_name": "plot" } } })
    );
}
