//! Puts the items of a cell into carriers.

use crate::source::{
    carriers::{
        carried_cell::{CarriedCell, Edit},
        item_macros,
        kept_item::imported_name,
        keys,
        known_items::{KnownItems, Namespace, NewItems},
        marks::{self, MACRO_USE},
        split::{self, Block, Member},
    },
    preamble::{end_of_preamble, without_commands},
    syntax::words,
};
use ra_ap_syntax::{
    AstNode, Edition, SourceFile, SyntaxKind, SyntaxNode, SyntaxToken, T,
    ast::{self, HasAttrs, HasModuleItem, HasName},
};
use std::collections::BTreeSet;

/// Words of which each cell with an item has one.
const ITEM_WORDS: [&str; 18] = [
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "include",
    "lazy_static",
    "macro",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "thread_local",
    "trait",
    "type",
    "union",
    "use",
];
/// Macros whose content is a list of statics.
const STATICS: [&str; 2] = ["lazy_static", "thread_local"];

/// Stands before a cell, so that it parses as the body of a function. evcxr parses cells in the same way.
pub(super) const OPENS: &str = "fn f(){";

/// Puts the items of a cell into carriers. `number` is the cell's, `known` are the items of earlier cells, and evcxr is
/// to forget those of them that `forget` names. Returns nothing if the cell has no items.
pub(crate) fn carry(cell: &str, number: u32, known: &KnownItems, forget: &BTreeSet<String>) -> Option<CarriedCell> {
    let is_of_item = |word| ITEM_WORDS.contains(&word) || known.has_item_macro(word);
    if !words(cell).any(is_of_item) {
        return None;
    }
    let code = without_commands(cell);
    let parsed = SourceFile::parse(&format!("{OPENS}{code}\n}}"), Edition::Edition2024).tree();
    let function = parsed.items().next()?;
    let body = ast::Fn::cast(function.syntax().clone())?.body()?.stmt_list()?;
    let mut carrying = Carrying {
        cell,
        number,
        known,
        items: NewItems::default(),
        edits: Vec::new(),
        first: None,
    };
    for statement in body.syntax().children() {
        carrying.statement(&statement);
    }
    carrying.items.forget(known, forget);
    carrying.finish()
}

struct Carrying<'a> {
    cell: &'a str,
    number: u32,
    known: &'a KnownItems,
    items: NewItems,
    edits: Vec<Edit>,
    /// Where the first item begins, in bytes.
    first: Option<usize>,
}

impl Carrying<'_> {
    fn statement(&mut self, statement: &SyntaxNode) {
        if end(statement) > self.cell.len() {
            // Delimiters are out of balance.
            return;
        }
        if let Some(item) = ast::Item::cast(statement.clone()) {
            self.first.get_or_insert(begin(statement));
            self.item(&item);
        } else if let Some(call) = macro_call(statement) {
            self.macro_call(statement, &call);
        }
    }

    fn item(&mut self, item: &ast::Item) {
        let (space, name) = match item {
            ast::Item::Impl(it) => return self.implementation(it),
            ast::Item::ExternBlock(it) => return self.extern_block(it),
            ast::Item::MacroRules(it) => {
                if let Some(name) = it.name() {
                    let key = self.items.add_macro(name.text(), item_macros::makes_items(it));
                    self.whole(item.syntax(), &key);
                }
                return;
            }
            ast::Item::Const(it) if it.name().is_none() => {
                let key = self.items.add_carried(keys::unnamed_constant(it));
                return self.whole(item.syntax(), &key);
            }
            ast::Item::Use(it) => return self.import(it),
            ast::Item::Const(it) => (Namespace::Value, it.name()),
            ast::Item::Fn(it) => (Namespace::Value, it.name()),
            ast::Item::Static(it) => (Namespace::Value, it.name()),
            ast::Item::Enum(it) => (Namespace::Type, it.name()),
            ast::Item::Module(it) => (Namespace::Type, it.name()),
            ast::Item::Struct(it) => (Namespace::Type, it.name()),
            ast::Item::Trait(it) => (Namespace::Type, it.name()),
            ast::Item::TypeAlias(it) => (Namespace::Type, it.name()),
            ast::Item::Union(it) => (Namespace::Type, it.name()),
            ast::Item::AsmExpr(_) | ast::Item::ExternCrate(_) | ast::Item::MacroCall(_) | ast::Item::MacroDef(_) => {
                return;
            }
        };
        let Some(name) = name else { return };
        match self.items.add_plain(self.known, space, name.text()) {
            Some(key) => self.whole(item.syntax(), &key),
            None => self.mark(item.syntax()),
        }
    }

    fn implementation(&mut self, item: &ast::Impl) {
        let of_type = keys::type_name(item);
        if item.trait_().is_some() {
            let key = self.items.add_implementation(keys::trait_impl(item), of_type);
            return self.whole(item.syntax(), &key);
        }
        let list = item
            .assoc_item_list()
            .filter(|list| split::is_divisible(item, list.syntax()));
        let members = list
            .iter()
            .flat_map(ast::AssocItemList::assoc_items)
            .map(|member| Member {
                key: self
                    .items
                    .add_implementation(keys::member(item, &member), of_type.clone()),
                begin: begin(member.syntax()),
                end: end(member.syntax()),
            });
        let members: Vec<Member> = members.collect();
        let opens = list.and_then(|list| list.l_curly_token());
        if !self.in_pieces(item.syntax(), opens, members) {
            let key = self.items.add_implementation(keys::whole_impl(item), of_type);
            self.whole(item.syntax(), &key);
        }
    }

    fn extern_block(&mut self, item: &ast::ExternBlock) {
        let list = item
            .extern_item_list()
            .filter(|list| split::is_divisible(item, list.syntax()));
        let members = list
            .iter()
            .flat_map(ast::ExternItemList::extern_items)
            .map(|member| Member {
                key: self.foreign_item(&member),
                begin: begin(member.syntax()),
                end: end(member.syntax()),
            });
        let members: Vec<Member> = members.collect();
        let opens = list.and_then(|list| list.l_curly_token());
        if !self.in_pieces(item.syntax(), opens, members) {
            let key = self.items.add_carried(keys::by_text("extern", item.syntax()));
            self.whole(item.syntax(), &key);
        }
    }

    /// Carries each member of a block, which `opens` with a brace. Returns `false`, and does nothing, if the block cannot
    /// be carried in pieces.
    fn in_pieces(&mut self, item: &SyntaxNode, opens: Option<SyntaxToken>, members: Vec<Member>) -> bool {
        let Some(opens) = opens.filter(|_| !members.is_empty()) else {
            return false;
        };
        self.pieces(&Block::new(item, &opens, members));
        true
    }

    fn foreign_item(&mut self, item: &ast::ExternItem) -> String {
        let (space, name) = match item {
            ast::ExternItem::Fn(it) => (Namespace::Value, it.name()),
            ast::ExternItem::Static(it) => (Namespace::Value, it.name()),
            ast::ExternItem::TypeAlias(it) => (Namespace::Type, it.name()),
            ast::ExternItem::MacroCall(_) => (Namespace::Value, None),
        };
        match name {
            Some(name) => self.items.add_named(self.known, space, name.text()),
            None => self.items.add_carried(keys::by_text("extern", item.syntax())),
        }
    }

    /// Reads a `use`. evcxr splits it into names and keeps each by its name, without attributes.
    fn import(&mut self, item: &ast::Use) {
        let has_condition = item.attrs().any(|it| keys::text(it.syntax()).starts_with("# [ cfg"));
        if has_condition {
            let key = self.items.add_carried(keys::by_text("use", item.syntax()));
            return self.whole(item.syntax(), &key);
        }
        for tree in item.syntax().descendants().filter_map(ast::UseTree::cast) {
            imported_name(&tree)
                .into_iter()
                .for_each(|name| self.items.add_import(name));
        }
    }

    /// Reads the call of a macro among the statements of the cell.
    fn macro_call(&mut self, statement: &SyntaxNode, call: &ast::MacroCall) {
        let Some(name) = call.path().and_then(|path| path.segment()?.name_ref()) else {
            return;
        };
        let name = name.text();
        if STATICS.contains(&name) && self.statics(call).is_some() {
            self.first.get_or_insert(begin(statement));
            return;
        }
        let includes_items = || item_macros::includes_items(call, self.known.notebook());
        if self.items.is_item_macro(self.known, name) || includes_items() || self.guess(name, call) {
            self.first.get_or_insert(begin(statement));
            let key = self.items.add_carried(keys::by_text("call", call.syntax()));
            self.insert(begin(statement), marks::head(&key));
            let has_braces = call.token_tree().is_some_and(|it| it.l_curly_token().is_some());
            let has_semicolon = end(statement) > end(call.syntax());
            let (at, before) = match (has_braces, has_semicolon) {
                (true, _) => (end(call.syntax()), ""),
                (false, true) => (end(statement), ""),
                (false, false) => (end(call.syntax()), ";"),
            };
            let tail = marks::tail(self.number, self.line(begin(statement)));
            self.insert(at, format!("{before}{tail}"));
        }
    }

    /// Reports whether the call of a macro whose definition is not known probably makes items, and notes the guess.
    fn guess(&mut self, name: &str, call: &ast::MacroCall) -> bool {
        let makes_items = !self.known.is_statement_macro(name) && item_macros::begins_as_item(call);
        if makes_items {
            self.items.add_guess(name);
        }
        makes_items
    }

    /// Carries the statics in the braces of a macro call.
    fn statics(&mut self, call: &ast::MacroCall) -> Option<()> {
        let content = call.token_tree()?;
        let declarations = split::declarations(&content)?;
        let names = declarations.iter().map(|it| keys::static_name(it));
        let names: Vec<String> = names.collect::<Option<_>>()?;
        let members = declarations.iter().zip(names).map(|(tokens, name)| {
            let (first, last) = (tokens.first()?, tokens.last()?);
            Some(Member {
                key: self.items.add_named(self.known, Namespace::Value, &name),
                begin: offset(first.text_range().start()),
                end: offset(last.text_range().end()),
            })
        });
        let members: Vec<Member> = members.collect::<Option<_>>()?;
        let opens = content.l_curly_token().filter(|_| !members.is_empty())?;
        self.pieces(&Block::new(call.syntax(), &opens, members));
        Some(())
    }

    /// Carries an item in one piece.
    fn whole(&mut self, item: &SyntaxNode, key: &str) {
        let (begin, end) = (begin(item), end(item));
        let before = match item.kind() == SyntaxKind::MACRO_RULES {
            true => format!("{MACRO_USE}{}", marks::head(key)),
            false => marks::head(key),
        };
        self.insert(begin, before);
        self.insert(end, marks::tail(self.number, self.line(begin)));
    }

    /// Carries each member of a block.
    fn pieces(&mut self, block: &Block) {
        let mut line = self.line(block.begin);
        let mut from = block.begin;
        for (index, member) in block.members.iter().enumerate() {
            let head = marks::head(&member.key);
            if index == 0 {
                self.insert(from, head);
            } else {
                let before = format!("}}{}{head}", marks::tail(self.number, line));
                let repeats = block
                    .header
                    .places
                    .iter()
                    .map(|(at, place)| (before.len() + at, *place));
                let repeats = repeats.collect();
                self.edits.push(Edit {
                    at: from,
                    text: before + &block.header.text,
                    repeats,
                });
            }
            line = self.line(member.begin);
            from = member.end;
        }
        self.insert(block.end, marks::tail(self.number, line));
    }

    /// Says in an item without a carrier where the item is from.
    fn mark(&mut self, item: &SyntaxNode) {
        let last = item
            .last_token()
            .filter(|token| matches!(token.kind(), T!['}'] | T![;]));
        if let Some(last) = last {
            let at = offset(last.text_range().start());
            self.insert(at, marks::place_mark(self.number, self.line(begin(item))));
        }
    }

    fn insert(&mut self, at: usize, text: String) {
        self.edits.push(Edit {
            at,
            text,
            repeats: Vec::new(),
        });
    }

    fn line(&self, at: usize) -> usize {
        self.cell[..at].matches('\n').count() + 1
    }

    fn finish(mut self) -> Option<CarriedCell> {
        if self.edits.is_empty() && self.items.is_empty() {
            return None;
        }
        if !self.items.gone().is_empty() {
            let gone: String = self.items.gone().iter().map(|key| marks::gone(key)).collect();
            let edit = Edit {
                at: self.first.unwrap_or_else(|| end_of_preamble(self.cell)),
                text: gone + " ",
                repeats: Vec::new(),
            };
            self.edits.insert(0, edit);
        }
        Some(CarriedCell::new(self.cell, self.edits, self.items))
    }
}

/// Returns the call that a statement consists of, if it is the call of a macro.
fn macro_call(statement: &SyntaxNode) -> Option<ast::MacroCall> {
    let expression = match ast::ExprStmt::cast(statement.clone()) {
        Some(it) => it.expr()?,
        None => ast::Expr::cast(statement.clone())?,
    };
    match expression {
        ast::Expr::MacroExpr(it) => it.macro_call(),
        _ => None,
    }
}

/// Returns the byte of the cell at which a node begins.
pub(super) fn begin(node: &SyntaxNode) -> usize {
    offset(node.text_range().start())
}

/// Returns the byte of the cell at which a node ends.
pub(super) fn end(node: &SyntaxNode) -> usize {
    offset(node.text_range().end())
}

pub(super) fn offset(at: ra_ap_syntax::TextSize) -> usize {
    usize::from(at) - OPENS.len()
}
