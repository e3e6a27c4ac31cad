use super::*;
use crate::messages::content::to_json;
use serde_json::json;

fn error() -> ErrorContent {
    ErrorContent {
        ename: "Panic".into(),
        evalue: "bang".into(),
        traceback: vec!["at 1".into()],
    }
}

fn mime_data() -> MimeData {
    let mut mime_data = MimeData::default();
    mime_data.data.insert("text/plain".into(), json!("2"));
    mime_data
}

fn execute(outcome: ExecuteOutcome) -> Reply {
    Reply::Execute(ExecuteReply {
        outcome,
        execution_count: 3,
        payload: Vec::new(),
        user_expressions: BTreeMap::new(),
    })
}

#[test]
fn replies_to_execute_requests() {
    let rest = json!({ "execution_count": 3, "payload": [], "user_expressions": {} });
    let expected = |mut fields: Value| {
        let fields_map = fields.as_object_mut().unwrap();
        fields_map.extend(rest.as_object().unwrap().clone());
        fields
    };
    assert_eq!(
        to_json(&execute(ExecuteOutcome::Ok)),
        expected(json!({ "status": "ok" }))
    );
    assert_eq!(
        to_json(&execute(ExecuteOutcome::Aborted)),
        expected(json!({ "status": "aborted" }))
    );
    assert_eq!(
        to_json(&execute(ExecuteOutcome::Error(error()))),
        expected(json!({ "status": "error", "ename": "Panic", "evalue": "bang", "traceback": ["at 1"] }))
    );
}

#[test]
fn results_of_expressions() {
    assert_eq!(
        to_json(&ExpressionResult::Ok(mime_data())),
        json!({ "status": "ok", "data": { "text/plain": "2" }, "metadata": {} })
    );
    assert_eq!(
        to_json(&ExpressionResult::Error(error())),
        json!({ "status": "error", "ename": "Panic", "evalue": "bang", "traceback": ["at 1"] })
    );
}

#[test]
fn replies_about_code() {
    let typed = TypedMatch {
        start: 1,
        end: 2,
        text: "push".into(),
        kind: "method".into(),
    };
    let complete = Reply::Complete(CompleteReply {
        matches: vec!["push".into()],
        cursor_start: 1,
        cursor_end: 2,
        metadata: CompleteMetadata { types: vec![typed] },
    });
    let types = json!([{ "start": 1, "end": 2, "text": "push", "type": "method" }]);
    assert_eq!(
        to_json(&complete),
        json!({
            "status": "ok",
            "matches": ["push"],
            "cursor_start": 1,
            "cursor_end": 2,
            "metadata": { "_jupyter_types_experimental": types },
        })
    );
    let inspect = Reply::Inspect(InspectReply {
        found: true,
        documentation: mime_data(),
    });
    assert_eq!(
        to_json(&inspect),
        json!({ "status": "ok", "found": true, "data": { "text/plain": "2" }, "metadata": {} })
    );
    let is_complete = |reply| to_json(&Reply::IsComplete(reply));
    assert_eq!(is_complete(IsCompleteReply::Complete), json!({ "status": "complete" }));
    assert_eq!(is_complete(IsCompleteReply::Invalid), json!({ "status": "invalid" }));
    let indent = String::from("    ");
    assert_eq!(
        is_complete(IsCompleteReply::Incomplete { indent }),
        json!({ "status": "incomplete", "indent": "    " })
    );
}

#[test]
fn replies_about_the_kernel() {
    let history = Reply::History(HistoryReply {
        history: vec![
            HistoryEntry(1, 2, HistoryInput::Source("a".into())),
            HistoryEntry(1, 3, HistoryInput::WithOutput("b".into(), None)),
        ],
    });
    assert_eq!(
        to_json(&history),
        json!({ "status": "ok", "history": [[1, 2, "a"], [1, 3, ["b", null]]] })
    );
    let target_name = String::from("plot");
    let comms = BTreeMap::from([("id".into(), CommInfo { target_name })]);
    assert_eq!(
        to_json(&Reply::CommInfo(CommInfoReply { comms })),
        json!({ "status": "ok", "comms": { "id": { "target_name": "plot" } } })
    );
    assert_eq!(to_json(&Reply::Interrupt(InterruptReply {})), json!({ "status": "ok" }));
    assert_eq!(
        to_json(&Reply::Shutdown(ShutdownReply { restart: true })),
        json!({ "status": "ok", "restart": true })
    );
    assert_eq!(
        to_json(&Reply::error("InvalidRequest", "no code".into())),
        json!({ "status": "error", "ename": "InvalidRequest", "evalue": "no code", "traceback": [] })
    );
}
