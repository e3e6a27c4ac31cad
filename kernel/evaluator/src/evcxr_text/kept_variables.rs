//! Keeps the variables that a cell has bound when a later statement of the cell fails.
//!
//! evcxr stores the new variables of a cell at the cell's end. A failed `?`, a panic or an interrupt ends the cell
//! before, so all of them would be lost. Here the rest of the cell becomes an asynchronous block of its own, behind the
//! statement that binds a variable. The variable is stored when the block has ended, in whatever way:
//!
//! ```text
//! let a = f();    ⟨ let __mosaic_end = ::mosaic_cell::rest(Box::pin(async { ⟩
//! g(&a)?;
//! Ok(())          ⟨ })).await; evcxr_variable_store.put_variable::<A>("a", a); __mosaic_end.pass_on() ⟩
//! ```
//!
//! An old variable of a name that the cell binds anew stays in the store until the new one takes its place, unless the
//! cell uses it before.
//!
//! The block borrows the variable, so this is for variables that the rest of the cell only [lends](lending). A variable
//! that the rest moves is stored at the end, as evcxr has it. rustc checks the guess; where it refuses, the wrapper
//! compiles the cell without such blocks. A cell whose rest cannot fail has none.

use crate::{
    evcxr_text::{
        markers::{CELL_FUNCTION_BEGINS, PUT_VARIABLE, TAKE_VARIABLE},
        replacements::{CATCH_ENDS, EXECUTOR_CALL},
    },
    source::lending,
};
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::ops::Range;
use syn::{Block, Stmt, spanned::Spanned};

/// Begins the block of the rest of a cell.
pub(crate) const REST_BEGINS: &str = " let __mosaic_end = ::mosaic_cell::rest(::std::boxed::Box::pin(async {";
/// Ends the block of the rest of a cell.
const REST_ENDS: &str = " })).await;";
/// Ends the code around a block, with the value of the block.
const PASS_ON: &str = " __mosaic_end.pass_on()";
/// How many blocks a cell has at most. Each costs the compiler some time.
const MOST_BLOCKS: usize = 6;
/// Types whose values are copied wherever they seem to move.
const COPIED_TYPES: [&str; 16] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool",
    "char",
];

/// A statement of a cell's function, without the variables' own.
struct Statement<'a> {
    /// Its place in the region, in bytes.
    range: Range<usize>,
    text: &'a str,
    tokens: TokenStream,
    /// The pattern, if the statement is a `let` that sets its variables.
    pattern: Option<&'a str>,
}

/// A call that stores a variable.
struct Put<'a> {
    range: Range<usize>,
    text: &'a str,
    name: &'a str,
    type_name: &'a str,
}

/// Variables that are stored behind the block of the statements from `first` on.
struct Level<'a> {
    first: usize,
    puts: Vec<&'a Put<'a>>,
}

/// Returns the source of a cell that keeps its variables when it fails. Returns nothing if that is not needed. No line
/// of the user's code moves, and no column.
pub(crate) fn with_kept_variables(source: &str) -> Option<String> {
    let function = source.rfind(CELL_FUNCTION_BEGINS)?;
    let begin = function + source[function..].find(EXECUTOR_CALL)? + EXECUTOR_CALL.len();
    let end = begin + source[begin..].rfind(&format!("}});\n{CATCH_ENDS}"))?;
    let loads = &source[function..begin];
    let changed = change(loads, &source[begin..end]);
    proc_macro2::extra::invalidate_current_thread_spans();
    let (loads, region) = changed?;
    Some(format!("{}{loads}{region}{}", &source[..function], &source[end..]))
}

/// Changes the code that loads a cell's variables, and the cell's asynchronous block.
fn change(loads: &str, region: &str) -> Option<(String, String)> {
    if !region.contains(PUT_VARIABLE) {
        return None;
    }
    let block: Block = syn::parse_str(&format!("{{{region}}}")).ok()?;
    let (statements, puts, last) = read(region, &block.stmts)?;
    let unneeded = puts.iter().filter(|put| is_bound_before_use(put, &statements));
    let kept_loads = unneeded.fold(loads.to_owned(), |loads, put| without_load(loads, put));
    let with_blocks = with_blocks(region, &levels(region, &statements, &puts), &statements, last);
    match with_blocks {
        None if kept_loads == loads => None,
        with_blocks => Some((kept_loads, with_blocks.unwrap_or_else(|| region.to_owned()))),
    }
}

/// Reports whether a cell binds a name before it uses the name.
fn is_bound_before_use(put: &Put, statements: &[Statement]) -> bool {
    let first = statements
        .iter()
        .find(|statement| contains_word(statement.text, put.name));
    first.is_some_and(|statement| {
        let is_bound = statement
            .pattern
            .is_some_and(|pattern| contains_word(pattern, put.name));
        is_bound && count_words(statement.text, put.name) == 1
    })
}

/// Removes the line that takes the variable of this name and type out of the store.
fn without_load(loads: String, put: &Put) -> String {
    let Put { name, type_name, .. } = put;
    for binding in ["let ", "let mut "] {
        let load = format!("\n{binding}{name} = {TAKE_VARIABLE}{type_name}>(stringify!({name}));\n");
        if loads.contains(&load) {
            return loads.replacen(&load, &"\n".repeat(load.matches('\n').count()), 1);
        }
    }
    loads
}

/// Puts blocks into the statements of a cell's asynchronous block.
fn with_blocks(region: &str, levels: &[Level], statements: &[Statement], last: usize) -> Option<String> {
    if levels.is_empty() {
        return None;
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut ending = String::new();
    for level in levels.iter().rev() {
        let at = statements[level.first - 1].range.end;
        edits.push((at..at, REST_BEGINS.to_owned()));
        ending += REST_ENDS;
        for put in &level.puts {
            edits.push((put.range.clone(), "\n".repeat(put.text.matches('\n').count())));
            ending += &format!(" {}", put.text.replace('\n', " "));
        }
        ending += PASS_ON;
    }
    edits.push((last..last, ending));
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut text, mut from) = (String::with_capacity(2 * region.len()), 0);
    for (range, edit) in edits {
        text += &region[from..range.start];
        text += &edit;
        from = range.end;
    }
    Some(text + &region[from..])
}

/// Reads the statements of a cell and the calls that store its variables, and finds the end of all of these.
fn read<'a>(region: &'a str, statements: &[Stmt]) -> Option<(Vec<Statement<'a>>, Vec<Put<'a>>, usize)> {
    // The braces around the region take one byte.
    let place = |range: Range<usize>| range.start - 1..range.end - 1;
    let (mut found, mut puts, mut last) = (Vec::new(), Vec::new(), 0);
    for statement in statements {
        let range = place(statement.span().byte_range());
        let text = region.get(range.clone())?;
        last = range.end;
        if let Some((type_name, rest)) = text
            .strip_prefix(PUT_VARIABLE)
            .and_then(|it| it.rsplit_once(">(stringify!("))
        {
            let name = rest.split_once(')')?.0;
            puts.push(Put {
                range,
                text,
                name,
                type_name,
            });
        } else if puts.is_empty() {
            let pattern = match statement {
                Stmt::Local(local) if local.init.is_some() => region.get(place(local.pat.span().byte_range())),
                _ => None,
            };
            found.push(Statement {
                range,
                text,
                tokens: statement.to_token_stream(),
                pattern,
            });
        }
    }
    Some((found, puts, last))
}

/// Decides which variables are stored behind which block: all that are bound before a statement that may fail.
fn levels<'a>(region: &str, statements: &[Statement], puts: &'a [Put<'a>]) -> Vec<Level<'a>> {
    let mut levels: Vec<Level> = Vec::new();
    let mut bound: Vec<&Put> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        if !bound.is_empty() && may_fail(statement.text) && levels.len() < MOST_BLOCKS {
            let previous = &statements[index - 1].range;
            if is_end_of_line(&region[previous.end..]) {
                let puts = std::mem::take(&mut bound);
                levels.push(Level { first: index, puts });
            }
        }
        let Some(pattern) = statement.pattern else { continue };
        let later = &statements[index + 1..];
        bound.extend(
            puts.iter()
                .filter(|put| contains_word(pattern, put.name) && is_lent(put, later)),
        );
    }
    levels
}

/// Reports whether code contains a name.
fn contains_word(code: &str, name: &str) -> bool {
    count_words(code, name) > 0
}

/// Counts how often a name stands in code.
fn count_words(code: &str, name: &str) -> usize {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(|c| !is_of_a_word(c)).filter(|word| *word == name).count()
}

/// Reports whether statements only lend a variable, and do not bind its name anew.
fn is_lent(put: &Put, statements: &[Statement]) -> bool {
    let is_copied = COPIED_TYPES.contains(&put.type_name);
    statements.iter().all(|statement| {
        let is_bound_anew = statement
            .pattern
            .is_some_and(|pattern| contains_word(pattern, put.name));
        !is_bound_anew && (is_copied || lending::only_lends(&statement.tokens, put.name))
    })
}

/// Reports whether a statement may fail: it calls something, indexes, computes or returns.
fn may_fail(text: &str) -> bool {
    text.contains(['(', '[', '!', '?', '+', '-', '*', '/', '%', '{'])
        || text.contains(".await")
        || text.contains("return")
}

/// Reports whether only space or a comment follows on the line.
fn is_end_of_line(rest: &str) -> bool {
    let line = rest.split('\n').next().unwrap_or_default().trim();
    line.is_empty() || line.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "Ok::<(), EvcxrUserCodeError>(())\n";

    fn put(name: &str, type_name: &str) -> String {
        format!("{PUT_VARIABLE}{type_name}>(stringify!({name}), {name});\n")
    }

    /// Returns a cell with these statements and variables.
    fn cell(statements: &str, variables: &[(&str, &str)]) -> String {
        let puts: String = variables.iter().map(|(name, type_name)| put(name, type_name)).collect();
        format!(
            "fn item() {{}}\n{CELL_FUNCTION_BEGINS}1(\n{EXECUTOR_CALL}\n{statements}{puts}{OK}}});\n{CATCH_ENDS}rest\n"
        )
    }

    /// Returns the names that stand behind each block, the innermost block first.
    fn kept(statements: &str, variables: &[(&str, &str)]) -> Vec<Vec<String>> {
        let source = cell(statements, variables);
        let Some(text) = with_kept_variables(&source) else {
            return Vec::new();
        };
        assert_eq!(text.lines().count(), source.lines().count(), "{text}");
        assert_eq!(
            text.matches(REST_BEGINS).count(),
            text.matches(REST_ENDS).count(),
            "{text}"
        );
        for line in statements.lines() {
            assert!(
                text.lines().any(|it| it.starts_with(line.split("//").next().unwrap())),
                "{text}"
            );
        }
        let ending = text.split(REST_ENDS).skip(1);
        let names = ending.map(|part| {
            let puts = part.split("stringify!(").skip(1);
            puts.map(|it| it.split_once(')').unwrap().0.to_owned()).collect()
        });
        names.collect()
    }

    #[test]
    fn what_is_bound_before_a_statement_that_may_fail_is_kept() {
        let none: &[&[&str]] = &[];
        for (statements, variables, expected) in [
            ("let a = f();\ng()?;\n", &[("a", "A")][..], &[&["a"][..]][..]),
            ("let a = f(); // why\ng(&a)?;\n", &[("a", "A")], &[&["a"]]),
            (
                "let a = f();\nlet b = g(&a);\nh()?;\n",
                &[("b", "B"), ("a", "A")],
                &[&["b"], &["a"]],
            ),
            (
                "let (a, mut b) = f();\nlet c = 1;\nh()?;\n",
                &[("c", "i32"), ("b", "B"), ("a", "A")],
                &[&["b", "a", "c"]],
            ),
            // Nothing fails behind it.
            ("let a = f();\n", &[("a", "A")], none),
            ("let a = 1;\nlet b = a;\n", &[("a", "i32"), ("b", "i32")], none),
            // The rest moves it, sets it anew, or binds its name again.
            ("let a = f();\ng(a)?;\n", &[("a", "A")], none),
            ("let mut a = f();\na = g()?;\n", &[("a", "A")], none),
            ("let a = f();\nlet a = g(&a)?;\n", &[("a", "A")], none),
            // A number is copied.
            ("let a = f();\ng(a)?;\n", &[("a", "u64")], &[&["a"]]),
            // It is set later.
            ("let a;\na = f();\ng()?;\n", &[("a", "A")], none),
            // It is of no type that can be stored, or the cell has no variable.
            ("let a = f();\ng()?;\n", &[], none),
            // Two statements on one line: the columns of the second stay.
            ("let a = f(); g()?;\n", &[("a", "A")], none),
        ] {
            assert_eq!(kept(statements, variables), expected, "{statements}");
        }
    }

    #[test]
    fn an_old_variable_is_taken_only_if_the_cell_uses_it() {
        let load = format!("\nlet mut a = {TAKE_VARIABLE}Vec<u8>>(stringify!(a));\n");
        for (statements, type_name, is_taken) in [
            ("let a = f()?;\n", "Vec<u8>", false),
            ("g()?;\nlet a = f()?;\na.len();\n", "Vec<u8>", false),
            ("let a = f(a)?;\n", "Vec<u8>", true),
            ("g(\"{a}\");\nlet a = f()?;\n", "Vec<u8>", true),
            // An old variable of another type has no place in the store.
            ("let a = f()?;\n", "String", true),
        ] {
            let source =
                cell(statements, &[("a", type_name)]).replace(EXECUTOR_CALL, &format!("{load}{EXECUTOR_CALL}"));
            let text = with_kept_variables(&source).unwrap_or_else(|| source.clone());
            assert_eq!(text.contains(&load), is_taken, "{text}");
            assert_eq!(text.lines().count(), source.lines().count());
        }
    }

    #[test]
    fn a_cell_has_few_blocks() {
        let names: Vec<String> = (0..20).map(|number| format!("v{number}")).collect();
        let statements: String = names.iter().map(|name| format!("let {name} = f();\n")).collect();
        let variables: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "A")).collect();
        assert_eq!(kept(&statements, &variables).len(), MOST_BLOCKS);
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for source in ["", "fn f() {}", &cell("let a = ;\n", &[("a", "A")])] {
            assert_eq!(with_kept_variables(source), None);
        }
    }
}
