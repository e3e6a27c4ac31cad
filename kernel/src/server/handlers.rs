//! Handlers of requests that run no cell. Each returns the reply to its request.

use mosaic_jupyter::{
    CompleteMetadata, CompleteReply, CompleteRequest, HelpLink, InspectReply, InspectRequest, IsCompleteReply,
    IsCompleteRequest, KernelInfoReply, LanguageInfo, MimeData, PROTOCOL_VERSION, Reply, TypedMatch,
};

use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    cell_evaluator::{CellEvaluator, Completeness},
    language_version::LanguageVersion,
};

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

/// Handles a `kernel_info_request`. `debugs` says whether there is a debugger.
pub(super) async fn kernel_info(language_version: LanguageVersion, debugs: bool) -> Reply {
    let rust = language_version.get().await;
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
        debugger: debugs,
        supported_features: debugs.then(|| "debugger".to_owned()).into_iter().collect(),
        help_links: HELP_LINKS.to_vec(),
    })
}

/// Handles a `complete_request`.
pub(super) async fn complete(evaluator: impl CellEvaluator, request: CompleteRequest) -> Reply {
    let found = evaluator.complete(request.code, request.cursor_pos).await;
    let (start, end) = (found.cursor_start, found.cursor_end);
    let matches = found.matches.iter().map(|completion| completion.text.clone());
    let matches = matches.collect();
    let types = found.matches.into_iter().map(|completion| TypedMatch {
        start,
        end,
        text: completion.text,
        kind: completion.kind,
    });
    Reply::Complete(CompleteReply {
        matches,
        cursor_start: start,
        cursor_end: end,
        metadata: CompleteMetadata { types: types.collect() },
    })
}

/// Handles an `inspect_request`.
pub(super) async fn inspect(evaluator: impl CellEvaluator, request: InspectRequest) -> Reply {
    let documentation = evaluator.inspect(request.code, request.cursor_pos).await;
    Reply::Inspect(InspectReply {
        found: documentation.is_some(),
        documentation: MimeData {
            data: documentation.unwrap_or_default().into_iter().collect(),
            ..MimeData::default()
        },
    })
}

/// Handles an `is_complete_request`.
///
/// The analysis runs in a thread of its own, one at a time: however long it takes, the other channels answer.
pub(super) async fn is_complete(evaluator: impl CellEvaluator, request: IsCompleteRequest) -> Reply {
    static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);
    // The semaphore is never closed.
    let turn = ONE_AT_A_TIME.acquire().await;
    let completeness = spawn_blocking(move || evaluator.is_complete(&request.code)).await;
    drop(turn);
    let reply = match completeness {
        Ok(Completeness::Complete) => IsCompleteReply::Complete,
        Ok(Completeness::Incomplete { indent }) => IsCompleteReply::Incomplete { indent },
        Ok(Completeness::Invalid) => IsCompleteReply::Invalid,
        // The analysis has panicked. The compiler will say what is wrong with the code.
        Err(_) => IsCompleteReply::Unknown,
    };
    Reply::IsComplete(reply)
}
