//! What the debugger needs of the kernel.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use mosaic_debugger::{Notebook, Showing};
use mosaic_jupyter::{Header, IoPub, IoPubMessage};
use serde_json::Value;
use tokio::sync::mpsc;

use super::cell_evaluator::CellEvaluator;

/// The kernel as the debugger sees it. A cheap handle.
#[derive(Clone)]
pub(crate) struct DebuggedNotebook<E> {
    evaluator: E,
    /// Takes events to the task that publishes them, in their order.
    events: mpsc::UnboundedSender<(Option<Arc<Header>>, Value)>,
    /// The last request of a client, which is the parent of all events, as ipykernel has it.
    parent: Arc<Mutex<Option<Arc<Header>>>>,
}

impl<E: CellEvaluator> DebuggedNotebook<E> {
    /// Starts the task that publishes events.
    pub(crate) fn new(evaluator: E, iopub: IoPub) -> Self {
        let (events, mut published) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some((parent, event)) = published.recv().await {
                iopub.publish(parent, &IoPubMessage::DebugEvent(event)).await;
            }
        });
        DebuggedNotebook {
            evaluator,
            events,
            parent: Arc::default(),
        }
    }

    /// Sets the request that is the parent of all events from now on.
    pub(super) fn set_parent(&self, header: Arc<Header>) {
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(header);
    }
}

impl<E: CellEvaluator> Notebook for DebuggedNotebook<E> {
    fn publish(&self, event: Value) {
        let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The receiver is dropped only when the kernel ends.
        let _ = self.events.send((parent, event));
    }

    fn set_debugging(&self, is_on: bool) {
        self.evaluator.set_debugging(is_on);
    }

    fn cell_process(&self) -> Option<u32> {
        self.evaluator.cell_process()
    }

    fn source_directory(&self) -> Option<PathBuf> {
        self.evaluator.source_directory()
    }

    fn variables(&self) -> Vec<(String, String)> {
        self.evaluator.variables()
    }

    fn show(&self, variable: String) -> Showing {
        let evaluator = self.evaluator.clone();
        Box::pin(async move {
            // As a reference: the variable stays in the notebook.
            let shown = evaluator.execute(format!("(&{variable}\n)"), 0).await.ok().flatten();
            shown.map(|bundle| bundle.into_iter().collect())
        })
    }
}
