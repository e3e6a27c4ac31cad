//! The stacks of a process, as a profile shows them.

use crate::evcxr_text::markers::{CELL_CRATE, is_cell_function};
use mosaic_sampler::{Frame, Samples, Stack};
use std::{collections::BTreeSet, time::Duration};

/// Begins the name of a cell in places.
const CELL_FILE: &str = "cell [";
/// The crates in whose functions the kernel does its own work.
const OWN_CRATES: [&str; 5] = ["mosaic", "mosaic_abi", "mosaic_cell", "mosaic_message", "mosaic_std"];
/// The crates of the standard library.
const STANDARD_CRATES: [&str; 8] = [
    "std",
    "core",
    "alloc",
    "panic_unwind",
    "compiler_builtins",
    "hashbrown",
    "std_detect",
    "rustc_demangle",
];
/// Begins the name of the module of a tessera's generated code.
const GENERATED: &str = "::__mosaic_";
/// Stands for the method in the name of generated code.
const METHODS: &str = "::…";
/// Begins the name of a closure, behind the function in which the closure is written.
const CLOSURE: &str = "::{closure";
/// Functions of the standard library that only call another function.
const CALLERS: [&str; 2] = ["core::ops::function::", "__rust_begin_short_backtrace"];

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Owner {
    /// The notebook's.
    User,
    /// A crate's.
    Crate,
    /// The standard library's, or that of a library of the system.
    System,
    /// The kernel's, or that of the runtime of actors.
    Kernel,
}

/// A frame as a profile shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ShownFrame {
    /// The function, with the cell that it comes from.
    pub(super) name: String,
    /// The same without closures: the function in which they are written.
    pub(super) function: String,
    /// The cell and the line that is executed there, such as `cell [3]:12`, if it is known.
    pub(super) line: Option<String>,
    pub(super) owner: Owner,
}

impl ShownFrame {
    fn new(name: String, owner: Owner) -> ShownFrame {
        let function = match name.split_once(CLOSURE) {
            // The cell is named behind the function.
            Some((function, rest)) => match rest.rfind(" (") {
                Some(at) => format!("{function}{}", &rest[at..]),
                None => function.to_owned(),
            },
            None => name.clone(),
        };
        ShownFrame {
            name,
            function,
            line: None,
            owner,
        }
    }

    /// Returns whether this is code that is generated for a tessera, and that calls its methods.
    fn is_generated(&self) -> bool {
        self.name.ends_with(METHODS)
    }
}

/// The samples of a process.
#[derive(Debug)]
pub(super) struct Process {
    /// The name of the process.
    pub(super) name: String,
    pub(super) samples: Samples,
    /// The frames of each stack of the samples, the outermost first. None is empty.
    pub(super) stacks: Vec<Vec<ShownFrame>>,
}

impl Process {
    pub(super) fn new(uid: &str, samples: Samples) -> Process {
        // The libraries of cells, which the functions of cells lie in.
        let of_cells = samples
            .frames
            .iter()
            .filter(|frame| crate_of(&frame.function) == CELL_CRATE);
        let of_cells: BTreeSet<&str> = of_cells.map(|frame| &*frame.library).collect();
        let classified = samples.frames.iter().map(|frame| {
            let mut found = classify(frame);
            // Without places, the functions of the user's that the compiler has put into this one are not known.
            found.is_caller |=
                found.frame.owner == Owner::Kernel && frame.file.is_none() && of_cells.contains(&*frame.library);
            found
        });
        let frames: Vec<Found> = classified.collect();
        Process {
            name: name_of_process(uid),
            stacks: samples.stacks.iter().map(|stack| shown(stack, &frames)).collect(),
            samples,
        }
    }

    /// Returns the processor time for which a sample stands.
    pub(super) fn time_of_sample(&self) -> Duration {
        let count = u32::try_from(self.samples.samples.len()).unwrap_or(u32::MAX);
        self.samples.cpu.checked_div(count).unwrap_or_default()
    }
}

/// Returns how a process is called by its uid.
pub(super) fn name_of_process(uid: &str) -> String {
    match uid {
        "head" => "cells".to_owned(),
        worker => worker.to_owned(),
    }
}

/// A frame, and whether it is left out.
#[derive(Clone, Debug)]
struct Found {
    frame: ShownFrame,
    /// The frame only calls another function, and is left out.
    is_caller: bool,
}

/// Finds out whose code a frame is, and how it is named.
fn classify(frame: &Frame) -> Found {
    let cell = frame.file.as_deref().and_then(|file| file.rsplit('/').next());
    let cell = cell.filter(|file| file.starts_with(CELL_FILE));
    let line = cell.zip(frame.line).map(|(cell, line)| format!("{cell}:{line}"));
    let function = &*frame.function;
    let is_caller = CALLERS.iter().any(|caller| function.contains(caller));
    let found = |name: String, owner: Owner| Found {
        frame: ShownFrame {
            line: line.clone(),
            ..ShownFrame::new(name, owner)
        },
        is_caller,
    };
    if frame.library.is_empty() {
        return found("mosaic-kernel".to_owned(), Owner::Kernel);
    }
    let crate_name = crate_of(function);
    if is_cell_function(function) {
        return match cell {
            Some(cell) => found(cell.to_owned(), Owner::User),
            None => found("mosaic".to_owned(), Owner::Kernel),
        };
    }
    if let Some(type_name) = generated_for(function) {
        return found(format!("{type_name}{METHODS}"), Owner::User);
    }
    match (cell, crate_name) {
        (Some(cell), _) => found(format!("{} ({cell})", readable(function)), Owner::User),
        (None, CELL_CRATE) => found(readable(function), Owner::User),
        (None, name) if OWN_CRATES.contains(&name) => found("mosaic".to_owned(), Owner::Kernel),
        (None, name) if STANDARD_CRATES.contains(&name) => found(readable(function), Owner::System),
        (None, "") => found(library_name(frame), Owner::System),
        (None, _) => found(readable(function), Owner::Crate),
    }
}

/// Returns the crate of a function by its path. Methods of primitive types are those of `core`, and a name without a path
/// is one of a library of the system.
fn crate_of(function: &str) -> &str {
    let mut begin = function.trim_start_matches(|it: char| !it.is_alphanumeric() && it != '_');
    for word in ["dyn ", "mut ", "const ", "impl "] {
        begin = begin.strip_prefix(word).unwrap_or(begin);
    }
    let end = begin
        .find(|it: char| !it.is_alphanumeric() && it != '_')
        .unwrap_or(begin.len());
    let (name, rest) = begin.split_at(end);
    match function.split_once(" as ") {
        _ if rest.starts_with("::") => name,
        // `<f64 as core::iter::traits::accum::Sum>::sum`
        Some((_, of_trait)) if function.starts_with('<') => crate_of(of_trait),
        // `<f64>::sin`
        _ if function.starts_with('<') => "core",
        _ => "",
    }
}

/// Returns the type of a tessera whose generated code a function is. Its methods may have become a part of this code.
fn generated_for(function: &str) -> Option<&str> {
    let (_, rest) = function.split_once(GENERATED)?;
    rest.split("::").next()
}

/// Returns a function's path without the crate of the cells.
fn readable(function: &str) -> String {
    let path = function.replace(&format!("{CELL_CRATE}::"), "");
    let path = path.replace("{{closure}}", "{closure}");
    // `<Solver>::solve`, but not `<Solver as Clone>::clone` and `<[T]>::len`.
    match path.strip_prefix('<').and_then(|rest| rest.split_once(">::")) {
        Some((of_type, method)) if of_type.chars().all(|it| it.is_alphanumeric() || it == '_' || it == ':') => {
            format!("{of_type}::{method}")
        }
        _ => path,
    }
}

/// Names a frame of a library of the system.
fn library_name(frame: &Frame) -> String {
    let file = frame.library.rsplit('/').next().unwrap_or_default();
    match &*frame.function {
        "" => file.to_owned(),
        function => format!("{function} ({file})"),
    }
}

/// Returns the frames of a stack that are shown, the outermost first: those from the first one of the user's. The
/// kernel's own frames are shown as one, and only where they call nothing of the user's.
fn shown(stack: &Stack, found: &[Found]) -> Vec<ShownFrame> {
    let frames = || stack.frames.iter().map(|index| &found[*index as usize]);
    let is_users = |it: &Found| it.frame.owner == Owner::User;
    let is_of_crate = |it: &Found| it.frame.owner == Owner::Crate && !it.frame.name.contains("tokio::");
    let Some(first) = frames().position(is_users).or_else(|| frames().position(is_of_crate)) else {
        return vec![ShownFrame::new("mosaic-kernel".to_owned(), Owner::Kernel)];
    };
    let mut shown: Vec<ShownFrame> = Vec::new();
    if first == 0 && stack.is_cut {
        shown.push(ShownFrame::new("…".to_owned(), Owner::System));
    }
    for Found { frame, is_caller } in frames().skip(first) {
        if *is_caller && frame.owner != Owner::User {
            continue;
        }
        let is_one_with = |last: &ShownFrame| match (last.owner, frame.owner) {
            (Owner::Kernel, Owner::Kernel) => true,
            (Owner::User, Owner::User) => frame.name == last.name && frame.name.starts_with(CELL_FILE),
            _ => false,
        };
        match shown.last_mut() {
            // The innermost line counts.
            Some(last) if is_one_with(last) => last.line = frame.line.clone(),
            Some(last) if frame.owner == Owner::User && (last.owner == Owner::Kernel || last.is_generated()) => {
                *last = frame.clone();
            }
            _ => shown.push(frame.clone()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_sampler::{Sample, Thread};

    const CELL_LIBRARY: &str = "/s/code_3.so";

    fn frame(function: &str, place: Option<(&str, u32)>, library: &str) -> Frame {
        Frame {
            function: function.to_owned(),
            file: place.map(|(file, _)| file.to_owned()),
            line: place.map(|(_, line)| line),
            library: library.to_owned(),
        }
    }

    /// Returns the names of the shown frames of a stack, the outermost first.
    fn names(frames: Vec<Frame>, is_cut: bool) -> Vec<String> {
        let indices = 0..u32::try_from(frames.len()).unwrap();
        let stack = Stack {
            frames: indices.collect(),
            is_cut,
        };
        let thread = Thread {
            number: 1,
            name: "main".to_owned(),
        };
        let sample = Sample {
            at: Duration::ZERO,
            thread: 0,
            stack: 0,
        };
        let samples = Samples {
            threads: vec![thread],
            frames,
            stacks: vec![stack],
            samples: vec![sample],
            ..Samples::default()
        };
        let mut process = Process::new("head", samples);
        process.stacks.remove(0).into_iter().map(|frame| frame.name).collect()
    }

    #[test]
    fn a_stack_begins_with_the_cell() {
        let frames = vec![
            frame("", None, ""),
            frame("std::panicking::try", None, "/lib/libstd.so"),
            frame("mosaic_cell::catch", None, CELL_LIBRARY),
            frame(
                "run_user_code_2::{closure#0}",
                Some(("/tree/cell [7]", 1)),
                CELL_LIBRARY,
            ),
            frame("ctx::run_user_code_2", Some(("/tree/cell [7]", 2)), CELL_LIBRARY),
            frame("ctx::hot", Some(("/tree/cell [3]", 12)), CELL_LIBRARY),
            frame("core::ops::function::FnOnce::call_once", None, CELL_LIBRARY),
            frame("<f64 as core::iter::traits::accum::Sum>::sum", None, CELL_LIBRARY),
            frame("", None, "/lib/libm.so.6"),
        ];
        let expected = [
            "cell [7]",
            "hot (cell [3])",
            "<f64 as core::iter::traits::accum::Sum>::sum",
            "libm.so.6",
        ];
        assert_eq!(names(frames, false), expected);
    }

    #[test]
    fn the_frames_of_a_tessera_are_the_users_alone() {
        let of_worker = || frame("", None, "");
        let glue = || frame("mosaic::__private::table::call", None, CELL_LIBRARY);
        let generated = || frame("ctx::__mosaic_Solver::__call", None, CELL_LIBRARY);
        let method = || frame("<ctx::Solver>::solve", Some(("cell [4]", 9)), CELL_LIBRARY);
        assert_eq!(
            names(vec![of_worker(), generated(), glue(), method()], false),
            ["Solver::solve (cell [4])"]
        );
        assert_eq!(
            names(vec![of_worker(), generated(), glue()], false),
            ["Solver::…"],
            "without places, the method is a part of the code around it"
        );
    }

    #[test]
    fn a_stack_without_the_users_code_is_the_kernels() {
        assert_eq!(
            names(
                vec![frame("", None, ""), frame("epoll_wait", None, "/lib/libc.so.6")],
                false
            ),
            ["mosaic-kernel"]
        );
        let of_crate = vec![
            frame("clone", None, "/lib/libc.so.6"),
            frame("rayon_core::run", None, "/s/librayon.so"),
        ];
        assert_eq!(names(of_crate, false), ["rayon_core::run"]);
    }

    #[test]
    fn a_stack_whose_beginning_is_missing_says_so() {
        let deep = || frame("ctx::deep", Some(("cell [1]", 1)), CELL_LIBRARY);
        assert_eq!(
            names(vec![deep(), deep()], true),
            ["…", "deep (cell [1])", "deep (cell [1])"]
        );
    }

    #[test]
    fn a_closure_counts_for_its_function() {
        let shown = ShownFrame::new("hot::{closure}::{closure} (cell [1])".to_owned(), Owner::User);
        assert_eq!(shown.function, "hot (cell [1])");
        assert_eq!(
            ShownFrame::new("rand::fill::{closure}".to_owned(), Owner::Crate).function,
            "rand::fill"
        );
    }

    #[test]
    fn functions_belong_to_crates() {
        for (function, expected) in [
            ("ctx::hot", "ctx"),
            ("<ctx::Solver>::solve", "ctx"),
            ("<&mut ctx::Solver as core::fmt::Debug>::fmt", "ctx"),
            ("<dyn core::any::Any>::is", "core"),
            ("<f64>::sin", "core"),
            ("<f64 as core::iter::traits::accum::Sum>::sum", "core"),
            ("<[T] as alloc::slice::Join<S>>::join", "alloc"),
            ("malloc", ""),
            ("", ""),
        ] {
            assert_eq!(crate_of(function), expected, "{function}");
        }
    }
}
