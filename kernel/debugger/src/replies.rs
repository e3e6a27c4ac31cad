//! Replies and events of the Debug Adapter Protocol.

use serde_json::{Value, json};

/// Returns the reply to a request that has succeeded.
pub(crate) fn success(request: &Value, body: Value) -> Value {
    json!({
        "seq": request["seq"], "type": "response", "request_seq": request["seq"], "success": true,
        "command": request["command"], "body": body,
    })
}

/// Returns the reply to a request that has failed. Clients show the message.
pub(crate) fn failure(request: &Value, message: &str) -> Value {
    json!({
        "seq": request["seq"], "type": "response", "request_seq": request["seq"], "success": false,
        "command": request["command"], "message": message,
        "body": { "error": { "id": 1, "format": message, "showUser": true } },
    })
}

/// Returns an event.
pub(crate) fn event(name: &str, body: Value) -> Value {
    json!({ "seq": 0, "type": "event", "event": name, "body": body })
}
