//! The server with a fake evaluator and a connection in memory: no sockets, no processes, no compiler.

mod fake_evaluator;
mod requests;
mod world;

use mosaic_jupyter::Channel;
use serde_json::{Value, json};

use super::EndReason;
use crate::signals::SignalEvent;
use fake_evaluator::Called;
use world::{World, busy, idle, next};

fn kinds(published: &[(String, Value)]) -> Vec<&str> {
    published.iter().map(|(msg_type, _)| msg_type.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_publishes_its_input_output_and_value_between_busy_and_idle() {
    let mut world = World::start();
    let request = world.submit("print hello\nvalue 42").await;
    let reply = world.reply(&request).await;
    let ok = json!({ "status": "ok", "execution_count": 1, "payload": [], "user_expressions": {} });
    assert_eq!(reply, ok);
    let input = json!({ "code": "print hello\nvalue 42", "execution_count": 1 });
    let value = json!({ "execution_count": 1, "data": { "text/plain": "42" }, "metadata": {} });
    assert_eq!(
        world.published(&request).await,
        [
            busy(),
            ("execute_input".to_owned(), input),
            ("stream".to_owned(), json!({ "name": "stdout", "text": "hello\n" })),
            ("execute_result".to_owned(), value),
            idle(),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reply_follows_the_output_and_precedes_idle() {
    let mut world = World::start();
    let first = world.submit("print hello\nvalue 42").await;
    world.reply(&first).await;
    let published = world.caused_by(&first);
    assert_eq!(
        kinds(&published)[..4],
        ["status", "execute_input", "stream", "execute_result"]
    );
    let second = world.submit("value 43").await;
    world.published(&second).await;
    assert!(world.client.shell_replies.try_recv().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_published_and_replied() {
    let mut world = World::start();
    let (reply, published) = world.run(json!({ "code": "print before\nfail" })).await;
    let error = json!({ "ename": "Error", "evalue": "it has ended", "traceback": ["Error: it has ended"] });
    assert_eq!(kinds(&published), ["execute_input", "stream", "error"]);
    assert_eq!(published[2].1, error);
    let mut expected = json!({ "status": "error", "execution_count": 1, "payload": [], "user_expressions": {} });
    expected
        .as_object_mut()
        .unwrap()
        .extend(error.as_object().unwrap().clone());
    assert_eq!(reply, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_aborts_the_queue() {
    let mut world = World::start();
    let failing = world.submit("wait\nfail").await;
    assert_eq!(world.called().await, Called::Waiting);
    let queued = [world.submit("value 1").await, world.submit("value 2").await];
    world.everything_has_arrived().await;
    world.evaluator.release();
    assert_eq!(world.reply(&failing).await["status"], "error");
    for request in &queued {
        let aborted = json!({ "status": "aborted", "execution_count": 1, "payload": [], "user_expressions": {} });
        assert_eq!(world.reply(request).await, aborted);
        assert_eq!(world.published(request).await, [busy(), idle()]);
    }
    let (reply, _) = world.run(json!({ "code": "value 3" })).await;
    assert_eq!((&reply["status"], &reply["execution_count"]), (&json!("ok"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_stop_on_error_the_queue_runs() {
    let mut world = World::start();
    let content = json!({ "code": "wait\nfail", "stop_on_error": false });
    let failing = world.send("execute_request", content).await;
    assert_eq!(world.called().await, Called::Waiting);
    let queued = world.submit("value 1").await;
    world.everything_has_arrived().await;
    world.evaluator.release();
    assert_eq!(world.reply(&failing).await["status"], "error");
    let reply = world.reply(&queued).await;
    assert_eq!((&reply["status"], &reply["execution_count"]), (&json!("ok"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cell_publishes_nothing_and_is_not_counted() {
    let mut world = World::start();
    for (code, status) in [("print hush\nvalue 1", "ok"), ("print hush\nfail", "error")] {
        let (reply, published) = world.run(json!({ "code": code, "silent": true })).await;
        assert_eq!(
            (&reply["status"], &reply["execution_count"]),
            (&json!(status), &json!(0))
        );
        assert_eq!(published, []);
    }
    let (reply, _) = world.run(json!({ "code": "value 1" })).await;
    assert_eq!(reply["execution_count"], 1);
    let tail = json!({ "hist_access_type": "tail", "n": 10, "raw": true, "output": false });
    let history = world.request("history_request", tail).await;
    assert_eq!(history["history"], json!([[1, 1, "value 1"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_is_not_stored_is_shown_and_not_counted() {
    let mut world = World::start();
    world.run(json!({ "code": "value 1" })).await;
    let (reply, published) = world.run(json!({ "code": "value 2", "store_history": false })).await;
    assert_eq!(reply["execution_count"], 1);
    assert_eq!(kinds(&published), ["execute_input", "execute_result"]);
    let tail = json!({ "hist_access_type": "tail", "n": 10, "raw": true, "output": true });
    let history = world.request("history_request", tail).await;
    assert_eq!(
        history,
        json!({ "status": "ok", "history": [[1, 1, ["value 1", "1"]]] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn user_expressions_follow_the_value_and_do_not_fail_the_cell() {
    let mut world = World::start();
    let expressions = json!({ "two": "print late\nvalue 2", "wrong": "fail" });
    let content = json!({ "code": "value 1", "user_expressions": expressions });
    let (reply, published) = world.run(content).await;
    assert_eq!(kinds(&published), ["execute_input", "execute_result", "stream"]);
    let results = json!({
        "two": { "status": "ok", "data": { "text/plain": "2" }, "metadata": {} },
        "wrong": {
            "status": "error",
            "ename": "Error",
            "evalue": "it has ended",
            "traceback": ["Error: it has ended"],
        },
    });
    assert_eq!((&reply["status"], &reply["user_expressions"]), (&json!("ok"), &results));
    let content = json!({ "code": "fail", "user_expressions": { "two": "value 2" } });
    assert_eq!(world.run(content).await.0["user_expressions"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_request_interrupts_the_running_cell() {
    let mut world = World::start();
    let cell = world.submit("wait").await;
    assert_eq!(world.called().await, Called::Waiting);
    let interrupt = world
        .client
        .send(Channel::Control, "interrupt_request", json!({}))
        .await;
    assert_eq!(world.control_reply(&interrupt).await, json!({ "status": "ok" }));
    assert_eq!(world.called().await, Called::Interrupted);
    assert_eq!(world.reply(&cell).await["ename"], "Interrupted");
    let (reply, _) = world.run(json!({ "code": "print next" })).await;
    assert_eq!(reply["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_interrupts_the_running_cell() {
    let mut world = World::start();
    let cell = world.submit("wait").await;
    assert_eq!(world.called().await, Called::Waiting);
    world.signals.send(SignalEvent::Interrupt).unwrap();
    assert_eq!(world.reply(&cell).await["ename"], "Interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_answers_questions_to_the_user() {
    let mut world = World::start();
    let cell = world.submit("ask name?").await;
    next(world.client.input_requests.recv()).await;
    world
        .client
        .send(Channel::Control, "interrupt_request", json!({}))
        .await;
    world.reply(&cell).await;
    let published = world.published(&cell).await;
    assert_eq!(published[2].1["data"]["text/plain"], "interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_of_a_cell_answers_its_question() {
    let mut world = World::start();
    let cell = world.submit("ask name?").await;
    let question = next(world.client.input_requests.recv()).await;
    assert_eq!(question.header.msg_type, "input_request");
    assert_eq!(question.content, json!({ "prompt": "name?", "password": false }));
    assert_eq!(question.parent_header.as_deref(), Some(&cell.header));
    assert_eq!(question.identities, cell.identities);
    world
        .client
        .send(Channel::Stdin, "input_reply", json!({ "value": "Ada" }))
        .await;
    world.reply(&cell).await;
    assert_eq!(world.published(&cell).await[2].1["data"]["text/plain"], "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_without_stdin_is_refused_its_question() {
    let mut world = World::start();
    let (_, published) = world.run(json!({ "code": "ask name?", "allow_stdin": false })).await;
    let answer = published[1].1["data"]["text/plain"].as_str().unwrap();
    assert!(answer.contains("allow_stdin is false"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_request_ends_the_kernel_on_either_channel() {
    for (channel, restart) in [(Channel::Control, true), (Channel::Shell, false)] {
        let mut world = World::start();
        let content = json!({ "restart": restart });
        let request = world.client.send(channel, "shutdown_request", content).await;
        let reply = match channel {
            Channel::Control => world.control_reply(&request).await,
            _ => world.reply(&request).await,
        };
        assert_eq!(reply, json!({ "status": "ok", "restart": restart }));
        assert_eq!(world.published(&request).await, [busy(), idle()]);
        assert_eq!(world.ended().await, EndReason::Shutdown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_ends_the_kernel() {
    let world = World::start();
    assert_eq!(world.disconnected().await, EndReason::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_kernel() {
    let world = World::start();
    world.signals.send(SignalEvent::Terminate).unwrap();
    assert_eq!(world.ended().await, EndReason::Signal);
}
