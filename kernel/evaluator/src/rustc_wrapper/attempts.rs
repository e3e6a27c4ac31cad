//! The ways to compile a cell, and the order in which the wrapper tries them.
//!
//! This module decides from a few facts, without running anything. [`compile_cell`](super::compile_cell) gathers the
//! facts, follows the list, and keeps the lesson of the result.

/// A way to compile a cell. An attempt settles the compilation, or leaves it to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Print the errors that follow from the errors of the last compilation. Settles it without a library.
    ReplayErrors,
    /// Copy the library of an empty cell that another session compiled. Settles it if there is such a library.
    CopyEmptyCell,
    /// Have rustc compile the cell with the items that it reaches. Settles it if rustc succeeds or is interrupted.
    ReachableItems,
    /// Have rustc compile the cell with all items. Settles it.
    AllItems,
}

/// The facts of a cell that are known before rustc runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The user has not turned off shortcuts, `MOSAIC_FAST_PATH=0`.
    pub(super) is_fast: bool,
    /// rustc's errors follow from the errors of the last compilation.
    pub(super) errors_are_known: bool,
    /// The cell has neither items nor statements.
    pub(super) is_empty: bool,
    pub(super) items: Items,
}

/// The notebook's items before a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// Leaving some of the items out saves nothing.
    Few,
    /// The items have not compiled together yet.
    New,
    /// The items have compiled together, so those that the cell does not reach can be left out.
    Passed,
}

/// A result that later compilations profit from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// The library of an empty cell, for [`Attempt::CopyEmptyCell`].
    EmptyCell,
    /// The items that compiled together, for [`Attempt::ReachableItems`].
    PassedItems,
    /// The errors of a cell that does not compile, for [`Attempt::ReplayErrors`].
    Errors,
}

/// Lists the attempts at compiling a cell, the fastest first. The last one settles the compilation.
pub(super) fn attempts(facts: Facts) -> &'static [Attempt] {
    if facts.errors_are_known {
        return &[Attempt::ReplayErrors];
    }
    if !facts.is_fast {
        return &[Attempt::AllItems];
    }
    if facts.is_empty {
        return &[Attempt::CopyEmptyCell, Attempt::AllItems];
    }
    match facts.items {
        Items::Passed => &[Attempt::ReachableItems, Attempt::AllItems],
        Items::Few | Items::New => &[Attempt::AllItems],
    }
}

/// Decides what to keep of a compilation with all items.
pub(super) fn lesson(facts: Facts, succeeded: bool) -> Option<Lesson> {
    match facts {
        Facts { is_fast: false, .. } => None,
        Facts { is_empty: true, .. } => succeeded.then_some(Lesson::EmptyCell),
        _ if !succeeded => Some(Lesson::Errors),
        Facts { items: Items::Few, .. } => None,
        _ => Some(Lesson::PassedItems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Facts = Facts {
        is_fast: false,
        errors_are_known: false,
        is_empty: false,
        items: Items::Few,
    };
    const FAST: Facts = Facts { is_fast: true, ..SLOW };

    fn with_items(facts: Facts, items: Items) -> Facts {
        Facts { items, ..facts }
    }

    #[test]
    fn the_fastest_attempt_comes_first_and_the_last_one_settles() {
        let known = |facts: Facts| Facts {
            errors_are_known: true,
            ..facts
        };
        let empty = |facts: Facts| Facts {
            is_empty: true,
            ..facts
        };
        for (facts, expected) in [
            (FAST, &[Attempt::AllItems][..]),
            (with_items(FAST, Items::New), &[Attempt::AllItems]),
            (
                with_items(FAST, Items::Passed),
                &[Attempt::ReachableItems, Attempt::AllItems],
            ),
            (empty(FAST), &[Attempt::CopyEmptyCell, Attempt::AllItems]),
            (known(FAST), &[Attempt::ReplayErrors]),
            (known(with_items(FAST, Items::Passed)), &[Attempt::ReplayErrors]),
            (known(empty(FAST)), &[Attempt::ReplayErrors]),
            // Without shortcuts, only errors that are known already count.
            (SLOW, &[Attempt::AllItems]),
            (with_items(SLOW, Items::Passed), &[Attempt::AllItems]),
            (empty(SLOW), &[Attempt::AllItems]),
            (known(SLOW), &[Attempt::ReplayErrors]),
        ] {
            assert_eq!(attempts(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_compilation_with_all_items_teaches_what_speeds_up_the_next() {
        let empty = Facts { is_empty: true, ..FAST };
        for (facts, succeeded, expected) in [
            (FAST, true, None),
            (FAST, false, Some(Lesson::Errors)),
            (with_items(FAST, Items::New), true, Some(Lesson::PassedItems)),
            (with_items(FAST, Items::Passed), true, Some(Lesson::PassedItems)),
            (with_items(FAST, Items::New), false, Some(Lesson::Errors)),
            (empty, true, Some(Lesson::EmptyCell)),
            (empty, false, None),
            (SLOW, true, None),
            (SLOW, false, None),
            (with_items(SLOW, Items::New), true, None),
        ] {
            assert_eq!(lesson(facts, succeeded), expected, "{facts:?} {succeeded}");
        }
    }
}
