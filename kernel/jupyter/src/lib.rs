//! kernel/jupyter
