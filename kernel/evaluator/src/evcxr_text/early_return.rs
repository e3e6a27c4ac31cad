//! The macro by which a cell ends early, where the user wrote `return`.
//!
//! A cell stores its new variables at its end, so a cell that ends early has to store them where it ends. The macro does
//! so. It is defined anew before each statement that may end the cell, and stores the variables that are bound by then.
//! A macro's names mean what they mean at its definition, so that a variable of the same name in an inner block is never
//! stored in the place of the cell's own.

use crate::{
    evcxr_text::{markers::PUT_VARIABLE, store_calls::user_code},
    source::{
        early_return::{CALL, MACRO},
        syntax::{bindings, block},
    },
};
use syn::{Stmt, spanned::Spanned};

/// Returns the definition of the macro, for a source that calls it.
pub(crate) fn definition(source: &str) -> String {
    if source.contains(CALL) {
        format!(" {}", definition_with(""))
    } else {
        String::new()
    }
}

/// Writes the definition of a macro that ends the cell after some statements.
fn definition_with(statements: &str) -> String {
    format!("macro_rules! {MACRO} {{ () => {{{{ {statements}return ::core::result::Result::Ok(()) }}}} }}")
}

/// Returns the source of a cell that stores its new variables before it ends early, if the cell has any by then. No line
/// moves.
///
/// The source does not compile if a variable cannot be stored where the cell ends: it is moved or lent there, or another
/// of its name follows. The cell then compiles without the stores only.
pub(crate) fn with_stores(source: &str) -> Option<String> {
    if !source.contains(CALL) {
        return None;
    }
    let (code, puts) = user_code(source)?;
    let begin = code.as_ptr() as usize - source.as_ptr() as usize;
    let puts: Vec<(&str, &str)> = puts
        .lines()
        .filter_map(|line| Some((stored_name(line)?, line)))
        .collect();
    let statements = block(code)?.stmts;
    let mut text = source[..begin].to_owned();
    let mut from = 0;
    let mut bound: Vec<String> = Vec::new();
    let mut previous_end = 0;
    let mut has_stores = false;
    for statement in &statements {
        // The block's opening brace comes before the code.
        let place = statement.span().byte_range();
        let (start, end) = (place.start.checked_sub(1)?, place.end.checked_sub(1)?);
        let stores: String = puts
            .iter()
            .filter(|(name, _)| bound.iter().any(|it| it == name))
            .map(|(_, put)| format!("{put} "))
            .collect();
        if !stores.is_empty() && code[start..end].contains(CALL) {
            text += &code[from..previous_end];
            text += &format!(" {}", definition_with(&stores));
            from = previous_end;
            has_stores = true;
        }
        if let Stmt::Local(local) = statement {
            bound.extend(bindings(&local.pat).into_iter().map(|it| it.ident.to_string()));
        }
        previous_end = end;
    }
    proc_macro2::extra::invalidate_current_thread_spans();
    has_stores.then(|| text + &code[from..] + &source[begin + code.len()..])
}

/// Returns the name of the variable that a line stores, if the line stores one.
pub(super) fn stored_name(line: &str) -> Option<&str> {
    let call = line.strip_prefix(PUT_VARIABLE)?;
    Some(call.split_once(">(stringify!(")?.1.split_once(')')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evcxr_text::{markers::USER_CODE_ENDS, replacements::EXECUTOR_CALL};

    const PUT_A: &str = "evcxr_variable_store.put_variable::<u8>(stringify!(a), a);";
    const PUT_B: &str = "evcxr_variable_store.put_variable::<(u8, u8)>(stringify!(b), b);";

    fn cell(code: &str) -> String {
        format!("fn f() {{}}\n{EXECUTOR_CALL}\n{code}\n{PUT_B}\n{PUT_A}\n{USER_CODE_ENDS}\n}}));\n")
    }

    #[test]
    fn variables_that_are_bound_are_stored_where_the_cell_ends() {
        let source = cell("let a = 1; // one\nif a > 0 {__r!()}\nlet (b, c) = (a, 2);\n__r!();");
        let stored = with_stores(&source).unwrap();
        let expected = format!(
            "let a = 1; {} // one\nif a > 0 {{__r!()}}\nlet (b, c) = (a, 2); {}\n__r!();",
            definition_with(&format!("{PUT_A} ")),
            definition_with(&format!("{PUT_B} {PUT_A} ")),
        );
        assert_eq!(
            stored,
            source.replace(
                "let a = 1; // one\nif a > 0 {__r!()}\nlet (b, c) = (a, 2);\n__r!();",
                &expected
            )
        );
    }

    #[test]
    fn a_cell_without_variables_or_early_end_stays_as_it_is() {
        for code in [
            "let a = 1;",
            "__r!();",
            "__r!(); let a = 1;",
            "let d = 1;\n__r!();",
            "let a = ;\n__r!();",
        ] {
            assert_eq!(with_stores(&cell(code)), None, "{code}");
        }
        assert_eq!(with_stores("__r!()"), None);
        assert_eq!(definition("f();"), "");
        assert!(definition(CALL).contains("macro_rules! __r"));
    }
}
