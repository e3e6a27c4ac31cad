//! The expansion, as its two users see it.

mod cell;
mod golden;
mod malformed;
mod readable;
