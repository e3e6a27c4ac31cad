//! Evaluates code, and brings together the ways on which its value comes.

use mosaic_evaluator::CellError;
use serde_json::{Map, Value};

use super::context::Context;
use crate::output::data_and_metadata;

/// A value in all its formats.
pub(super) struct Evaluated {
    /// The formats, by MIME type.
    pub(super) data: Map<String, Value>,
    /// What is to be known of them, by MIME type.
    pub(super) metadata: Map<String, Value>,
}

impl Evaluated {
    /// The value as text.
    pub(super) fn plain_text(&self) -> Option<String> {
        self.data.get("text/plain").and_then(Value::as_str).map(str::to_owned)
    }
}

/// Evaluates code: as text a value comes from the evaluator, and richly in its place among what the code says.
pub(super) async fn evaluate(context: &Context, code: String, number: u32) -> Result<Option<Evaluated>, CellError> {
    let result = context.evaluator.execute(code, number).await;
    let rich = context.output.take_result().await;
    let mut data: Map<String, Value> = result?.unwrap_or_default().into_iter().collect();
    let mut metadata = Map::new();
    if let Some(rich) = rich {
        let (more, about) = data_and_metadata(rich);
        data.extend(more);
        metadata = about;
    }
    Ok((!data.is_empty()).then_some(Evaluated { data, metadata }))
}
