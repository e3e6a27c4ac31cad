//! Blocks that are carried in pieces, one for each member. Each piece repeats the block's header.

use crate::source::carriers::carry::{begin, end, offset};
use ra_ap_syntax::{
    AstNode, NodeOrToken, SyntaxNode, SyntaxToken, T, TextSize,
    ast::{self, HasAttrs},
};

/// A block with members.
pub(super) struct Block {
    /// Where the whole block begins and ends.
    pub(super) begin: usize,
    pub(super) end: usize,
    pub(super) header: Header,
    pub(super) members: Vec<Member>,
}

impl Block {
    /// Reads a block whose members stand behind a brace.
    pub(super) fn new(block: &SyntaxNode, opens: &SyntaxToken, members: Vec<Member>) -> Block {
        Block {
            begin: begin(block),
            end: end(block),
            header: Header::of(block, opens.text_range().start()),
            members,
        }
    }
}

/// A member of a block.
pub(super) struct Member {
    pub(super) key: String,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The tokens before a block's members, up to the opening brace, as they stand in a repetition.
pub(super) struct Header {
    pub(super) text: String,
    /// Where each token begins in the text, and where in the source.
    pub(super) places: Vec<(usize, usize)>,
}

impl Header {
    /// Reads the header of a block. The header's documentation is not repeated.
    fn of(block: &SyntaxNode, opens: TextSize) -> Header {
        let mut header = Header {
            text: String::new(),
            places: Vec::new(),
        };
        let mut end = None;
        let tokens = block.descendants_with_tokens().filter_map(NodeOrToken::into_token);
        let tokens = tokens.take_while(|token| token.text_range().start() <= opens);
        for token in tokens.filter(|token| !token.kind().is_trivia()) {
            // Tokens that touch each other may be one operator.
            if end.is_some_and(|end| end != token.text_range().start()) {
                header.text.push(' ');
            }
            end = Some(token.text_range().end());
            let place = offset(token.text_range().start());
            header.places.push((header.text.len(), place));
            header.text += token.text();
        }
        header
    }
}

/// Attributes that mean the same on each piece of a block. Another attribute may be a macro that reads all members.
const PIECEWISE: [&str; 9] = [
    "allow",
    "automatically_derived",
    "cfg",
    "deny",
    "doc",
    "expect",
    "forbid",
    "link",
    "warn",
];

/// Reports whether a block with these attributes and this content may be carried in pieces.
pub(super) fn is_divisible(item: &impl HasAttrs, list: &SyntaxNode) -> bool {
    let has_inner = list.children().any(|it| ast::Attr::can_cast(it.kind()));
    let first_word = |attribute: &ast::Attr| {
        let tokens = attribute
            .syntax()
            .descendants_with_tokens()
            .filter_map(NodeOrToken::into_token);
        let mut words = tokens.filter(|token| token.kind().is_any_identifier());
        words.next().map(|it| it.text().to_owned())
    };
    let is_piecewise = |attribute: ast::Attr| first_word(&attribute).is_some_and(|it| PIECEWISE.contains(&&*it));
    !has_inner && item.attrs().all(is_piecewise)
}

/// Splits the content of a macro call's braces at semicolons, and returns the tokens of each declaration.
pub(super) fn declarations(content: &ast::TokenTree) -> Option<Vec<Vec<SyntaxToken>>> {
    content.l_curly_token()?;
    let mut found = Vec::new();
    let mut open: Vec<SyntaxToken> = Vec::new();
    for part in content.syntax().children_with_tokens() {
        let first = match &part {
            NodeOrToken::Node(node) => node.first_token()?,
            NodeOrToken::Token(token) => token.clone(),
        };
        let is_brace = part.as_token().is_some_and(|it| matches!(it.kind(), T!['{'] | T!['}']));
        if is_brace || (open.is_empty() && first.kind().is_trivia() && !is_documentation(&first)) {
            continue;
        }
        let ends = first.kind() == T![;];
        open.push(first);
        open.extend(part.as_node().and_then(SyntaxNode::last_token));
        if ends {
            found.push(std::mem::take(&mut open));
        }
    }
    while open.last().is_some_and(|last| last.kind().is_trivia()) {
        open.pop();
    }
    if !open.is_empty() {
        found.push(open);
    }
    Some(found)
}

fn is_documentation(token: &SyntaxToken) -> bool {
    token.text().starts_with("///") || token.text().starts_with("/**")
}
