//! Runs cells, one after the other.

use std::collections::{BTreeMap, VecDeque};

use mosaic_evaluator::CellError;
use mosaic_jupyter::{
    ErrorContent, ExecuteInput, ExecuteOutcome, ExecuteReply, ExecuteRequest, ExecuteResult, ExpressionResult,
    IoPubMessage, MimeData, Reply,
};
use serde_json::{Map, Value};

use super::{
    context::{Asked, Context},
    evaluate::evaluate,
};

/// A cell that is to be run.
pub(crate) struct Cell {
    /// The request that it came with.
    pub(crate) asked: Asked,
    /// What it asks for.
    pub(crate) request: ExecuteRequest,
}

/// A cell that has been run, all but its reply: what waits behind it is looked at first.
pub(crate) struct Executed {
    /// The request that it came with.
    pub(crate) asked: Asked,
    /// What to reply to it.
    pub(crate) reply: Reply,
    /// Its number.
    pub(crate) number: u32,
    /// Whether cells that wait behind it are dropped.
    pub(crate) aborts: bool,
    /// Its result, as text.
    pub(crate) output: Option<String>,
}

/// Cells that wait for the one that runs, and the number of the last that was counted. No I/O.
pub(crate) struct Executions<C = Cell> {
    waiting: VecDeque<C>,
    running: bool,
    count: u32,
}

impl<C> Default for Executions<C> {
    fn default() -> Self {
        Executions {
            waiting: VecDeque::new(),
            running: false,
            count: 0,
        }
    }
}

impl<C> Executions<C> {
    /// A cell has come.
    pub(crate) fn push(&mut self, cell: C) {
        self.waiting.push_back(cell);
    }

    /// The next cell to run, if none runs already; it is running from now on.
    pub(crate) fn start_next(&mut self) -> Option<C> {
        if self.running {
            return None;
        }
        let next = self.waiting.pop_front();
        self.running = next.is_some();
        next
    }

    /// Whether a cell is running.
    pub(crate) fn running(&self) -> bool {
        self.running
    }

    /// The running cell has ended.
    pub(crate) fn end(&mut self) {
        self.running = false;
    }

    /// All cells that wait: they will not run.
    pub(crate) fn abort(&mut self) -> Vec<C> {
        self.waiting.drain(..).collect()
    }

    /// The number of a cell: the next one where it is counted, or else that of the last.
    pub(crate) fn number(&mut self, counted: bool) -> u32 {
        self.count += u32::from(counted);
        self.count
    }
}

/// Runs a cell, from busy to the last that it has to say.
pub(crate) async fn execute(context: Context, Cell { asked, request }: Cell, number: u32) -> Executed {
    let shown = !request.silent;
    context.busy(&asked);
    if shown {
        let input = IoPubMessage::ExecuteInput(ExecuteInput {
            code: request.code.clone(),
            execution_count: number,
        });
        context.publish(&asked, &input).await;
    }
    context.output.begin_cell(shown.then(|| asked.parent.clone()));
    let result = evaluate(&context, request.code, number).await;
    // All that the cell said is published by now; it comes before its value, and that before what expressions say.
    if shown {
        publish_value(&context, &asked, &result, number).await;
    }
    let expressions = match &result {
        Ok(_) => user_expressions(&context, request.user_expressions, number).await,
        Err(_) => BTreeMap::new(),
    };
    context.output.end_cell().await;

    let aborts = result.is_err() && request.stop_on_error;
    let output = result.as_ref().ok().and_then(Option::as_ref);
    let output = output.and_then(MimeData::plain_text).map(str::to_owned);
    let outcome = match result {
        Ok(_) => ExecuteOutcome::Ok,
        Err(error) => ExecuteOutcome::Error(error_content(error)),
    };
    let reply = execute_reply(outcome, number, expressions);
    // Some clients stop to listen with the reply, others with idle.
    context.iopub.flush().await;
    Executed {
        asked,
        reply,
        number,
        aborts,
        output,
    }
}

/// Publishes the cell's result or its error.
async fn publish_value(context: &Context, asked: &Asked, result: &Result<Option<MimeData>, CellError>, number: u32) {
    let message = match result {
        Ok(None) => return,
        Ok(Some(value)) => IoPubMessage::ExecuteResult(ExecuteResult {
            execution_count: number,
            value: value.clone(),
        }),
        Err(error) => IoPubMessage::Error(error_content(error.clone())),
    };
    context.publish(asked, &message).await;
}

fn error_content(error: CellError) -> ErrorContent {
    ErrorContent {
        ename: error.ename,
        evalue: error.evalue,
        traceback: error.traceback,
    }
}

fn execute_reply(outcome: ExecuteOutcome, number: u32, expressions: BTreeMap<String, ExpressionResult>) -> Reply {
    Reply::Execute(ExecuteReply {
        outcome,
        execution_count: number,
        payload: Vec::new(),
        user_expressions: expressions,
    })
}

/// The last of a cell: its reply, idle, and the replies to those that are not run since it failed.
pub(crate) async fn finish(context: Context, executed: Executed, aborted: Vec<Cell>) {
    context.reply(&executed.asked, &executed.reply).await;
    context.idle(&executed.asked);
    for Cell { asked, .. } in aborted {
        context.busy(&asked);
        let reply = execute_reply(ExecuteOutcome::Aborted, executed.number, BTreeMap::new());
        context.reply(&asked, &reply).await;
        context.idle(&asked);
    }
}

/// Evaluates the expressions that came with a cell; one that fails does not fail the cell.
async fn user_expressions(
    context: &Context,
    expressions: Map<String, Value>,
    number: u32,
) -> BTreeMap<String, ExpressionResult> {
    let mut results = BTreeMap::new();
    for (name, expression) in expressions {
        // Only an expression can stand in parentheses: nothing is defined and no command is run.
        let code = format!("({}\n)", expression.as_str().unwrap_or_default());
        let result = match evaluate(context, code, number).await {
            Ok(value) => ExpressionResult::Ok(value.unwrap_or_default()),
            Err(error) => ExpressionResult::Error(error_content(error)),
        };
        results.insert(name, result);
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cell_at_a_time_in_order() {
        let mut executions = Executions::default();
        executions.push('a');
        executions.push('b');
        assert_eq!(executions.start_next(), Some('a'));
        assert_eq!(executions.start_next(), None);
        executions.end();
        assert_eq!(executions.start_next(), Some('b'));
        executions.end();
        assert_eq!(executions.start_next(), None);
        executions.push('c');
        assert_eq!(executions.start_next(), Some('c'));
    }

    #[test]
    fn what_waits_can_be_aborted() {
        let mut executions = Executions::default();
        "abc".chars().for_each(|cell| executions.push(cell));
        executions.start_next();
        assert_eq!(executions.abort(), ['b', 'c']);
        executions.end();
        assert_eq!(executions.start_next(), None);
    }

    #[test]
    fn only_cells_that_are_kept_are_counted() {
        let mut executions = Executions::<char>::default();
        assert_eq!(executions.number(true), 1);
        assert_eq!(executions.number(false), 1);
        assert_eq!(executions.number(true), 2);
    }
}
