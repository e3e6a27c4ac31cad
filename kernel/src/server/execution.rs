//! Runs a cell and answers its `execute_request`.

use std::collections::BTreeMap;

use mosaic_jupyter::{
    ErrorContent, ExecuteInput, ExecuteOutcome, ExecuteReply, ExecuteRequest, ExecuteResult, ExpressionResult,
    IoPubMessage, MimeData, Reply,
};
use serde_json::{Map, Value};

use super::{
    cell_evaluator::{CellError, CellEvaluator},
    context::{Context, Incoming},
};
use crate::output::mime_data;

/// A cell that waits to be run.
pub(super) struct QueuedCell {
    /// Message that the cell came with.
    pub(super) incoming: Incoming,
    /// Content of the message.
    pub(super) request: ExecuteRequest,
}

/// A cell that has run and still needs its reply. The server looks at the queue before it sends the reply.
pub(super) struct FinishedCell {
    /// Message that the cell came with.
    pub(super) incoming: Incoming,
    /// Reply to the message.
    pub(super) reply: Reply,
    /// Number of the cell.
    pub(super) number: u32,
    /// Whether the cells in the queue are aborted.
    pub(super) aborts_queue: bool,
    /// Value of the cell as plain text, for the history; `None` if the history does not keep the cell.
    pub(super) plain_text: Option<String>,
}

/// Runs a cell: publishes busy, the cell's input, its output, and its value or error.
pub(super) async fn execute<E: CellEvaluator>(context: Context<E>, cell: QueuedCell, number: u32) -> FinishedCell {
    let QueuedCell { incoming, request } = cell;
    let is_shown = !request.silent;
    let is_stored = request.stores_history();
    context.busy(&incoming);
    if is_shown {
        let input = IoPubMessage::ExecuteInput(ExecuteInput {
            code: request.code.clone(),
            execution_count: number,
        });
        context.publish(&incoming, &input).await;
    }
    context.output.begin_cell(is_shown.then(|| incoming.header.clone()));
    let counted = is_stored.then_some(number);
    context.debugger.begin_cell(counted, &request.code).await;
    let result = evaluate(&context, request.code, number).await.map_err(error_content);
    context.debugger.end_cell();
    let plain_text = match &result {
        // A cell that is not counted has the number of the last one that is, whose output it must not replace.
        Ok(Some(value)) if is_stored => value.plain_text().map(str::to_owned),
        Ok(_) | Err(_) => None,
    };
    let (outcome, message) = match result {
        Ok(value) => (ExecuteOutcome::Ok, value.map(|value| execute_result(value, number))),
        Err(error) => (ExecuteOutcome::Error(error.clone()), Some(IoPubMessage::Error(error))),
    };
    // All output of the cell is published by now. Its value follows, and then the output of its user expressions.
    if let Some(message) = message.filter(|_| is_shown) {
        context.publish(&incoming, &message).await;
    }
    let is_ok = outcome == ExecuteOutcome::Ok;
    let expressions = match is_ok {
        true => user_expressions(&context, request.user_expressions, number).await,
        false => BTreeMap::new(),
    };
    context.output.end_cell().await;
    // Some clients stop reading iopub at the reply, others at idle.
    context.iopub.flush().await;
    FinishedCell {
        incoming,
        reply: execute_reply(outcome, number, expressions),
        number,
        aborts_queue: !is_ok && request.stop_on_error,
        plain_text,
    }
}

/// Sends the reply of a cell and publishes idle, then replies to the cells that it aborts.
pub(super) async fn finish<E>(context: Context<E>, finished: FinishedCell, aborted: Vec<QueuedCell>) {
    context.reply(&finished.incoming, &finished.reply).await;
    context.idle(&finished.incoming);
    for QueuedCell { incoming, .. } in aborted {
        context.busy(&incoming);
        let reply = execute_reply(ExecuteOutcome::Aborted, finished.number, BTreeMap::new());
        context.reply(&incoming, &reply).await;
        context.idle(&incoming);
    }
}

/// Evaluates code. A plain value comes from the evaluator, a rich value through the output; this brings both together.
async fn evaluate<E: CellEvaluator>(
    context: &Context<E>,
    code: String,
    number: u32,
) -> Result<Option<MimeData>, CellError> {
    let result = context.evaluator.execute(code, number).await;
    let rich_value = context.output.take_result().await;
    let mut value = MimeData {
        data: result?.unwrap_or_default().into_iter().collect(),
        ..MimeData::default()
    };
    if let Some(rich_value) = rich_value {
        let MimeData { data, metadata } = mime_data(rich_value);
        value.data.extend(data);
        value.metadata = metadata;
    }
    Ok((!value.data.is_empty()).then_some(value))
}

/// Evaluates the expressions that came with a cell. An expression that fails does not fail the cell.
async fn user_expressions<E: CellEvaluator>(
    context: &Context<E>,
    expressions: Map<String, Value>,
    number: u32,
) -> BTreeMap<String, ExpressionResult> {
    let mut results = BTreeMap::new();
    for (name, expression) in expressions {
        // Parentheses can only hold an expression, so that this code defines nothing and runs no command.
        let code = format!("({}\n)", expression.as_str().unwrap_or_default());
        let result = match evaluate(context, code, number).await {
            Ok(value) => ExpressionResult::Ok(value.unwrap_or_default()),
            Err(error) => ExpressionResult::Error(error_content(error)),
        };
        results.insert(name, result);
    }
    results
}

fn execute_result(value: MimeData, number: u32) -> IoPubMessage {
    IoPubMessage::ExecuteResult(ExecuteResult {
        execution_count: number,
        value,
    })
}

fn execute_reply(outcome: ExecuteOutcome, number: u32, expressions: BTreeMap<String, ExpressionResult>) -> Reply {
    Reply::Execute(ExecuteReply {
        outcome,
        execution_count: number,
        payload: Vec::new(),
        user_expressions: expressions,
    })
}

fn error_content(error: CellError) -> ErrorContent {
    ErrorContent {
        ename: error.ename.to_string(),
        evalue: error.evalue,
        traceback: error.traceback,
    }
}
