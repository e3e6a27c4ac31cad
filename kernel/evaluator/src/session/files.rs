//! The files of the session directory: all that the programs of the evaluator tell each other through files.
//!
//! The session directory is the crate in which evcxr compiles the cells of one notebook. Beside the files of cargo and
//! of evcxr it holds the files by which the kernel, the rustc wrapper and the cargo shim talk. Each file has one entry
//! here, and no other module names one (`xtask/tests/invariants/main.rs` checks it).
//!
//! | entry | file | written by | read by |
//! | --- | --- | --- | --- |
//! | [`SETTINGS`] | `mosaic-settings.json` | kernel | rustc wrapper, kernel |
//! | [`CRATE_ATTRIBUTES`] | `mosaic-crate-attributes.json` | kernel | rustc wrapper, kernel |
//! | [`MISSING_VARIABLES`] | `mosaic-missing-variables.json` | kernel | rustc wrapper |
//! | [`VARIABLE_FINGERPRINTS`] | `mosaic-variable-fingerprints.json` | rustc wrapper | rustc wrapper |
//! | [`SIGNATURE_TYPES`] | `mosaic-signature-types.json` | rustc wrapper | rustc wrapper |
//! | [`FAILED_CELL`] | `mosaic-failed-cell.json` | rustc wrapper | rustc wrapper |
//! | [`PASSED_ITEMS`] | `mosaic-passed-items.json` | rustc wrapper | rustc wrapper |
//! | [`CONFLICTING_ITEMS`] | `mosaic-conflicting-items.json` | rustc wrapper | kernel |
//! | [`WARNINGS`] | `mosaic-warnings.json` | rustc wrapper | kernel |
//! | [`PROBED_TYPES`] | `mosaic-probed-types.json` | rustc wrapper | kernel |
//! | [`PROBE_OUTPUT`] | `mosaic-probe-output.txt` | rustc | rustc wrapper |
//! | [`SHARED_STATICS`] | `mosaic-shared-statics.json` | rustc wrapper | rustc wrapper |
//! | [`LINK_PLAN`] | `mosaic-link-plan.json` | rustc wrapper | linker |
//! | [`DIRECT_LINKER`] | `mosaic-direct-linker.json` | rustc wrapper | rustc wrapper |
//! | [`SHARED_CRATES`] | `mosaic-shared-crates.json` | rustc wrapper, kernel | rustc wrapper, kernel |
//! | [`HIDDEN_CRATES`] | `mosaic-hidden-crates.json` | rustc wrapper | rustc wrapper |
//! | [`RUSTC_INVOCATIONS`] | `mosaic-rustc-invocation-*.json` | rustc wrapper, cargo shim | cargo shim |
//! | [`POOLED_FOR`] | `mosaic-pooled-for.txt` | cargo shim | cargo shim |
//! | [`SAVED_VERSIONS`] | `mosaic-versions.lock` | kernel | a shell command of the kernel |
//! | [`RESTORED_VERSIONS`] | `mosaic-versions.new` | a shell command of the kernel | the same command |
//! | [`MANIFEST`] | `Cargo.toml` | evcxr | cargo, cargo shim, code help |
//! | [`LOCK_FILE`] | `Cargo.lock` | cargo, kernel, cargo shim | cargo, kernel, cargo shim |
//! | [`CARGO_CONFIGURATION`] | `.cargo/config.toml` | evcxr | cargo, cargo shim |
//! | [`CELL_SOURCE`] | `src/lib.rs` | evcxr, rustc wrapper | rustc, rustc wrapper, cargo shim |
//! | [`RUNNING_CELL`] | `mosaic-running-cell.json` | kernel | rustc wrapper |
//! | [`PLACED_ITEMS`] | `mosaic-placed-items.json` | kernel | rustc wrapper |
//! | [`NOTEBOOK_DIRECTORY`] | `mosaic-notebook-directory.txt` | kernel | rustc wrapper, code help |
//! | [`BESIDE`] | `beside` | rustc wrapper | rustc |
//! | [`EVCXR_CONFIGURATION`] | `evcxr.toml` | kernel | evcxr |
//! | [`SOURCES`], [`TARGET`], [`TEMPORARY`] | `src`, `target`, `tmp` | evcxr; cargo; rustc | |
//!
//! Most files are written in place, since their writers and readers take turns: the kernel writes before it has evcxr
//! compile, evcxr waits for cargo, and cargo waits for the rustc wrapper. A file that may share its content with
//! another session, as the lock file does, is [replaced](SessionFile::replace) instead. Code help alone reads while
//! others write: it compares the manifest that it reads with the one that it expects.

use crate::{
    session::{
        placed_code::{PlacedCell, PlacedItem},
        session_file::{Directory, Json, SessionFile, SessionFiles, Text},
        settings::Settings,
    },
    source::fingerprints::signatures::SignatureTypes,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The settings of commands such as `:opt` and `:fmt`. Absent until the first such command.
pub(crate) const SETTINGS: SessionFile<Json<Settings>> = SessionFile::new("mosaic-settings.json");

/// The attributes of the crate that cells have set, in their order. Absent until the first one.
pub(crate) const CRATE_ATTRIBUTES: SessionFile<Json<Vec<String>>> = SessionFile::new("mosaic-crate-attributes.json");

/// The variables that evcxr takes for stored and that are not. The wrapper leaves out the lines that would load them.
pub(crate) const MISSING_VARIABLES: SessionFile<Json<BTreeSet<String>>> =
    SessionFile::new("mosaic-missing-variables.json");

/// The stored variables, each with the fingerprint of the definitions that its type depends on.
///
/// The wrapper of the next cell compares them, so that a variable whose type was redefined is dropped and never
/// misread.
pub(crate) const VARIABLE_FINGERPRINTS: SessionFile<Json<BTreeMap<String, String>>> =
    SessionFile::new("mosaic-variable-fingerprints.json");

/// The types in the signatures of tesserae, each with its fingerprint and with the digest that stands in the cells.
pub(crate) const SIGNATURE_TYPES: SessionFile<Json<SignatureTypes>> = SessionFile::new("mosaic-signature-types.json");

/// The last cell that did not compile. evcxr compiles it again in another form, for which the wrapper replays the
/// errors.
pub(crate) const FAILED_CELL: SessionFile<Json<FailedCell>> = SessionFile::new("mosaic-failed-cell.json");

/// The items that have compiled together. The wrapper leaves those out that a cell does not reach.
pub(crate) const PASSED_ITEMS: SessionFile<Json<PassedItems>> = SessionFile::new("mosaic-passed-items.json");

/// The names by which evcxr keeps items that cannot be there together, for each error of rustc's. Absent if there are
/// none.
pub(crate) const CONFLICTING_ITEMS: SessionFile<Json<Vec<BTreeSet<String>>>> =
    SessionFile::new("mosaic-conflicting-items.json");

/// The warnings of the last compilation. Absent if there are none.
pub(crate) const WARNINGS: SessionFile<Json<CompilerWarnings>> = SessionFile::new("mosaic-warnings.json");

/// The types of the variables of the last probe, in the order of their `let`s; `None` where rustc does not tell.
pub(crate) const PROBED_TYPES: SessionFile<Json<Vec<Option<Type>>>> = SessionFile::new("mosaic-probed-types.json");

/// The MIR of the last probe, or the metadata of evcxr's analysis code, which nobody reads.
pub(crate) const PROBE_OUTPUT: SessionFile<Text> = SessionFile::new("mosaic-probe-output.txt");

/// The notebook's statics, each with the library in which it exists.
pub(crate) const SHARED_STATICS: SessionFile<Json<SharedStatics>> = SessionFile::new("mosaic-shared-statics.json");

/// What the linker does other than what rustc asks for.
pub(crate) const LINK_PLAN: SessionFile<Json<LinkPlan>> = SessionFile::new("mosaic-link-plan.json");

/// The linker that rustc runs for cells without a C compiler between them; `None` if there is none that works.
pub(crate) const DIRECT_LINKER: SessionFile<Json<Option<DirectLinker>>> = SessionFile::new("mosaic-direct-linker.json");

/// The dylibs through which cells link the crates of `:dep`. Absent until a cell names such a crate.
pub(crate) const SHARED_CRATES: SessionFile<Json<SharedCrates>> = SessionFile::new("mosaic-shared-crates.json");

/// The names of the crates that the user has not added and that the types of variables come from.
pub(crate) const HIDDEN_CRATES: SessionFile<Json<BTreeSet<String>>> = SessionFile::new("mosaic-hidden-crates.json");

/// How cargo called the rustc wrapper for a cell, by a digest of all that the call depends on.
pub(crate) const RUSTC_INVOCATIONS: SessionFiles<Json<RustcInvocation>> = SessionFiles::new("mosaic-rustc-invocation-");

/// The manifest, its lines sorted, for which the session last got the crates of the pool.
pub(crate) const POOLED_FOR: SessionFile<Text> = SessionFile::new("mosaic-pooled-for.txt");

/// The lock file from before a command that adds crates.
pub(crate) const SAVED_VERSIONS: SessionFile<Text> = SessionFile::new("mosaic-versions.lock");

/// The lock file that is about to be put back. A rename then replaces the lock file in one step.
pub(crate) const RESTORED_VERSIONS: SessionFile<Text> = SessionFile::new("mosaic-versions.new");

/// The manifest of the crate of the cells. evcxr lists the dependencies in an order that differs between sessions.
pub(crate) const MANIFEST: SessionFile<Text> = SessionFile::new("Cargo.toml");

/// The versions of the crates of the notebook. Its content may be shared with the template, so it is only replaced.
pub(crate) const LOCK_FILE: SessionFile<Text> = SessionFile::new("Cargo.lock");

/// The configuration of cargo for the crate of the cells.
pub(crate) const CARGO_CONFIGURATION: SessionFile<Text> = SessionFile::new(".cargo/config.toml");

/// The source of the cell with all items of the notebook. rustc's messages name it by this relative path.
pub(crate) const CELL_SOURCE: SessionFile<Text> = SessionFile::new("src/lib.rs");

/// The parts of the running cell whose places the compiled code knows. Absent while the kernel runs code of its own.
pub(crate) const RUNNING_CELL: SessionFile<Json<PlacedCell>> = SessionFile::new("mosaic-running-cell.json");

/// The items of the cells before the running one, with their places.
pub(crate) const PLACED_ITEMS: SessionFile<Json<Vec<PlacedItem>>> = SessionFile::new("mosaic-placed-items.json");

/// The directory of the notebook: the kernel's working directory when the kernel started.
pub(crate) const NOTEBOOK_DIRECTORY: SessionFile<Text> = SessionFile::new("mosaic-notebook-directory.txt");

/// The tree in which rustc finds the source of the cells beside the files of the notebook's directory.
pub(crate) const BESIDE: SessionFile<Directory> = SessionFile::new("beside");

/// The configuration of evcxr: where it compiles, and its rustc wrapper.
pub(crate) const EVCXR_CONFIGURATION: SessionFile<Text> = SessionFile::new("evcxr.toml");

/// The directory of the cell's source.
pub(crate) const SOURCES: SessionFile<Directory> = SessionFile::new("src");

/// The directory in which cargo builds.
pub(crate) const TARGET: SessionFile<Directory> = SessionFile::new("target");

/// The `TMPDIR` of compilations. What a killed compiler leaves there goes with the session.
pub(crate) const TEMPORARY: SessionFile<Directory> = SessionFile::new("tmp");

/// A cell that did not compile, with what rustc said of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailedCell {
    /// The source that was compiled.
    pub(crate) text: String,
    /// rustc's messages, one JSON object on a line.
    pub(crate) messages: String,
}

/// Digests of items that have compiled together, and of the crates that they were compiled with.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PassedItems(pub(crate) BTreeSet<String>);

/// The dylibs through which the cells of a session link the crates of `:dep`.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedCrates {
    /// The dylibs in the order in which they were made.
    pub(crate) libraries: Vec<SharedLibrary>,
    /// The crates that cells contain, since they cannot be in such a dylib: names with cargo's hash.
    pub(crate) contained: BTreeSet<String>,
    /// The builds of built-in crates that were made for the session, and of which the user knows.
    pub(crate) rebuilt: BTreeSet<PathBuf>,
    /// What the user is to be told. The kernel removes it when it has.
    pub(crate) notices: Vec<String>,
}

/// A dylib through which cells link crates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedLibrary {
    pub(crate) path: PathBuf,
    /// The crates in it, by their names with cargo's hash, each with a text that identifies its build.
    pub(crate) contents: BTreeMap<String, String>,
    /// The dylibs that it links.
    pub(crate) links: Vec<PathBuf>,
}

/// rustc's warnings of one compilation.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct CompilerWarnings {
    /// The source that was compiled.
    pub(crate) source: String,
    /// rustc's messages, each a JSON object.
    pub(crate) messages: Vec<Value>,
}

/// The statics of a notebook that exist in the library of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedStatics {
    /// How many statics there have been. The next one gets this number.
    pub(crate) count: u64,
    /// The statics that cells use now, by their [places](SharedStatic) in the notebook.
    pub(crate) by_place: BTreeMap<String, SharedStatic>,
}

/// A static that exists in the library of a cell. A place is the path of a static: `module::function::NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedStatic {
    /// A digest of the text of its definition.
    pub(crate) definition: String,
    /// The fingerprint of all definitions that its type and its initial value depend on.
    pub(crate) fingerprint: String,
    /// The symbol that the library exports.
    pub(crate) symbol: String,
    /// The library, under a name that stays.
    pub(crate) library: PathBuf,
}

/// How a cell is linked.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkPlan {
    /// The real linker.
    pub(crate) linker: PathBuf,
    /// rustc passes the real linker's own arguments, and not those of a C compiler.
    pub(crate) is_direct: bool,
    /// The symbols that libraries of earlier cells define in place of this cell, each with its library.
    pub(crate) imports: BTreeMap<String, PathBuf>,
}

/// A linker that rustc can run by itself, and where it finds the system's libraries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectLinker {
    pub(crate) program: PathBuf,
    /// The directories in which a C compiler would have it look, in their order.
    pub(crate) libraries: Vec<PathBuf>,
}

/// The type of a variable, as a probe learns it from rustc.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Type {
    /// A type that a cell can write.
    Named(String),
    /// A type that contains that of a closure or an asynchronous block, as it is shown: `impl Fn(i32) -> i32`.
    Nameless(String),
    /// A type that has no name, of a value that can be kept in a box: the type as it is shown, and the box's type.
    Boxable { shown: String, boxed: String },
}

/// A call of the rustc wrapper by cargo.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RustcInvocation {
    /// The arguments without the program: `rustc` and what cargo passes to it.
    pub(crate) arguments: Vec<String>,
    /// The variables that cargo has set for the process. All others are those of the user's environment.
    pub(crate) environment: BTreeMap<String, String>,
}
