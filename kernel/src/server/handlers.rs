//! Answers to requests that do not run a cell. Each gives the content of its reply.

use std::{sync::Arc, time::Duration};

use mosaic_evaluator::{Completeness, Evaluator};
use mosaic_jupyter::{
    CompleteMetadata, CompleteReply, CompleteRequest, HelpLink, InspectReply, InspectRequest, IsCompleteReply,
    IsCompleteRequest, KernelInfoReply, LanguageInfo, MimeData, PROTOCOL_VERSION, Reply, TypedMatch,
};
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

/// Links in the help menu of front ends.
const HELP_LINKS: [HelpLink; 3] = [
    HelpLink {
        text: "The Rust Standard Library",
        url: "https://doc.rust-lang.org/std/",
    },
    HelpLink {
        text: "The Rust Programming Language",
        url: "https://doc.rust-lang.org/book/",
    },
    HelpLink {
        text: "docs.rs",
        url: "https://docs.rs/",
    },
];

/// `kernel_info_request`
pub(crate) async fn kernel_info(rust: RustVersion) -> Reply {
    let rust = rust.soon().await;
    let version = env!("CARGO_PKG_VERSION");
    Reply::KernelInfo(KernelInfoReply {
        protocol_version: PROTOCOL_VERSION,
        implementation: "mosaic-kernel",
        implementation_version: version,
        banner: format!("mosaic-kernel {version}: Rust {rust}, evaluated by evcxr, with actors in worker processes"),
        language_info: LanguageInfo {
            name: "rust",
            version: rust,
            mimetype: "text/x-rustsrc",
            file_extension: ".rs",
            pygments_lexer: "rust",
            codemirror_mode: "rust",
        },
        debugger: false,
        supported_features: Vec::new(),
        help_links: HELP_LINKS.to_vec(),
    })
}

/// `complete_request`
pub(crate) async fn complete(evaluator: Evaluator, request: CompleteRequest) -> Reply {
    let found = evaluator.complete(request.code, request.cursor_pos).await;
    let matches = found.matches.iter().map(|completion| completion.text.clone());
    let matches = matches.collect();
    let types = found.matches.into_iter().map(|completion| TypedMatch {
        start: found.cursor_start,
        end: found.cursor_end,
        text: completion.text,
        kind: completion.kind,
    });
    Reply::Complete(CompleteReply {
        matches,
        cursor_start: found.cursor_start,
        cursor_end: found.cursor_end,
        metadata: CompleteMetadata { types: types.collect() },
    })
}

/// `inspect_request`
pub(crate) async fn inspect(evaluator: Evaluator, request: InspectRequest) -> Reply {
    let found = evaluator.inspect(request.code, request.cursor_pos).await;
    Reply::Inspect(InspectReply {
        found: found.is_some(),
        documentation: MimeData {
            data: found.unwrap_or_default().into_iter().collect(),
            ..MimeData::default()
        },
    })
}

/// `is_complete_request`
pub(crate) async fn is_complete(request: IsCompleteRequest) -> Reply {
    Reply::IsComplete(match mosaic_evaluator::is_complete(&request.code) {
        Completeness::Complete => IsCompleteReply::Complete,
        Completeness::Incomplete { indent } => IsCompleteReply::Incomplete { indent },
        Completeness::Invalid => IsCompleteReply::Invalid,
    })
}
