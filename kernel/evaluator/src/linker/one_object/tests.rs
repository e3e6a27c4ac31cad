//! Libraries that this linker and the real one make of the same object do the same.

use super::*;
use libloading::os::unix::Library;
use object::LittleEndian;
use std::{
    ffi::OsString,
    mem::ManuallyDrop,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Keeps rustc's files and arguments for the linker, and links.
const LINKER: &str = r#"#!/bin/sh
kept=$(dirname "$0")
for argument; do
    case "$argument" in
        --version-script=*) cp "${argument#--version-script=}" "$kept/list"; argument="--version-script=$kept/list" ;;
        *.rcgu.o) cp "$argument" "$kept/"; argument="$kept/$(basename "$argument")" ;;
    esac
    printf '%s\n' "$argument" >> "$kept/arguments"
done
exec rust-lld "$@"
"#;

/// What the tests' libraries have around their code.
const AROUND: &str = r#"
#[allow(unused_imports)]
use std::fmt::Write as _;
/// Writes a text to a buffer, and returns its length.
#[unsafe(no_mangle)]
pub extern "C" fn run_user_code_1(output: *mut u8, size: usize) -> usize {
    let mut text = String::new();
    show(&mut text);
    let length = text.len().min(size);
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), output, length) };
    length
}
"#;

/// A library that rustc and the real linker have made.
struct Cell {
    directory: TempDir,
}

impl Cell {
    /// Compiles code that defines `fn show(text: &mut String)`.
    fn compile(code: &str, options: &[&str]) -> Cell {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("kept")).unwrap();
        fs::write(at("kept/linker"), LINKER).unwrap();
        fs::set_permissions(at("kept/linker"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(at("lib.rs"), format!("{AROUND}{code}")).unwrap();
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
        let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout).unwrap().trim());
        let tools = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let status = Command::new("rustc")
            .args(["--crate-name", "ctx", "--crate-type", "cdylib", "--edition", "2024"])
            .args([
                "-Cprefer-dynamic",
                "-Crpath",
                "-Copt-level=3",
                "-Ccodegen-units=1",
                "-Clinker-flavor=ld.lld",
            ])
            .args(["libgcc_s.so", "libc.so"].map(|name| format!("-Lnative={}", system_directory(name).display())))
            .arg("-Clink-arg=-zdefs")
            .args(options)
            .arg(format!("-Clinker={}", at("kept/linker").display()))
            .arg("-o")
            .args([at("real.so"), at("lib.rs")])
            .env("PATH", path)
            .status()
            .unwrap();
        assert!(status.success());
        Cell { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Links the object by this linker, to another file.
    fn link(&self) -> Result<PathBuf> {
        let output = self.path("ours.so");
        let arguments = fs::read_to_string(self.path("kept/arguments")).unwrap();
        let arguments: Vec<OsString> = arguments
            .lines()
            .map(|line| {
                if Path::new(line) == self.path("real.so") {
                    output.clone().into()
                } else {
                    line.into()
                }
            })
            .collect();
        link(arguments.iter().map(OsString::as_os_str))?;
        Ok(output)
    }
}

/// Returns the directory of one of the system's libraries.
fn system_directory(library: &str) -> PathBuf {
    let answer = Command::new("cc")
        .arg(format!("-print-file-name={library}"))
        .output()
        .unwrap();
    let path = PathBuf::from(String::from_utf8(answer.stdout).unwrap().trim());
    path.parent().unwrap().to_owned()
}

/// Loads a library. As in a notebook, it stays loaded, since its statics may be used.
fn load(library: &Path) -> ManuallyDrop<Library> {
    // SAFETY: The library is one of these tests', whose initializers are the standard library's.
    ManuallyDrop::new(unsafe { Library::new(library) }.unwrap())
}

/// Runs the code of a library, and returns its text.
fn run(library: &Library) -> String {
    let mut output = vec![0; 1 << 16];
    // SAFETY: `AROUND` defines the function with this type.
    let run = unsafe { library.get::<extern "C" fn(*mut u8, usize) -> usize>(b"run_user_code_1") }.unwrap();
    let length = run(output.as_mut_ptr(), output.len());
    output.truncate(length);
    String::from_utf8(output).unwrap()
}

/// Compiles code, and returns what it writes if it is linked by the real linker, and by this one.
fn both(code: &str) -> (String, String) {
    let cell = Cell::compile(code, &[]);
    let ours = cell.link().unwrap_or_else(|error| panic!("{error:#}: {code}"));
    (run(&load(&cell.path("real.so"))), run(&load(&ours)))
}

/// Code, and what it writes.
const CASES: [(&str, &str); 7] = [
        ("fn show(text: &mut String) { text.push_str(\"plain\"); }", "plain"),
        (
            // Calls between functions, constants, formatted text.
            "#[inline(never)] fn twice(x: f64) -> f64 { 2.0 * x }
             const TABLE: [&str; 3] = [\"a\", \"bc\", \"\"];
             fn show(text: &mut String) { write!(text, \"{:?} {}\", TABLE, twice(std::hint::black_box(1.25))).unwrap(); }",
            "[\"a\", \"bc\", \"\"] 2.5",
        ),
        (
            // Data that is written, data that is zero at first, and addresses in constants.
            "use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
             static COUNT: AtomicU64 = AtomicU64::new(7);
             static ZERO: [AtomicU64; 5000] = [const { AtomicU64::new(0) }; 5000];
             static FUNCTIONS: [fn(u64) -> u64; 2] = [one, two];
             fn one(x: u64) -> u64 { x + COUNT.fetch_add(1, Relaxed) }
             fn two(x: u64) -> u64 { x + ZERO[4999].fetch_add(3, Relaxed) }
             fn show(text: &mut String) {
                 for function in std::hint::black_box(&FUNCTIONS) { write!(text, \"{} {} \", function(1), function(1)).unwrap(); }
                 write!(text, \"{}\", ZERO.iter().map(|it| it.load(Relaxed)).sum::<u64>()).unwrap();
             }",
            "8 9 1 4 6",
        ),
        (
            // Aligned statics, and the alignment of what follows them.
            "#[repr(align(256))] struct Wide(u8);
             static FIRST: u8 = 1; static WIDE: Wide = Wide(2);
             static mut LAST: Wide = Wide(3);
             fn show(text: &mut String) {
                 let address = &raw const WIDE as usize; let last = &raw const LAST as usize;
                 write!(text, \"{} {} {}\", address % 256, last % 256, std::hint::black_box(&WIDE).0 + FIRST).unwrap();
             }",
            "0 0 3",
        ),
        (
            // Traits: vtables, drop glue, and a panic that unwinds through frames with values to be dropped.
            "struct Noisy<'t>(&'t std::cell::RefCell<String>, u8);
             impl Drop for Noisy<'_> { fn drop(&mut self) { write!(self.0.borrow_mut(), \"drop {} \", self.1).unwrap(); } }
             #[inline(never)] fn fails(x: u8) -> u8 { if x > 2 { std::panic::resume_unwind(Box::new(x)) } x }
             fn show(text: &mut String) {
                 let log = std::cell::RefCell::new(String::new());
                 let shown: Vec<Box<dyn std::fmt::Display>> = vec![Box::new(1), Box::new(\"two\")];
                 let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                     let _first = Noisy(&log, 1);
                     let _second = Noisy(&log, 2);
                     fails(std::hint::black_box(3))
                 }));
                 let payload = *caught.unwrap_err().downcast::<u8>().unwrap();
                 write!(text, \"{}{payload} {}{}\", log.borrow(), shown[0], shown[1]).unwrap();
             }",
            "drop 2 drop 1 3 1two",
        ),
        (
            // A thread's storage of the standard library, and threads.
            "fn show(text: &mut String) {
                 let map: std::collections::HashMap<u8, u8> = (0..9).map(|it| (it, it * it)).collect();
                 let sum: u32 = std::thread::spawn(move || map.values().map(|it| u32::from(*it)).sum()).join().unwrap();
                 write!(text, \"{sum}\").unwrap();
             }",
            "204",
        ),
        (
            // Functions of the C library, one of them with an older version that behaves differently.
            "unsafe extern \"C\" { fn strlen(text: *const u8) -> usize; fn cos(x: f64) -> f64;
                 fn pthread_cond_init(condition: *mut [u64; 6], attributes: usize) -> i32;
                 fn pthread_cond_destroy(condition: *mut [u64; 6]) -> i32; }
             fn show(text: &mut String) {
                 let mut condition = [u64::MAX; 6];
                 // SAFETY: The arguments are as the C library expects.
                 let results = unsafe { (strlen(c\"four\".as_ptr().cast()), cos(0.0),
                     pthread_cond_init(&mut condition, 0), condition, pthread_cond_destroy(&mut condition)) };
                 write!(text, \"{results:?}\").unwrap();
             }",
            "(4, 1.0, 0, [0, 0, 0, 0, 0, 0], 0)",
        ),
];

#[test]
fn code_does_the_same_as_if_the_real_linker_linked_it() {
    for (code, expected) in CASES {
        let (theirs, ours) = both(code);
        assert_eq!(theirs, expected, "{code}");
        assert_eq!(ours, expected, "{code}");
    }
}

#[test]
fn backtraces_name_functions_and_lines() {
    let code = "#[inline(never)] fn somewhere_inside(text: &mut String) -> usize {
             let trace = std::backtrace::Backtrace::force_capture().to_string();
             let mut lines = trace.lines().skip_while(|line| !line.contains(\"somewhere_inside\"));
             text.push_str(if lines.next().is_some() { \"named\" } else { &trace });
             if let Some(place) = lines.next().filter(|line| line.contains(\"lib.rs:\")) {
                 text.push_str(place.rsplit_once(\"lib.rs\").unwrap().1);
             }
             trace.len()
         }
         fn show(text: &mut String) { std::hint::black_box(somewhere_inside(text)); }";
    let cases = [
        (&[][..], "named"),
        (&["-Cdebuginfo=line-tables-only"], "named:14:26"),
        (&["-Cdebuginfo=2", "-Copt-level=0"], "named:14:26"),
        (&["-Cdebuginfo=2", "-Cstrip=debuginfo"], "named"),
    ];
    // The first backtrace of a process decides which libraries later ones know.
    let loaded = cases.map(|(options, expected)| {
        let cell = Cell::compile(code, options);
        let libraries = [cell.path("real.so"), cell.link().unwrap()].map(|path| load(&path));
        (options, expected, libraries, cell)
    });
    for (options, expected, libraries, _) in &loaded {
        assert_eq!(libraries.each_ref().map(|it| run(it)), [*expected; 2], "{options:?}");
    }
}

#[test]
fn libraries_have_the_needs_and_the_exports_of_the_real_linker_s() {
    let code = "#[unsafe(no_mangle)] pub static EXPORTED: u8 = 3; static HIDDEN: u8 = 4;
         unsafe extern \"C\" { safe fn cos(x: f64) -> f64; safe fn getpid() -> i32; }
         fn show(text: &mut String) {
             write!(text, \"{} {} {}\", std::hint::black_box(&HIDDEN), cos(0.0), getpid()).unwrap();
         }";
    let cell = Cell::compile(code, &[]);
    let ours = cell.link().unwrap();
    let [theirs, ours] = [cell.path("real.so"), ours].map(|path| fs::read(path).unwrap());
    let exported = |library: &[u8]| {
        let mut names = crate::linker::elf::exported_symbols(library).unwrap();
        names.sort_unstable();
        names
    };
    assert_eq!(exported(&ours), exported(&theirs));
    assert_eq!(exported(&ours), ["EXPORTED", "run_user_code_1"]);
    let versions = |library: &[u8]| needed_versions(library).unwrap();
    assert_eq!(versions(&ours), versions(&theirs));
}

/// Returns the symbols that a library needs of others, with their versions, in the order of their names.
fn needed_versions(library: &[u8]) -> Result<Vec<(String, String)>> {
    use object::read::elf::{FileHeader, Sym};
    let header = object::elf::FileHeader64::<LittleEndian>::parse(library)?;
    let sections = header.sections(ENDIAN, library)?;
    let symbols = sections.symbols(ENDIAN, library, object::elf::SHT_DYNSYM)?;
    let needed = symbols
        .iter()
        .filter(|it| it.st_shndx(ENDIAN) == object::elf::SHN_UNDEF && it.st_name(ENDIAN) != 0);
    let versions = sections.versions(ENDIAN, library)?.unwrap_or_default();
    let mut all = Vec::new();
    for (index, symbol) in symbols
        .enumerate()
        .filter(|(_, it)| needed.clone().any(|other| std::ptr::eq(other, *it)))
    {
        let version = versions.version(versions.version_index(ENDIAN, index))?;
        let version = version.map(|it| String::from_utf8_lossy(it.name()).into_owned());
        let name = symbol.name(ENDIAN, symbols.strings())?;
        all.push((String::from_utf8_lossy(name).into_owned(), version.unwrap_or_default()));
    }
    all.sort_unstable();
    Ok(all)
}

#[test]
fn what_is_not_known_is_left_to_the_real_linker() {
    for (code, options, reason) in [
        (
            "thread_local! { static T: std::cell::Cell<u8> = const { std::cell::Cell::new(1) }; }
             fn show(text: &mut String) { write!(text, \"{}\", T.replace(std::hint::black_box(2))).unwrap(); }",
            &[][..],
            "data of threads",
        ),
        (
            "#[used] #[unsafe(link_section = \".init_array\")] static BEGIN: extern \"C\" fn() = begin;
             extern \"C\" fn begin() {}
             fn show(_: &mut String) {}",
            &[],
            "unknown kind",
        ),
        (
            "fn show(text: &mut String) { write!(text, \"{}\", u128::MAX / std::hint::black_box(3)).unwrap(); }",
            &[],
            "static library",
        ),
    ] {
        let Err(error) = Cell::compile(code, options).link() else {
            panic!("this is linked: {code}");
        };
        let error = error.to_string();
        assert!(error.contains(reason), "{error}: {code}");
    }
}

#[test]
fn each_linker_links_with_libraries_of_the_other() {
    let first = Cell::compile(
        "use std::sync::atomic::AtomicU64;
         #[unsafe(no_mangle)] pub static ZEROED: AtomicU64 = AtomicU64::new(0);
         #[unsafe(no_mangle)] pub static SHARED: AtomicU64 = AtomicU64::new(7);
         fn show(_: &mut String) {}",
        &[],
    );
    let ours = first.link().unwrap();
    for library in [first.path("real.so"), ours] {
        let second = Cell::compile(
            "use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
             unsafe extern \"C\" { safe static ZEROED: AtomicU64; safe static SHARED: AtomicU64; }
             fn show(text: &mut String) {
                 write!(text, \"{} {}\", ZEROED.fetch_add(1, Relaxed), SHARED.fetch_add(1, Relaxed)).unwrap();
             }",
            &[&format!("-Clink-arg={}", library.display())],
        );
        let ours = second.link().unwrap();
        // Both have the same statics.
        let results = [second.path("real.so"), ours].map(|path| run(&load(&path)));
        assert_eq!(results, ["0 7", "1 8"]);
    }
}
