//! One call of rustc by cargo: its arguments, parsed once.

use crate::{
    evcxr_text::markers::CELL_CRATE,
    linker::TO_LINKER,
    prebuilt::builtin,
    session::{
        environment,
        files::{self, DirectLinker},
        settings::{Edition, Settings},
    },
};
use std::{
    collections::BTreeMap,
    env::consts::{DLL_EXTENSION, DLL_PREFIX, DLL_SUFFIX},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Metadata that is the same in every build.
const CONSTANT_METADATA: &str = "metadata=mosaic";
/// Begins the option that chooses the linker.
const LINKER: &str = "linker=";
/// The option that says what kind of program the linker is.
const LINKER_FLAVOR: &str = "linker-flavor=";
/// Begins the option that chooses the edition.
const EDITION: &str = "--edition=";
/// Says that rustc runs the linker itself, and not a C compiler.
const DIRECT_FLAVOR: &str = "linker-flavor=ld.lld";

/// The arguments with which cargo calls rustc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RustcCall {
    /// All arguments, in cargo's order.
    arguments: Vec<Argument>,
    /// The value of `--crate-name`.
    crate_name: Option<String>,
    /// The value of `--crate-type`.
    crate_type: Option<String>,
    /// The value of `-C extra-filename=…`.
    extra_filename: Option<String>,
    /// The kinds of output in `--emit=…`.
    emit: Vec<String>,
    /// The values of `--extern` that name a file: the crate's name, and its file.
    externs: Vec<(String, PathBuf)>,
    /// The value of `--out-dir`.
    out_dir: Option<PathBuf>,
    /// The source of the crate, if it is a library's `src/lib.rs`.
    source: Option<PathBuf>,
}

/// An argument, or two that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Argument {
    /// `-C OPTION`, by its option.
    Codegen(OsString),
    /// `--emit=KINDS`, the whole of it.
    Emit(OsString),
    /// `--extern CRATE` or `-L PATH`, the flag and its value: these depend on the crates that the cell links.
    Crates(&'static str, OsString),
    /// Any other argument.
    Other(OsString),
}

impl RustcCall {
    /// Reads the arguments of rustc.
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> RustcCall {
        let mut call = RustcCall::default();
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            let flag = argument.to_str();
            match flag {
                Some("-C") => match rest.next() {
                    Some(option) => call.add_codegen(option),
                    None => call.arguments.push(Argument::Other(argument)),
                },
                Some("--extern" | "-L") => {
                    let flag = if flag == Some("-L") { "-L" } else { "--extern" };
                    match rest.next() {
                        Some(value) => call.add_crates(flag, value),
                        None => call.arguments.push(Argument::Other(argument)),
                    }
                }
                Some("--crate-name" | "--crate-type" | "--out-dir") => {
                    let value = rest.next();
                    call.note(flag.unwrap_or_default(), value.as_deref());
                    call.arguments.push(Argument::Other(argument));
                    call.arguments.extend(value.map(Argument::Other));
                }
                _ => call.add_other(argument),
            }
        }
        call
    }

    fn add_codegen(&mut self, option: OsString) {
        let extra = option
            .to_str()
            .and_then(|option| option.strip_prefix("extra-filename="));
        self.extra_filename = extra.map(str::to_owned).or(self.extra_filename.take());
        self.arguments.push(Argument::Codegen(option));
    }

    fn add_crates(&mut self, flag: &'static str, value: OsString) {
        let named = value.to_str().filter(|_| flag == "--extern");
        if let Some((name, file)) = named.and_then(|value| value.split_once('=')) {
            // Options come before the name: `noprelude:core=…`.
            let name = name.rsplit(':').next().unwrap_or(name);
            self.externs.push((name.to_owned(), file.into()));
        }
        self.arguments.push(Argument::Crates(flag, value));
    }

    /// Keeps the value of a flag that is read later.
    fn note(&mut self, flag: &str, value: Option<&OsStr>) {
        let text = value.and_then(OsStr::to_str).map(str::to_owned);
        match flag {
            "--crate-name" if self.crate_name.is_none() => self.crate_name = text,
            "--crate-type" if self.crate_type.is_none() => self.crate_type = text,
            "--out-dir" if self.out_dir.is_none() => self.out_dir = value.map(PathBuf::from),
            _ => {}
        }
    }

    fn add_other(&mut self, argument: OsString) {
        if let Some(kinds) = argument.to_str().and_then(|text| text.strip_prefix("--emit=")) {
            // A kind may name its file: `link=FILE`.
            let kinds = kinds.split(',').filter_map(|kind| kind.split('=').next());
            self.emit.extend(kinds.map(str::to_owned));
            self.arguments.push(Argument::Emit(argument));
            return;
        }
        if self.source.is_none() && Path::new(&argument).ends_with(files::CELL_SOURCE.name()) {
            self.source = Some(PathBuf::from(&argument));
        }
        self.arguments.push(Argument::Other(argument));
    }

    /// Yields the arguments for rustc.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &OsStr> {
        self.arguments.iter().flat_map(Argument::words)
    }

    /// Yields the arguments that do not depend on the crates that the cell links.
    pub(super) fn arguments_without_crates(&self) -> impl Iterator<Item = &OsStr> {
        let others = self.arguments.iter().filter(|it| !matches!(it, Argument::Crates(..)));
        others.flat_map(Argument::words)
    }

    /// Reports whether rustc is to build a library, and not only to check the source.
    pub(super) fn links(&self) -> bool {
        self.emit.iter().any(|kind| kind == "link")
    }

    /// Identifies the builds of the crates that the cell links, by each crate's file and the time when it was written.
    pub(super) fn linked_crates(&self) -> BTreeMap<String, String> {
        let found = self.externs.iter();
        found
            .filter_map(|(name, path)| Some((name.clone(), file_build(path)?)))
            .collect()
    }

    /// Returns the crates that the call links by a file: their names in the source, and their files.
    pub(super) fn externs(&self) -> &[(String, PathBuf)] {
        &self.externs
    }

    /// Adds a crate by its name in the source.
    pub(super) fn add_extern(&mut self, name: &str, path: &Path) {
        let mut value = OsString::from(format!("{name}="));
        value.push(path);
        self.add_crates("--extern", value);
    }

    /// Yields the arguments that say where crates and libraries lie and which linker is used.
    pub(super) fn arguments_of_linking(&self) -> impl Iterator<Item = &OsStr> {
        let arguments = self.arguments.iter().filter(|it| match it {
            Argument::Crates(flag, _) => *flag == "-L",
            Argument::Codegen(_) => it.is_option("linker"),
            Argument::Emit(_) | Argument::Other(_) => false,
        });
        arguments.flat_map(Argument::words)
    }

    /// Returns the library that the call builds, if it is a crate that others can link.
    pub(super) fn library(&self) -> Option<PathBuf> {
        let name = self.crate_name.as_ref()?;
        let extension = match self.crate_type.as_deref()? {
            "lib" | "rlib" => "rlib",
            "dylib" => DLL_EXTENSION,
            _ => return None,
        };
        let file = format!("lib{name}{}.{extension}", self.extra_filename.as_ref()?);
        Some(self.out_dir.as_ref()?.join(file))
    }

    /// Has rustc write the arguments of the linker beside the library if the call builds a dylib.
    pub(super) fn print_link_arguments(&mut self, extension: &str) {
        if let Some(library) = self.library().filter(|_| self.crate_type.as_deref() == Some("dylib")) {
            let file = library.with_extension(extension);
            self.arguments
                .push(Argument::Other(format!("--print=link-args={}", file.display()).into()));
        }
    }

    /// Returns the source of the cell, if the call compiles a cell.
    pub(super) fn cell_source(&self) -> Option<&Path> {
        self.source
            .as_deref()
            .filter(|_| self.crate_name.as_deref() == Some(CELL_CRATE))
    }

    /// Returns the call with another file as the source, and with more options.
    pub(super) fn with_source(&self, source: &Path, options: impl IntoIterator<Item = OsString>) -> RustcCall {
        let mut call = self.clone();
        let is_source = |argument: &&mut Argument| matches!(argument, Argument::Other(it) if self.source.as_deref() == Some(Path::new(it)));
        if let Some(argument) = call.arguments.iter_mut().find(is_source) {
            *argument = Argument::Other(source.into());
        }
        call.arguments.extend(options.into_iter().map(Argument::Other));
        call
    }

    /// Has rustc compile the source in an edition.
    pub(super) fn set_edition(&mut self, edition: Edition) {
        for argument in &mut self.arguments {
            if matches!(argument, Argument::Other(it) if it.as_encoded_bytes().starts_with(EDITION.as_bytes())) {
                *argument = Argument::Other(format!("{EDITION}{}", edition.year()).into());
            }
        }
    }

    /// Returns the library that rustc writes for the cell, if the call compiles a cell.
    pub(super) fn cell_library(&self) -> Option<PathBuf> {
        self.cell_source()?;
        Some(
            self.out_dir
                .as_ref()?
                .join(format!("{DLL_PREFIX}{CELL_CRATE}{DLL_SUFFIX}")),
        )
    }

    /// Adds the option `-C OPTION`.
    pub(super) fn add_option(&mut self, option: impl Into<OsString>) {
        self.add_codegen(option.into());
    }

    /// Has rustc run another linker. Returns the linker that cargo's configuration chose, if it chose one.
    pub(super) fn replace_linker(&mut self, linker: &Path) -> Option<PathBuf> {
        let chosen = self.arguments.iter().rev().find_map(|argument| match argument {
            Argument::Codegen(option) => Some(option.to_str()?.strip_prefix(LINKER)?.into()),
            _ => None,
        });
        self.remove_options(&[LINKER]);
        let mut option = OsString::from(LINKER);
        option.push(linker);
        self.add_option(option);
        chosen
    }

    /// Reports whether the user has chosen how to link: a linker, or arguments for it.
    pub(super) fn chooses_linking(&self) -> bool {
        self.arguments.iter().any(|argument| {
            let joined = matches!(argument, Argument::Other(it) if it.as_encoded_bytes().starts_with(b"-Clink"));
            joined || argument.is_option("link")
        })
    }

    /// Has rustc run a linker by itself, and not by way of a C compiler.
    pub(super) fn link_directly(&mut self, linker: &DirectLinker) {
        self.replace_linker(&linker.program);
        self.add_option(DIRECT_FLAVOR);
        for directory in &linker.libraries {
            let mut path = OsString::from("native=");
            path.push(directory);
            self.add_crates("-L", path);
        }
        // A cell is too small to share among threads.
        self.add_linker_option("--threads=1");
    }

    /// Adds an option for the linker itself.
    pub(super) fn add_linker_option(&mut self, option: &str) {
        let to_linker = if self.runs_c_compiler() { TO_LINKER } else { "" };
        self.add_option(format!("link-arg={to_linker}{option}"));
    }

    /// Reports whether rustc links by way of a C compiler, as it does unless a flavor says otherwise.
    fn runs_c_compiler(&self) -> bool {
        let flavor = self.arguments.iter().rev().find_map(|argument| {
            let (Argument::Codegen(option) | Argument::Other(option)) = argument else {
                return None;
            };
            let option = option.to_str()?;
            option.strip_prefix("-C").unwrap_or(option).strip_prefix(LINKER_FLAVOR)
        });
        // Such as `gcc` and `gnu-lld-cc`, and not `ld.lld` and `gnu-lld`.
        flavor.is_none_or(|flavor| flavor.ends_with("cc"))
    }

    /// Keeps the `TypeId`s of a crate's types across builds, if the crate's types are the same in each. A `TypeId`
    /// depends on the crate's metadata, and cargo changes the metadata with every dependency.
    pub(super) fn keep_type_ids(&mut self) {
        let name = self.crate_name.as_deref();
        if name.is_some_and(builtin::has_constant_types) {
            self.set_constant_metadata();
        }
    }

    fn set_constant_metadata(&mut self) {
        for argument in &mut self.arguments {
            if argument.is_option("metadata=") {
                *argument = Argument::Codegen(CONSTANT_METADATA.into());
            }
        }
    }

    fn remove_options(&mut self, names: &[&str]) {
        self.arguments
            .retain(|argument| !names.iter().any(|name| argument.is_option(name)));
    }

    /// Returns the call that compiles a cell to be run.
    ///
    /// A cell is compiled once. Files for the next compilation cost more than they save unless the cell is `long`, and
    /// so does more than one unit of code generation.
    pub(super) fn of_running_cell(&self, settings: &Settings, long: bool) -> RustcCall {
        let mut call = self.clone();
        call.set_constant_metadata();
        // evcxr renames the library, so its name may be the same for all crates that the cell links.
        call.remove_options(&["extra-filename="]);
        if environment::is_fast() && !long {
            call.remove_options(&["incremental=", "codegen-units="]);
            call.add_option("codegen-units=1");
        }
        if settings.profiled || environment::wants_backtraces() {
            // Options of the profile strip what a backtrace reads.
            call.remove_options(&["strip="]);
            // A profile needs the paths of functions that the compiler has put into others.
            let debug_info = if settings.profiled { "1" } else { "line-tables-only" };
            call.add_option(format!("debuginfo={debug_info}"));
        }
        if settings.debugs {
            call.remove_options(&["strip=", "debuginfo="]);
            call.add_option("debuginfo=2");
        }
        call.remove_options(&["opt-level="]);
        settings.code_generation().for_each(|option| call.add_option(option));
        call
    }

    /// Returns the call that writes one kind of output to a file, without a library.
    pub(super) fn of_checked_cell(&self, kind: &str, output: &Path) -> RustcCall {
        let mut call = self.clone();
        call.remove_options(&["incremental="]);
        call.arguments.retain(|argument| !matches!(argument, Argument::Emit(_)));
        let mut emit = OsString::from(format!("--emit={kind}="));
        emit.push(output);
        call.arguments.push(Argument::Emit(emit));
        // Without optimisation no call disappears from the MIR.
        let options = ["-Copt-level=0", "-Cdebuginfo=0", "-Awarnings"];
        call.arguments.extend(options.map(|it| Argument::Other(it.into())));
        call
    }
}

/// Identifies the build of a crate by its file and the time when it was written.
pub(super) fn file_build(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_string_lossy();
    let written = fs::metadata(path).and_then(|it| it.modified()).ok();
    let written = written.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    Some(format!("{file}@{}", written.unwrap_or_default().as_nanos()))
}

impl Argument {
    fn words(&self) -> impl Iterator<Item = &OsStr> {
        let (flag, value) = match self {
            Argument::Codegen(option) => (Some("-C"), option),
            Argument::Crates(flag, value) => (Some(*flag), value),
            Argument::Emit(whole) | Argument::Other(whole) => (None, whole),
        };
        flag.map(OsStr::new).into_iter().chain([value.as_os_str()])
    }

    /// Reports whether this is an option `-C` that begins so.
    fn is_option(&self, begin: &str) -> bool {
        matches!(self, Argument::Codegen(option) if option.as_encoded_bytes().starts_with(begin.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> RustcCall {
        RustcCall::parse(arguments.split(' ').map(OsString::from))
    }

    fn text(call: &RustcCall) -> String {
        let words: Vec<&str> = call.arguments().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    const CELL: &str = "--crate-name ctx --edition=2024 src/lib.rs --error-format=json --crate-type cdylib \
         --emit=dep-info,link -C opt-level=2 -C metadata=0123456789abcdef --out-dir /s/target/deps \
         -L dependency=/s/target/deps --extern serde=/s/libserde.rlib --extern noprelude:core=/s/libcore.rlib --extern alloc";

    #[test]
    fn arguments_are_read_once_and_given_as_they_came() {
        let call = parse(CELL);
        assert_eq!(text(&call), CELL);
        assert_eq!(call.crate_name.as_deref(), Some("ctx"));
        assert_eq!(call.emit, ["dep-info", "link"]);
        assert_eq!(call.source.as_deref(), Some(Path::new("src/lib.rs")));
        assert_eq!(call.out_dir.as_deref(), Some(Path::new("/s/target/deps")));
        let externs = [("serde", "/s/libserde.rlib"), ("core", "/s/libcore.rlib")];
        assert_eq!(call.externs, externs.map(|(name, file)| (name.to_owned(), file.into())));
        let without = "--crate-name ctx --edition=2024 src/lib.rs --error-format=json --crate-type cdylib \
             --emit=dep-info,link -C opt-level=2 -C metadata=0123456789abcdef --out-dir /s/target/deps";
        let words: Vec<&str> = call.arguments_without_crates().map(|it| it.to_str().unwrap()).collect();
        assert_eq!(words.join(" "), without);
    }

    #[test]
    fn a_flag_without_its_value_stays() {
        for arguments in ["-vV", "x -C", "x --extern", "x -L", "x --crate-name", "x --out-dir"] {
            let call = parse(arguments);
            assert_eq!(text(&call), arguments);
            assert!(call.cell_source().is_none() && call.cell_library().is_none());
        }
    }

    #[test]
    fn only_the_cells_own_crate_is_touched() {
        assert!(
            parse("--crate-name ctx --edition=2024 src/lib.rs")
                .cell_source()
                .is_some()
        );
        assert!(
            parse("--crate-name serde --edition=2024 src/lib.rs")
                .cell_source()
                .is_none()
        );
        assert!(
            parse("--crate-name ctx --edition=2024 src/main.rs")
                .cell_source()
                .is_none()
        );
        let library = parse(CELL).cell_library();
        assert_eq!(
            library,
            Some(Path::new("/s/target/deps").join(format!("{DLL_PREFIX}ctx{DLL_SUFFIX}")))
        );
    }

    #[test]
    fn a_library_is_built_only_if_it_is_linked() {
        for (emit, links) in [
            ("--emit=dep-info,link", true),
            ("--emit=dep-info,metadata,link", true),
            ("--emit=dep-info,link=/s/libctx.so", true),
            ("--emit=dep-info,metadata", false),
            ("-vV", false),
        ] {
            assert_eq!(parse(emit).links(), links, "{emit}");
        }
    }

    #[test]
    fn only_crates_with_constant_types_keep_their_type_ids() {
        for (name, metadata) in [("mosaic", "mosaic"), ("mosaic_abi", "mosaic"), ("serde", "0123")] {
            let mut call = parse(&format!("--crate-name {name} -C metadata=0123"));
            call.keep_type_ids();
            assert_eq!(text(&call), format!("--crate-name {name} -C metadata={metadata}"));
        }
    }

    #[test]
    fn a_short_cell_is_compiled_in_one_unit_without_incremental_files() {
        let call = parse(
            "-C opt-level=2 -C codegen-units=16 -C incremental=/x -C rpath -C metadata=0123456789abcdef \
             -C extra-filename=-0123456789abcdef",
        );
        for (long, expected) in [
            (false, "-C rpath -C metadata=mosaic -C codegen-units=1"),
            (
                true,
                "-C codegen-units=16 -C incremental=/x -C rpath -C metadata=mosaic",
            ),
        ] {
            let compiled = text(&call.of_running_cell(&Settings::default(), long));
            // `RUST_BACKTRACE` may be set.
            assert_eq!(
                compiled.replace(" -C debuginfo=line-tables-only", ""),
                format!("{expected} -C opt-level=3 -C overflow-checks=on")
            );
        }
    }

    #[test]
    fn settings_take_the_place_of_the_profile() {
        let call = parse("-C opt-level=3 -C rpath");
        let settings = Settings {
            opt_level: Some("0".to_owned()),
            omits_overflow_checks: true,
            target_cpu: Some("native".to_owned()),
            ..Settings::default()
        };
        let compiled = text(&call.of_running_cell(&settings, true));
        assert_eq!(
            compiled.replace(" -C debuginfo=line-tables-only", ""),
            "-C rpath -C opt-level=0 -C overflow-checks=off -C target-cpu=native"
        );
    }

    #[test]
    fn a_debugged_cell_is_whole() {
        let call = parse("-C opt-level=3 -C strip=debuginfo -C rpath");
        let settings = Settings {
            debugs: true,
            ..Settings::default()
        };
        assert_eq!(
            text(&call.of_running_cell(&settings, true)),
            "-C rpath -C debuginfo=2 -C opt-level=0 -C overflow-checks=on"
        );
    }

    #[test]
    fn another_linker_takes_the_place_of_the_chosen_one() {
        for (arguments, chosen, expected) in [
            ("-C rpath", None, "-C rpath -C linker=/k"),
            (
                "-C linker=clang -C linker-flavor=gcc",
                Some("clang"),
                "-C linker-flavor=gcc -C linker=/k",
            ),
        ] {
            let mut call = parse(arguments);
            assert_eq!(call.replace_linker(Path::new("/k")), chosen.map(PathBuf::from));
            assert_eq!(text(&call), expected);
        }
    }

    #[test]
    fn an_option_for_the_linker_reaches_it_through_a_c_compiler() {
        for (arguments, expected) in [
            ("-C rpath", "-C rpath -C link-arg=-Wl,-zdefs"),
            ("-Clinker-flavor=ld.lld", "-Clinker-flavor=ld.lld -C link-arg=-zdefs"),
            (
                "-C linker-flavor=gnu-lld",
                "-C linker-flavor=gnu-lld -C link-arg=-zdefs",
            ),
            (
                "-C linker-flavor=gnu-lld-cc",
                "-C linker-flavor=gnu-lld-cc -C link-arg=-Wl,-zdefs",
            ),
            (
                "-C linker-flavor=ld -C linker-flavor=gcc",
                "-C linker-flavor=ld -C linker-flavor=gcc -C link-arg=-Wl,-zdefs",
            ),
        ] {
            let mut call = parse(arguments);
            call.add_linker_option("-zdefs");
            assert_eq!(text(&call), expected);
        }
    }

    #[test]
    fn a_checked_cell_has_no_library() {
        let call = parse("--crate-name ctx src/lib.rs --emit=dep-info,link -C opt-level=2 -C incremental=/x");
        let expected = "--crate-name ctx src/lib.rs -C opt-level=2 --emit=mir=/s/out -Copt-level=0 -Cdebuginfo=0 \
             -Awarnings";
        assert_eq!(text(&call.of_checked_cell("mir", Path::new("/s/out"))), expected);
    }
}
