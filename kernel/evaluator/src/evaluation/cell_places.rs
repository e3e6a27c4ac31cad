//! Tells the rustc wrapper the places of code in the cells, by which compiled code names a place as `cell [7]:2:5`.

use crate::{
    session::{
        files,
        placed_code::{PlacedCell, PlacedItem},
    },
    source::syntax::words,
};
use std::{io, path::Path};

/// The name of a cell without a number of its own, such as one that the front-end runs silently.
const WITHOUT_NUMBER: &str = "cell";

/// The places of the items that evcxr may know.
#[derive(Debug, Default)]
pub(super) struct CellPlaces {
    /// The number of the last cell.
    number: u32,
    items: Vec<PlacedItem>,
}

impl CellPlaces {
    /// Returns the name of the next cell. A cell that is not counted has the number of the last one that is.
    pub(super) fn name(&mut self, number: u32) -> String {
        if number <= self.number {
            return WITHOUT_NUMBER.to_owned();
        }
        self.number = number;
        format!("cell [{number}]")
    }

    /// Tells the wrapper the parts of the cell that is about to be compiled.
    ///
    /// # Errors
    ///
    /// The session directory cannot be written to.
    pub(super) fn begin(&self, session: &Path, cell: &mut PlacedCell) -> io::Result<()> {
        if cell.name == WITHOUT_NUMBER {
            // Another such cell will have parts in the same files.
            cell.items.clear();
        }
        files::RUNNING_CELL.write(session, cell)
    }

    /// Notes that the cell was compiled or refused. The items of a compiled cell replace earlier ones.
    ///
    /// # Errors
    ///
    /// The session directory cannot be written to.
    pub(super) fn end(&mut self, session: &Path, cell: PlacedCell, is_compiled: bool) -> io::Result<()> {
        files::RUNNING_CELL.remove(session)?;
        if !is_compiled || cell.items.is_empty() {
            return Ok(());
        }
        let replaces = |old: &PlacedItem| cell.items.iter().any(|new| head(&new.text) == head(&old.text));
        self.items.retain(|old| !replaces(old));
        self.items.extend(cell.items);
        files::PLACED_ITEMS.write(session, &self.items)
    }
}

/// Returns the beginning of an item, which seldom changes from one version of the item to the next. A block has a member
/// in it, since each member may be an item with the header of the block.
fn head(item: &str) -> &str {
    let ends = ['{', ';', '='];
    let first = item.find(ends).unwrap_or(item.len());
    let is_block = words(&item[..first]).any(|word| ["impl", "extern"].contains(&word));
    let member = item.get(first + 1..).filter(|_| is_block);
    let second = member.and_then(|rest| rest.find(ends)).map(|at| first + 1 + at);
    item[..second.unwrap_or(first)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::placed_parts::{read, unmoved};

    fn run(places: &mut CellPlaces, session: &Path, number: u32, code: &str) {
        let name = places.name(number);
        let mut cell = read(code, &name, unmoved);
        places.begin(session, &mut cell).unwrap();
        assert_eq!(files::RUNNING_CELL.read(session), Some(cell.clone()));
        places.end(session, cell, true).unwrap();
        assert_eq!(files::RUNNING_CELL.read(session), None);
    }

    #[test]
    fn items_keep_the_places_of_their_last_cell() {
        let session = tempfile::tempdir().unwrap();
        let mut places = CellPlaces::default();
        run(&mut places, session.path(), 1, "fn f() { 1 } fn g() {}");
        run(&mut places, session.path(), 2, "fn f() { 2 }");
        // A cell that is not counted.
        run(&mut places, session.path(), 2, "fn h() {}");
        let kept = files::PLACED_ITEMS.read(session.path()).unwrap().into_iter();
        let kept: Vec<_> = kept.map(|item| (item.text, item.cell)).collect();
        let expected = [("fn g() {}", "cell [1]"), ("fn f() { 2 }", "cell [2]")];
        assert_eq!(kept, expected.map(|(text, cell)| (text.to_owned(), cell.to_owned())));
    }

    #[test]
    fn versions_of_an_item_begin_alike() {
        for (first, second, is_same) in [
            ("fn f() { 1 }", "fn f() { 2 }", true),
            ("fn f() {}", "fn g() {}", false),
            ("static A: u8 = 1;", "static A: u8 = 2;", true),
            ("impl S { fn f() { 1 } }", "impl S { fn f() { 2 } }", true),
            ("impl S { fn f() {} }", "impl S { fn g() {} }", false),
            ("impl T for S {}", "impl T for R {}", false),
        ] {
            assert_eq!(head(first) == head(second), is_same, "{first} {second}");
        }
    }

    #[test]
    fn a_cell_that_does_not_compile_leaves_the_earlier_items() {
        let session = tempfile::tempdir().unwrap();
        let mut places = CellPlaces::default();
        run(&mut places, session.path(), 1, "fn f() { 1 }");
        let cell = read("fn f() { 2 }", "cell [2]", unmoved);
        places.end(session.path(), cell, false).unwrap();
        let kept = files::PLACED_ITEMS.read(session.path()).unwrap();
        assert_eq!(kept[0].cell, "cell [1]");
    }
}
