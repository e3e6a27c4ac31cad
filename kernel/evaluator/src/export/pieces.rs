//! Splits the code of a cell into its items, its statements, and the expression whose value the notebook shows.

use crate::source::{
    carriers::call_begins_as_item,
    crate_attributes, early_return, empty_statements, misread_code, nesting,
    preamble::{end_of_preamble, is_command, preamble, without_commands},
};
use anyhow::{Result, bail};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{Attribute, Expr, Item, Stmt, StmtMacro, spanned::Spanned};

/// A cell, taken apart.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The commands before the code, those of the shell included, as they are written.
    pub(super) commands: Vec<String>,
    /// Attributes of the crate.
    pub(super) attributes: Vec<String>,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a cell's code, with the comments before it.
#[derive(Debug)]
pub(super) struct Piece {
    /// The comments before the part, each on lines of its own.
    pub(super) before: String,
    /// The part as the user wrote it.
    pub(super) text: String,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Item(Box<Item>),
    /// The call of a macro that makes items.
    ItemMacro,
    Statement,
    /// The last expression of a cell, whose value is shown.
    Result,
}

/// What the tokens of a cell's code mention.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// The first names of paths, each of which may be a crate.
    pub(super) roots: BTreeSet<String>,
    /// All names.
    pub(super) names: BTreeSet<String>,
}

impl Pieces {
    /// Takes a cell apart. `is_known` reports whether the notebook has a variable or an item of a name.
    ///
    /// # Errors
    ///
    /// The cell does not parse, has an attribute that no crate can have, or returns at its top level.
    pub(super) fn of(cell: &str, is_known: impl Fn(&str) -> bool) -> Result<Pieces> {
        let cell = misread_code::kept(cell, is_known);
        let (mut pieces, commands) = (Pieces::default(), &cell[..end_of_preamble(&cell)]);
        let commands = preamble(commands).map(|(_, line)| line);
        let commands = commands.filter(|line| is_command(line) || line.starts_with('!'));
        pieces.commands = commands.map(|line| line.trim().to_owned()).collect();
        let mut code = without_commands(&cell);
        match crate_attributes::taken_out(&code, true) {
            Ok(Some(without)) => {
                pieces.attributes = without.attributes;
                code = without.text;
            }
            Ok(None) => {}
            Err(refused) => bail!("{}", refused.reason),
        }
        let code = early_return::rewritten(&code);
        if code.contains(early_return::CALL) {
            bail!(
                "`return` ends the cell here, and would end the whole program: put the rest of the cell into an `else`"
            );
        }
        pieces.add_code(&code)?;
        proc_macro2::extra::invalidate_current_thread_spans();
        Ok(pieces)
    }

    fn add_code(&mut self, code: &str) -> Result<()> {
        if nesting::check(code).is_some() {
            bail!("the code nests too deep");
        }
        let block = match syn::parse_str::<syn::Block>(&format!("{{{code}\n}}")) {
            Ok(block) => block,
            Err(error) => bail!("the code does not parse: {error}"),
        };
        let last = block.stmts.len().saturating_sub(1);
        let mut from = 0;
        for (index, statement) in block.stmts.into_iter().enumerate() {
            // The block's opening brace comes before the cell.
            let range = statement.span().byte_range();
            let (start, end) = (range.start - 1, range.end - 1);
            self.add_between(&code[from..start]);
            from = end;
            if empty_statements::is_empty(&statement) {
                continue;
            }
            let text = code[start..end].to_owned();
            let comment = self.pieces.pop_if(|piece| piece.is_comment());
            let before = comment.map_or_else(String::new, |it| it.before);
            let kind = kind_of(statement, index == last);
            self.pieces.push(Piece { before, text, kind });
        }
        self.add_between(&code[from..]);
        Ok(())
    }

    /// Adds what stands between two statements. A comment on the line of the first one belongs to it, and others to the
    /// second one, which is yet to come.
    fn add_between(&mut self, between: &str) {
        let mut between = between;
        if let Some(piece) = self.pieces.last_mut() {
            let (beside, rest) = between.split_once('\n').unwrap_or((between, ""));
            if !beside.trim().is_empty() && !piece.is_comment() {
                match piece.kind {
                    Kind::Result => piece.before = format!("{}{}\n", piece.before, beside.trim()),
                    _ => piece.text += &format!(" {}", beside.trim()),
                }
                between = rest;
            }
        }
        let comment = between.trim();
        if !comment.is_empty() {
            let before = format!("{comment}\n");
            self.pieces.push(Piece {
                before,
                text: String::new(),
                kind: Kind::Statement,
            });
        }
    }
}

impl Piece {
    /// Reports whether the piece is nothing but a comment.
    fn is_comment(&self) -> bool {
        self.text.is_empty()
    }

    /// Reports whether the piece is a definition, which stands outside of the function with the cells.
    pub(super) fn is_definition(&self) -> bool {
        matches!(self.kind, Kind::Item(_) | Kind::ItemMacro)
    }
}

/// Decides what a statement is. Only the `last` one may be a result.
fn kind_of(statement: Stmt, last: bool) -> Kind {
    match statement {
        Stmt::Item(item) => Kind::Item(Box::new(item)),
        Stmt::Macro(call) if is_item_macro(&call) => Kind::ItemMacro,
        Stmt::Macro(call) if last && call.semi_token.is_none() => Kind::Result,
        Stmt::Expr(expression, None) if last && may_have_value(&expression) => Kind::Result,
        _ => Kind::Statement,
    }
}

fn is_item_macro(call: &StmtMacro) -> bool {
    call_begins_as_item(&call.mac.to_token_stream().to_string())
}

/// Reports whether an expression may have another value than `()`.
fn may_have_value(expression: &Expr) -> bool {
    match expression {
        Expr::ForLoop(_) | Expr::While(_) | Expr::Assign(_) | Expr::Return(_) => false,
        Expr::If(branches) => branches.else_branch.is_some(),
        _ => true,
    }
}

/// Reports whether an item has the attribute `#[tessera]`.
pub(super) fn is_tessera(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    };
    attributes.iter().any(|attribute| attribute.path().is_ident("tessera"))
}

impl Mentions {
    /// Adds what a text mentions.
    pub(super) fn add(&mut self, text: &str) {
        if let Ok(tokens) = text.parse::<TokenStream>() {
            self.add_tokens(tokens);
        }
        proc_macro2::extra::invalidate_current_thread_spans();
    }

    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        let is_use = |at: usize| matches!(tokens.get(at), Some(TokenTree::Ident(it)) if it == "use" || it == "crate");
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(name) => {
                    let name = name.to_string();
                    let follows_path = at >= 2 && is_colon(at - 1) && is_colon(at - 2);
                    let begins_path = is_colon(at + 1) && is_colon(at + 2);
                    if begins_path && !follows_path || at >= 1 && is_use(at - 1) {
                        self.roots.insert(name.clone());
                    }
                    self.names.insert(name);
                }
                _ => {}
            }
        }
    }
}

/// Returns the tokens of an item as a text, by which two items are the same however they are laid out.
pub(super) fn tokens_of(item: &impl ToTokens) -> String {
    item.to_token_stream().to_string()
}
