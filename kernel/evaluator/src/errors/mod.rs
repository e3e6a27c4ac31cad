//! TODO

pub(crate) mod cell_error;
pub(crate) mod diagnostic;
pub(crate) mod lost_variables;
pub(crate) mod places;
pub(crate) mod unstorable;
pub(crate) mod warnings;
