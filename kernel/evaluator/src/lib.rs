//! kernel/evaluator
