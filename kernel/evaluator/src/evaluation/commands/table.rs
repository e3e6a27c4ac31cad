//! The one table of commands. `:help`, completion, refusals and the suggestion for a misspelt name all derive from it.
//!
//! To add a command, add an entry, and the function that it names if the kernel is to run the command.

use crate::{
    evaluation::{
        commands::{
            by_arguments,
            clear::clear,
            command::{
                Action::{ByArguments, Evcxr, Kernel, Refused},
                Command,
                Completer::{BuiltInCrates, Nothing, Variables, Words},
                Group,
            },
            help::help,
            settings::{set_format, set_release, toggle_types},
            text,
            vars::list_variables,
        },
        start_up::load_configuration,
    },
    mime_bundle::MimeBundle,
};

/// Every command, grouped and ordered as `:help` lists them.
pub(super) static COMMANDS: [Command; 38] = [
    Command {
        name: ":dep",
        arguments: "NAME = VERSION",
        group: Group::Crates,
        doc: "Uses a crate: `:dep rand = \"0.9\"`, or a path, or a table as in Cargo.toml",
        completer: BuiltInCrates,
        action: ByArguments(by_arguments::dependency),
    },
    Command {
        name: ":show_deps",
        arguments: "",
        group: Group::Crates,
        doc: "Lists the crates that cells use",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":offline",
        arguments: "0 | 1",
        group: Group::Crates,
        doc: "Keeps cargo off the network",
        completer: Words(&["0", "1"]),
        action: Evcxr,
    },
    Command {
        name: ":cache",
        arguments: "MIB",
        group: Group::Crates,
        doc: "Keeps built crates for later sessions; 0 turns it off",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":clear_cache",
        arguments: "",
        group: Group::Crates,
        doc: "Deletes what `:cache` kept",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":vars",
        arguments: "",
        group: Group::Variables,
        doc: "Lists the variables, their types and sizes",
        completer: Nothing,
        action: Kernel(list_variables),
    },
    Command {
        name: ":type",
        arguments: "VARIABLE",
        group: Group::Variables,
        doc: "Shows a variable's type",
        completer: Variables,
        action: Evcxr,
    },
    Command {
        name: ":t",
        arguments: "VARIABLE",
        group: Group::Variables,
        doc: "Shows a variable's type",
        completer: Variables,
        action: Evcxr,
    },
    Command {
        name: ":doc",
        arguments: "NAME",
        group: Group::Variables,
        doc: "Shows documentation",
        completer: Variables,
        action: ByArguments(by_arguments::documentation),
    },
    Command {
        name: ":clear",
        arguments: "",
        group: Group::Variables,
        doc: "Forgets all variables, definitions and crates but the built-in ones",
        completer: Nothing,
        action: Kernel(clear),
    },
    Command {
        name: ":restart",
        arguments: "",
        group: Group::Variables,
        doc: "Starts a new cell process: variables are lost, definitions stay",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":preserve_vars_on_panic",
        arguments: "0 | 1",
        group: Group::Variables,
        doc: "Keeps variables when a cell panics",
        completer: Words(&["0", "1"]),
        action: Evcxr,
    },
    Command {
        name: ":fmt",
        arguments: "FORMAT",
        group: Group::Display,
        doc: "Sets the format of results, `{:?}` by default",
        completer: Words(&["{:?}", "{:#?}", "{}"]),
        action: Kernel(set_format),
    },
    Command {
        name: ":types",
        arguments: "",
        group: Group::Display,
        doc: "Shows results with their types, or no longer",
        completer: Nothing,
        action: Kernel(toggle_types),
    },
    Command {
        name: ":efmt",
        arguments: "FORMAT",
        group: Group::Display,
        doc: "Sets the format of errors that `?` returns",
        completer: Words(&["{}", "{:?}", "{:#?}"]),
        action: Evcxr,
    },
    Command {
        name: ":timing",
        arguments: "",
        group: Group::Display,
        doc: "Shows how long cells take, or no longer",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":explain",
        arguments: "",
        group: Group::Errors,
        doc: "Explains the last error of the compiler",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":last_error_json",
        arguments: "",
        group: Group::Errors,
        doc: "Shows the last error of the compiler as JSON",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":opt",
        arguments: "0 | 1 | 2 | 3 | s | z",
        group: Group::Compilation,
        doc: "Sets the optimisation level of cells; crates stay optimised",
        completer: Words(&["0", "1", "2", "3"]),
        action: ByArguments(by_arguments::opt_level),
    },
    Command {
        name: ":overflow_checks",
        arguments: "0 | 1",
        group: Group::Compilation,
        doc: "Has arithmetic that overflows panic (1, as at the start) or wrap around (0)",
        completer: Words(&["0", "1"]),
        action: ByArguments(by_arguments::overflow_checks),
    },
    Command {
        name: ":release",
        arguments: "",
        group: Group::Compilation,
        doc: "Compiles cells as `cargo build --release` does: `:opt 3` and `:overflow_checks 0`",
        completer: Nothing,
        action: Kernel(set_release),
    },
    Command {
        name: ":target_cpu",
        arguments: "native | generic | NAME",
        group: Group::Compilation,
        doc: "Sets the CPU that cells are compiled for, `generic` at the start",
        completer: Words(&["native", "generic"]),
        action: ByArguments(by_arguments::target_cpu),
    },
    Command {
        name: ":edition",
        arguments: "2021 | 2024",
        group: Group::Compilation,
        doc: "Sets the edition of Rust in which cells are compiled, 2024 at the start",
        completer: Words(&["2021", "2024"]),
        action: ByArguments(by_arguments::edition),
    },
    Command {
        name: ":build_env",
        arguments: "KEY=VALUE",
        group: Group::Compilation,
        doc: "Sets an environment variable for the compiler",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":env",
        arguments: "KEY=VALUE",
        group: Group::Compilation,
        doc: "Sets an environment variable for the cell process that `:restart` starts",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":last_compile_dir",
        arguments: "",
        group: Group::Compilation,
        doc: "Shows where cells are compiled",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":toolchain",
        arguments: "",
        group: Group::Compilation,
        doc: "Shows the toolchain, if one was chosen",
        completer: Nothing,
        action: ByArguments(by_arguments::toolchain),
    },
    Command {
        name: ":linker",
        arguments: "",
        group: Group::Compilation,
        doc: "Shows the linker",
        completer: Words(&["system"]),
        action: ByArguments(by_arguments::linker),
    },
    Command {
        name: ":codegen_backend",
        arguments: "",
        group: Group::Compilation,
        doc: "Shows the backend of the compiler",
        completer: Words(&["default"]),
        action: ByArguments(by_arguments::codegen_backend),
    },
    Command {
        name: ":allow_static_linking",
        arguments: "1",
        group: Group::Compilation,
        doc: "Links crates statically, as is the case",
        completer: Words(&["1"]),
        action: ByArguments(by_arguments::static_linking),
    },
    Command {
        name: ":time_passes",
        arguments: "",
        group: Group::Compilation,
        doc: "Has no effect, since it needs a nightly rustc; `:timing` shows how long a cell takes",
        completer: Nothing,
        action: Kernel(|evaluation, _, _| {
            evaluation.notice(
                "`:time_passes` changes nothing, since it needs a nightly rustc: `:timing` shows how long a cell takes",
            );
            Ok(MimeBundle::new())
        }),
    },
    Command {
        name: ":sccache",
        arguments: "0 | 1",
        group: Group::Compilation,
        doc: "Has no effect: the kernel itself keeps built crates for later sessions",
        completer: Words(&["0", "1"]),
        action: Kernel(|evaluation, _, _| {
            evaluation.notice("`:sccache` changes nothing: the kernel itself keeps built crates for later sessions");
            Ok(MimeBundle::new())
        }),
    },
    Command {
        name: ":help",
        arguments: "",
        group: Group::Kernel,
        doc: "Shows this",
        completer: Nothing,
        action: Kernel(|_, _, _| Ok(help(&COMMANDS))),
    },
    Command {
        name: ":debug",
        arguments: "",
        group: Group::Kernel,
        doc: "Says how to use the debugger, or how to get one",
        completer: Nothing,
        action: Kernel(|evaluation, _, _| Ok(text(evaluation.options.debugger.clone()))),
    },
    Command {
        name: ":version",
        arguments: "",
        group: Group::Kernel,
        doc: "Shows evcxr's version",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":load_config",
        arguments: "",
        group: Group::Kernel,
        doc: "Runs the start-up files again: evcxr's, and the kernel's own `init.rs`",
        completer: Words(&["--quiet"]),
        action: Kernel(load_configuration),
    },
    Command {
        name: ":internal_debug",
        arguments: "",
        group: Group::Kernel,
        doc: "Logs what evcxr does, or no longer",
        completer: Nothing,
        action: Evcxr,
    },
    Command {
        name: ":quit",
        arguments: "",
        group: Group::Kernel,
        doc: "Refused: shut the kernel down from the client",
        completer: Nothing,
        action: Refused("`:quit` would end the kernel under its clients: shut it down from the client instead"),
    },
];

/// Finds a command by its name, with its colon.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Finds the command that a misspelt name most likely means.
pub(super) fn nearest(name: &str) -> Option<&'static Command> {
    let distance = |command: &&Command| strsim::damerau_levenshtein(command.name, name);
    let nearest = COMMANDS.iter().min_by_key(distance);
    nearest.filter(|command| distance(command) <= 1 + name.len() / 3)
}
