//! Evaluates code, and brings together the ways on which its value comes.

use mosaic_evaluator::CellError;
use mosaic_jupyter::MimeData;

use super::context::Context;
use crate::output::mime_data;

/// Evaluates code: as text a value comes from the evaluator, and richly in its place among what the code says.
pub(super) async fn evaluate(context: &Context, code: String, number: u32) -> Result<Option<MimeData>, CellError> {
    let result = context.evaluator.execute(code, number).await;
    let rich = context.output.take_result().await;
    let mut value = MimeData {
        data: result?.unwrap_or_default().into_iter().collect(),
        ..MimeData::default()
    };
    if let Some(rich) = rich {
        let MimeData { data, metadata } = mime_data(rich);
        value.data.extend(data);
        value.metadata = metadata;
    }
    Ok((!value.data.is_empty()).then_some(value))
}
