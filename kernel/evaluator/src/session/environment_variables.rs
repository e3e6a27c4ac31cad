//! The environment variables through which the programs of the evaluator tell each other where things are.
//!
//! [`environment`](crate::session::environment) owns the variables that hide the cargo shim from the user's own
//! processes, such as `MOSAIC_SHIM`.

/// The process id of the kernel. Set for cargo and rustc, as evcxr starts them. The rustc wrapper stops once that kernel
/// is gone.
pub(crate) const KERNEL_VARIABLE: &str = "MOSAIC_KERNEL";

/// The run directory. Set for the cell process, which removes the variable before it runs code of the user.
pub(crate) const RUN_DIRECTORY_VARIABLE: &str = "MOSAIC_RUN_DIRECTORY";

/// The socket of the runtime's monitor. Set for the cell process, which removes the variable before it runs code of the
/// user.
pub(crate) const MONITOR_VARIABLE: &str = "MOSAIC_MONITOR";

/// The directory of a crate's manifest, as cargo tells rustc and so `env!`. For a cell, it is that of the notebook.
pub(crate) const MANIFEST_DIRECTORY_VARIABLE: &str = "CARGO_MANIFEST_DIR";

/// Set for the cargo shim when the kernel's own rust-analyzer starts it, which sees all crates; evcxr's does not.
pub(crate) const ANALYSING_VARIABLE: &str = "MOSAIC_ANALYSING";

/// Has cargo put a hash into the file names of the dylibs that it builds from directories, as it does for all other
/// libraries. Set for all calls of cargo. Cargo reads the variable for the compiler's own build.
///
/// So each build of a built-in crate has a file of its own: it replaces no library that the cell process has loaded, and
/// other sessions can have it.
pub(crate) const DYLIB_HASH_VARIABLE: &str = "__CARGO_DEFAULT_LIB_METADATA";

/// The key under which the rustc wrapper records its own call. The cargo shim sets it for cargo, and replays the call
/// for the next cell. See [`RUSTC_INVOCATIONS`](crate::session::files::RUSTC_INVOCATIONS).
pub(crate) const RUSTC_INVOCATION_VARIABLE: &str = "MOSAIC_RUSTC_INVOCATION";

/// The digests of the variables with which the cargo shim starts cargo, separated by spaces. The rustc wrapper records the
/// other variables of its call, which cargo has set. Those of the user may be secret, and come from the environment again
/// when the call is replayed.
pub(crate) const USERS_VARIABLES_VARIABLE: &str = "MOSAIC_USERS_VARIABLES";

/// The session directory that holds the [plan](crate::session::files::LINK_PLAN) for the linker. Set for rustc if this
/// executable is its linker.
pub(crate) const LINK_PLAN_VARIABLE: &str = "MOSAIC_LINK_PLAN";
