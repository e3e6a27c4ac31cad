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
//! | [`SHARED_CRATES`] | `mosaic-shared-crates.json` | rustc wrapper, kernel | rustc wrapper, kernel |
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
        settings::Settings,
        shared_files,
    },
    source::fingerprints::signatures::SignatureTypes,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    marker::PhantomData,
    path::{Path, PathBuf},
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
/// The dylibs through which cells link the crates of `:dep`. Absent until a cell names such a crate.
pub(crate) const SHARED_CRATES: SessionFile<Json<SharedCrates>> = SessionFile::new("mosaic-shared-crates.json");

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
    /// The symbols that libraries of earlier cells define in place of this cell, each with its library.
    pub(crate) imports: BTreeMap<String, PathBuf>,
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

/// A file of the session directory with contents `C`: [`Json`], [`Text`] or a [`Directory`].
#[derive(Debug)]
pub(crate) struct SessionFile<C> {
    name: &'static str,
    contents: PhantomData<fn() -> C>,
}

impl<C> SessionFile<C> {
    const fn new(name: &'static str) -> SessionFile<C> {
        SessionFile {
            name,
            contents: PhantomData,
        }
    }

    /// Returns the path relative to the session directory.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the path of the file in a session directory.
    pub(crate) fn path(&self, session: &Path) -> PathBuf {
        session.join(self.name)
    }

    /// Removes the file, if it exists.
    ///
    /// # Errors
    ///
    /// The file exists and cannot be removed.
    pub(crate) fn remove(&self, session: &Path) -> io::Result<()> {
        match fs::remove_file(self.path(session)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl<C: Contents> SessionFile<C> {
    /// Reads the file. Returns `None` if it does not exist or has not the expected form.
    pub(crate) fn read(&self, session: &Path) -> Option<C::Owned> {
        C::decode(fs::read(self.path(session)).ok()?)
    }

    /// Reads the file and removes it, so that its content is used once.
    pub(crate) fn take(&self, session: &Path) -> Option<C::Owned> {
        let path = self.path(session);
        let content = fs::read(&path).ok()?;
        // Where this fails, so does the next write, which says so.
        let _ = fs::remove_file(path);
        C::decode(content)
    }

    /// Writes the file in place.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn write(&self, session: &Path, content: &C::Borrowed) -> io::Result<()> {
        fs::write(self.path(session), C::encode(content)?)
    }

    /// Replaces the file in one step, without touching content that it may share with another session.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn replace(&self, session: &Path, content: &C::Borrowed) -> io::Result<()> {
        shared_files::replace(&self.path(session), &C::encode(content)?)
    }
}

/// Files of the session directory whose names have a prefix in common and end with a key.
#[derive(Debug)]
pub(crate) struct SessionFiles<C> {
    prefix: &'static str,
    contents: PhantomData<fn() -> C>,
}

impl<C: Contents> SessionFiles<C> {
    const fn new(prefix: &'static str) -> SessionFiles<C> {
        SessionFiles {
            prefix,
            contents: PhantomData,
        }
    }

    /// Returns the path of the file with a key.
    pub(crate) fn path(&self, session: &Path, key: &str) -> PathBuf {
        session.join(format!("{}{key}.json", self.prefix))
    }

    /// Reads the file at one of the [paths](SessionFiles::path). Returns `None` if it does not exist or has not the
    /// expected form.
    pub(crate) fn read(&self, path: &Path) -> Option<C::Owned> {
        C::decode(fs::read(path).ok()?)
    }

    /// Replaces the file at one of the [paths](SessionFiles::path) in one step.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn replace(&self, path: &Path, content: &C::Borrowed) -> io::Result<()> {
        shared_files::replace(path, &C::encode(content)?)
    }
}

/// The contents of a file and its encoding.
pub(crate) trait Contents {
    /// The type that reading returns.
    type Owned;
    /// The type that writing takes.
    type Borrowed: ?Sized;

    /// Returns the bytes of the file.
    fn encode(content: &Self::Borrowed) -> io::Result<Vec<u8>>;

    /// Returns the content, unless the bytes have not the expected form.
    fn decode(bytes: Vec<u8>) -> Option<Self::Owned>;
}

/// Contents of type `T`, encoded as JSON.
#[derive(Debug)]
pub(crate) struct Json<T>(PhantomData<fn() -> T>);

impl<T: Serialize + DeserializeOwned> Contents for Json<T> {
    type Owned = T;
    type Borrowed = T;

    fn encode(content: &T) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(content)?)
    }

    fn decode(bytes: Vec<u8>) -> Option<T> {
        serde_json::from_slice(&bytes).ok()
    }
}

/// Contents that are text in UTF-8.
#[derive(Debug)]
pub(crate) enum Text {}

impl Contents for Text {
    type Owned = String;
    type Borrowed = str;

    fn encode(content: &str) -> io::Result<Vec<u8>> {
        Ok(content.as_bytes().to_vec())
    }

    fn decode(bytes: Vec<u8>) -> Option<String> {
        String::from_utf8(bytes).ok()
    }
}

/// Marks an entry for a directory, which has a name and no contents of its own.
#[derive(Debug)]
pub(crate) enum Directory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let session = tempfile::tempdir().unwrap();
        let session = session.path();
        assert_eq!(MISSING_VARIABLES.read(session), None);
        let names = BTreeSet::from(["a".to_owned(), "ä".to_owned()]);
        MISSING_VARIABLES.write(session, &names).unwrap();
        assert_eq!(MISSING_VARIABLES.read(session), Some(names));
        fs::write(MISSING_VARIABLES.path(session), "[").unwrap();
        assert_eq!(MISSING_VARIABLES.read(session), None);
        LOCK_FILE.replace(session, "version = 4\n").unwrap();
        assert_eq!(LOCK_FILE.read(session).as_deref(), Some("version = 4\n"));
    }

    #[test]
    fn a_file_is_taken_once_and_removed_any_number_of_times() {
        let session = tempfile::tempdir().unwrap();
        let session = session.path();
        PROBED_TYPES.write(session, &vec![None]).unwrap();
        assert_eq!(PROBED_TYPES.take(session), Some(vec![None]));
        assert_eq!(PROBED_TYPES.take(session), None);
        PROBED_TYPES.remove(session).unwrap();
        PROBED_TYPES.write(session, &Vec::new()).unwrap();
        PROBED_TYPES.remove(session).unwrap();
        assert!(!PROBED_TYPES.path(session).exists());
    }

    #[test]
    fn files_of_one_kind_are_told_apart_by_their_keys() {
        let session = tempfile::tempdir().unwrap();
        let [first, second] = ["1", "2"].map(|key| RUSTC_INVOCATIONS.path(session.path(), key));
        let invocation = RustcInvocation {
            arguments: vec!["rustc".to_owned()],
            environment: BTreeMap::new(),
        };
        RUSTC_INVOCATIONS.replace(&first, &invocation).unwrap();
        assert_eq!(RUSTC_INVOCATIONS.read(&first), Some(invocation));
        assert_eq!(RUSTC_INVOCATIONS.read(&second), None);
    }
}
