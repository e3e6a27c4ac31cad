//! runtime/expand
