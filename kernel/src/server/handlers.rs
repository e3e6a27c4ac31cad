//! Answers to requests that do not run a cell. Each gives the content of its reply.

use std::{sync::Arc, time::Duration};

use mosaic_evaluator::{Completeness, Evaluator};
use mosaic_jupyter::{CompleteRequest, InspectRequest, IsCompleteRequest, PROTOCOL_VERSION};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// How long kernel_info waits for rustc to tell its version: clients want the reply within 300 ms.
const VERSION_TIME: Duration = Duration::from_millis(150);

/// rustc's version, asked for once.
#[derive(Clone, Default)]
pub(crate) struct RustVersion(Arc<OnceCell<String>>);

impl RustVersion {
    /// Asks in the background.
    pub(crate) fn ask(&self) {
        let version = self.clone();
        tokio::spawn(async move { version.get().await });
    }

    /// The version, or that of the compiler that this kernel needs at least, where rustc is slow to answer or missing.
    async fn get(&self) -> String {
        let minimum = || env!("CARGO_PKG_RUST_VERSION").to_owned();
        let ask = || async {
            let found = tokio::task::spawn_blocking(mosaic_evaluator::check_toolchain).await;
            found
                .ok()
                .and_then(Result::ok)
                .map_or_else(minimum, |toolchain| toolchain.version().to_owned())
        };
        self.0.get_or_init(ask).await.clone()
    }

    async fn soon(&self) -> String {
        let minimum = || env!("CARGO_PKG_RUST_VERSION").to_owned();
        tokio::time::timeout(VERSION_TIME, self.get())
            .await
            .unwrap_or_else(|_| minimum())
    }
}

/// `kernel_info_request`
pub(crate) async fn kernel_info(rust: RustVersion) -> Value {
    let rust = rust.soon().await;
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "mosaic-kernel",
        "implementation_version": version,
        "language_info": {
            "name": "rust",
            "version": rust,
            "mimetype": "text/x-rustsrc",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
        },
        "banner": format!("mosaic-kernel {version}: Rust {rust}, evaluated by evcxr, with actors in worker processes"),
        "debugger": false,
        "supported_features": [],
        "help_links": [
            { "text": "The Rust Standard Library", "url": "https://doc.rust-lang.org/std/" },
            { "text": "The Rust Programming Language", "url": "https://doc.rust-lang.org/book/" },
            { "text": "docs.rs", "url": "https://docs.rs/" },
        ],
    })
}

/// `complete_request`
pub(crate) async fn complete(evaluator: Evaluator, request: CompleteRequest) -> Value {
    let found = evaluator.complete(request.code, request.cursor_pos).await;
    let matches: Vec<&str> = found
        .matches
        .iter()
        .map(|completion| completion.text.as_str())
        .collect();
    let types = found.matches.iter().map(|completion| {
        json!({
            "start": found.cursor_start,
            "end": found.cursor_end,
            "text": completion.text,
            "type": completion.kind,
        })
    });
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": found.cursor_start,
        "cursor_end": found.cursor_end,
        "metadata": { "_jupyter_types_experimental": types.collect::<Vec<_>>() },
    })
}

/// `inspect_request`
pub(crate) async fn inspect(evaluator: Evaluator, request: InspectRequest) -> Value {
    let found = evaluator.inspect(request.code, request.cursor_pos).await;
    json!({ "status": "ok", "found": found.is_some(), "data": found.unwrap_or_default(), "metadata": {} })
}

/// `is_complete_request`
pub(crate) async fn is_complete(request: IsCompleteRequest) -> Value {
    match mosaic_evaluator::is_complete(&request.code) {
        Completeness::Complete => json!({ "status": "complete" }),
        Completeness::Incomplete { indent } => json!({ "status": "incomplete", "indent": indent }),
        Completeness::Invalid => json!({ "status": "invalid" }),
    }
}
