//! The version of Rust, which `kernel_info_reply` names.

use std::time::Duration;

use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::cell_evaluator::CellEvaluator;

/// How long a reply waits for the version: clients want a `kernel_info_reply` within 300 ms.
const VERSION_TIME: Duration = Duration::from_millis(150);

/// The version of Rust, which a background task asks for once.
#[derive(Clone)]
pub(super) struct LanguageVersion(watch::Receiver<Option<String>>);

impl LanguageVersion {
    /// Starts the task that asks the compiler.
    pub(super) fn ask(evaluator: impl CellEvaluator) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let answer = spawn_blocking(move || evaluator.language_version()).await;
            let version = answer.ok().flatten().unwrap_or_else(oldest_supported);
            // The server may have ended meanwhile.
            let _ = sender.send(Some(version));
        });
        LanguageVersion(receiver)
    }

    /// Returns the version. If the compiler is slow or missing, returns the oldest version that the kernel supports.
    pub(super) async fn get(mut self) -> String {
        let known = timeout(VERSION_TIME, self.0.wait_for(Option::is_some)).await;
        match known {
            Ok(Ok(version)) => version.clone().unwrap_or_else(oldest_supported),
            Ok(Err(_)) | Err(_) => oldest_supported(),
        }
    }
}

fn oldest_supported() -> String {
    env!("CARGO_PKG_RUST_VERSION").to_owned()
}
