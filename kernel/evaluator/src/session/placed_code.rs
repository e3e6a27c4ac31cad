//! The parts of a cell with their places in it, by which compiled code names a place as `cell [7]:2:5`.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The parts of a cell that are compiled with their places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacedCell {
    /// The name of the cell in places, such as `cell [7]`.
    pub(crate) name: String,
    pub(crate) items: Vec<PlacedItem>,
    /// All statements of the cell, in their order.
    pub(crate) statements: Vec<Statement>,
}

/// An item of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacedItem {
    /// The text of the item, its attributes included.
    pub(crate) text: String,
    /// The name of the cell in places.
    pub(crate) cell: String,
    pub(crate) place: Place,
    /// Where the item goes on, if the cell has something else between.
    pub(crate) jump: Option<Jump>,
}

/// The place of the rest of an item. A member of an `impl` is an item with a copy of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Jump {
    /// The number of characters before the rest, white space not counted.
    pub(crate) after: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A statement of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) text: String,
    /// The expressions of the statement, in their order.
    pub(crate) expressions: Vec<Expression>,
}

/// An expression that is compiled with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expression {
    /// The place in the text of the statement, in bytes.
    pub(crate) range: Range<usize>,
    pub(crate) place: Place,
    pub(crate) form: Form,
}

/// The syntax in which an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// Any expression may stand there.
    Expression,
    /// A block is needed there.
    Block,
    /// The text calls a macro that may expand to statements.
    Macro,
}

/// Where a part stands in its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The number of the part in the cell, from 0.
    pub(crate) part: usize,
    /// The line of the cell, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 1.
    pub(crate) column: usize,
}
