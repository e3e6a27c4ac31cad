//! Runs cells, one after the other.

use std::collections::VecDeque;

use mosaic_evaluator::{CellError, MimeBundle};
use mosaic_jupyter::ExecuteRequest;
use serde_json::{Map, Value, json};

use super::context::{Asked, Context, error_reply};

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
    pub(crate) reply: Value,
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
    context.busy(&asked).await;
    if !request.silent {
        context
            .publish(
                &asked,
                "execute_input",
                json!({ "code": request.code, "execution_count": number }),
            )
            .await;
    }
    context.output.begin_cell(asked.parent.clone());
    let result = context.evaluator.execute(request.code, number).await;
    let expressions = match &result {
        Ok(_) => user_expressions(&context, request.user_expressions, number).await,
        Err(_) => Map::new(),
    };
    // All that the cell said is in the pipes by now; it comes before the result.
    context.output.end_cell().await;

    let aborts = result.is_err() && request.stop_on_error;
    let output = result.as_ref().ok().and_then(Option::as_ref).and_then(plain_text);
    let reply = match result {
        Ok(value) => {
            if let Some(data) = value.filter(|_| !request.silent) {
                let content = json!({ "execution_count": number, "data": data, "metadata": {} });
                context.publish(&asked, "execute_result", content).await;
            }
            json!({ "status": "ok", "execution_count": number, "payload": [], "user_expressions": expressions })
        }
        Err(CellError {
            ename,
            evalue,
            traceback,
        }) => {
            let error = json!({ "ename": ename, "evalue": evalue, "traceback": traceback });
            context.publish(&asked, "error", error).await;
            let mut reply = error_reply(&ename, &evalue, &traceback);
            reply["execution_count"] = json!(number);
            reply["payload"] = json!([]);
            reply["user_expressions"] = json!({});
            reply
        }
    };
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

/// Replies to a cell that is not run, as one before it failed.
pub(crate) async fn abort(context: &Context, Cell { asked, .. }: Cell, number: u32) {
    context.busy(&asked).await;
    let content = json!({
        "status": "aborted",
        "execution_count": number,
        "payload": [],
        "user_expressions": {},
    });
    context.reply(&asked, content).await;
    context.idle(&asked).await;
}

/// Evaluates the expressions that came with a cell; one that fails does not fail the cell.
async fn user_expressions(context: &Context, expressions: Map<String, Value>, number: u32) -> Map<String, Value> {
    let mut results = Map::new();
    for (name, expression) in expressions {
        let code = expression.as_str().unwrap_or_default().to_owned();
        let result = match context.evaluator.execute(code, number).await {
            Ok(data) => json!({ "status": "ok", "data": data.unwrap_or_default(), "metadata": {} }),
            Err(error) => error_reply(&error.ename, &error.evalue, &error.traceback),
        };
        results.insert(name, result);
    }
    results
}

fn plain_text(data: &MimeBundle) -> Option<String> {
    data.get("text/plain").and_then(Value::as_str).map(str::to_owned)
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
