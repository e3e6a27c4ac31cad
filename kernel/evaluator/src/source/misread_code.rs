//! Rust that evcxr would take for a part of the preamble: an expression that begins with `!`, and the documentation of
//! an item.
//!
//! evcxr runs every line that begins with `!` before the code as a command of the shell, and skips every line that
//! begins with `//`. A space before such a line makes it code to evcxr and to the kernel alike.

use crate::source::{
    preamble::{is_command, preamble},
    syntax::block,
};
use std::{borrow::Cow, collections::BTreeSet};
use syn::{
    Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Item, Lit, Macro, PatIdent, Stmt, UnOp, UseName, UseRename,
    visit::{self, Visit},
};

/// Returns the cell with a space before the line that evcxr would misread, if there is one. `is_known` reports whether
/// the notebook has a variable or an item of a name.
pub(crate) fn kept<'a>(cell: &'a str, is_known: impl Fn(&str) -> bool) -> Cow<'a, str> {
    match misread(cell, is_known) {
        Some(at) => Cow::Owned(format!("{} {}", &cell[..at], &cell[at..])),
        None => Cow::Borrowed(cell),
    }
}

/// Returns the byte at which the cell's code begins, if evcxr would take the line for a command or a comment.
pub(crate) fn misread(cell: &str, is_known: impl Fn(&str) -> bool) -> Option<usize> {
    let lines: Vec<(usize, &str)> = preamble(cell).collect();
    let mut negations = lines.iter().filter(|(_, line)| line.starts_with('!'));
    let negation = negations.find(|(begin, _)| is_negation(&cell[*begin..], &is_known));
    let found = negation
        .map(|(begin, _)| *begin)
        .or_else(|| documentation(cell, &lines));
    proc_macro2::extra::invalidate_current_thread_spans();
    found
}

/// Reports whether a text that begins with `!` is Rust and not a command of the shell.
///
/// All of the text parses as Rust. Its first statement has a call, which no shell would accept; or it uses only names
/// that are known, or that the text defines. So `!ls -la | head`, which parses too, is a command unless there are
/// variables `ls`, `la` and `head`.
fn is_negation(text: &str, is_known: &impl Fn(&str) -> bool) -> bool {
    let Some(block) = block(text) else { return false };
    let Some(Stmt::Expr(first, _)) = block.stmts.first() else {
        return false;
    };
    if negates_text(first) {
        return false;
    }
    let mut used = Used::default();
    used.visit_expr(first);
    let mut defined = Defined::default();
    defined.visit_block(&block);
    let is_there =
        |name: &String| is_known(name) || PRELUDE_VALUES.contains(&name.as_str()) || defined.names.contains(name);
    used.calls || used.names.iter().all(is_there)
}

/// The values in Rust's prelude that are no functions to call.
const PRELUDE_VALUES: [&str; 1] = ["None"];

/// Reports whether an expression begins with the negation of a string, which has no meaning in Rust.
fn negates_text(expression: &Expr) -> bool {
    match expression {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => negates_text(&unary.expr),
        Expr::Binary(binary) => negates_text(&binary.left),
        Expr::Lit(literal) => matches!(literal.lit, Lit::Str(_) | Lit::ByteStr(_) | Lit::CStr(_)),
        _ => false,
    }
}

/// The names of values that an expression uses, and whether the expression calls anything.
#[derive(Default)]
struct Used {
    names: BTreeSet<String>,
    calls: bool,
}

impl<'a> Visit<'a> for Used {
    fn visit_expr_path(&mut self, path: &'a ExprPath) {
        // A shell has no use for a path of several words.
        self.names.extend(path.path.get_ident().map(Ident::to_string));
    }

    fn visit_expr_call(&mut self, _: &'a ExprCall) {
        self.calls = true;
    }

    fn visit_expr_method_call(&mut self, _: &'a ExprMethodCall) {
        self.calls = true;
    }

    fn visit_macro(&mut self, _: &'a Macro) {
        self.calls = true;
    }
}

/// The names that a cell defines, at any depth.
#[derive(Default)]
struct Defined {
    names: BTreeSet<String>,
}

impl<'a> Visit<'a> for Defined {
    fn visit_pat_ident(&mut self, pattern: &'a PatIdent) {
        self.names.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_item(&mut self, item: &'a Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Static(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Struct(item) => Some(&item.ident),
            _ => None,
        };
        self.names.extend(name.map(Ident::to_string));
        visit::visit_item(self, item);
    }

    fn visit_use_name(&mut self, import: &'a UseName) {
        self.names.insert(import.ident.to_string());
    }

    fn visit_use_rename(&mut self, import: &'a UseRename) {
        self.names.insert(import.rename.to_string());
    }
}

/// Returns the byte at which the documentation of a cell's first item begins, if evcxr would skip it.
fn documentation(cell: &str, lines: &[(usize, &str)]) -> Option<usize> {
    let is_any_command = |line: &str| line.starts_with('!') || is_command(line);
    let commands = lines.iter().rposition(|(_, line)| is_any_command(line));
    let mut comments = lines[commands.map_or(0, |at| at + 1)..].iter();
    let (begin, _) = comments.find(|(_, line)| line.starts_with("///") && !line.starts_with("////"))?;
    let code = block(&cell[*begin..])?;
    matches!(code.stmts.first(), Some(Stmt::Item(_))).then_some(*begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line that a cell's code begins with, if it would be misread, in a notebook with the variables
    /// `ready`, `flags`, and `ls`.
    fn misread_line(cell: &str) -> Option<&str> {
        let at = misread(cell, |name| ["ready", "flags", "ls"].contains(&name))?;
        cell[at..].lines().next()
    }

    #[test]
    fn a_line_is_rust_if_the_cell_parses_and_its_names_are_known() {
        for rust in [
            "!ready",
            "!ready;",
            "!!ready",
            "!flags.is_empty()",
            "!unknown.is_empty()",
            "!(ready && flags.len() > 2) || ready",
            "!flags[0]",
            "!0u8",
            "!true",
            "!matches!(ready, true)",
            "!i32::MAX",
            "!(flags == None)",
            "!{ let x = ready; x }",
            "!if ready { true } else { false }",
            "!DEBUG;\nconst DEBUG: bool = true;",
            "!found && {\nuse other::found;\ntrue }",
            "!ls",
            "!ready\n&& flags",
        ] {
            assert_eq!(misread_line(rust), rust.lines().next(), "{rust}");
        }
        assert_eq!(misread_line("!pwd\n// then\n!ready;\nlet x = 1;"), Some("!ready;"));
        assert_eq!(misread_line(":dep x\n!ready"), Some("!ready"));
    }

    #[test]
    fn a_line_is_a_command_of_the_shell_otherwise() {
        for command in [
            "!pwd",
            "!ls -la | head",
            "!pip install x",
            "!cargo --version",
            "!make -j",
            "!sort < ready",
            "!ready > file",
            "!setup.sh",
            "!./run.sh",
            "!(cd x && make)",
            "!{ pwd; }",
            "!X=1",
            "!\"a b\"",
            "!python -c 'print(1)'",
            "!echo $(ready)",
            "!ready\nlet x = 1;",
            "! ls -l",
            "!",
        ] {
            assert_eq!(misread_line(command), None, "{command}");
        }
        assert_eq!(
            misread_line("let x = 1;\n!ready"),
            None,
            "evcxr takes no command behind code"
        );
    }

    #[test]
    fn documentation_of_the_first_item_is_code() {
        for (cell, line) in [
            ("/// One.\n/// Two.\nfn f() {}", Some("/// One.")),
            (
                ":dep x\n// Plain.\n\n/// One.\n// Plain.\n#[inline]\nfn f() {}",
                Some("/// One."),
            ),
            ("/// One.\nstruct S;\nlet x = 1;", Some("/// One.")),
            // In a block, documentation of anything else is a warning or an error.
            ("/// One.\nlet x = 1;", None),
            ("/// One.\n1 + 1", None),
            ("/// One.", None),
            ("//// Line.\nfn f() {}", None),
            ("//! The notebook.\nfn f() {}", None),
            ("// Plain.\nfn f() {}", None),
            // evcxr skips no such comment.
            ("/** One. */\nfn f() {}", None),
            // Commands come before the code.
            ("/// One.\n:dep x\nfn f() {}", None),
        ] {
            assert_eq!(misread_line(cell), line, "{cell}");
        }
    }

    #[test]
    fn a_space_makes_the_line_code() {
        let kept = kept("!ls a\n!ready", |name| name == "ready");
        assert_eq!(kept, "!ls a\n !ready");
        assert_eq!(preamble(&kept).count(), 1);
    }
}
