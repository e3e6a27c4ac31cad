//! The one table of commands. `:help`, completion, refusals and the suggestion for a misspelt name all derive from it.
//!
//! To add a command, add an entry, and the function that it names if the kernel is to run the command.

use crate::evaluation::commands::{
    by_arguments,
    clear::clear,
    command::{
        Action::{ByArguments, Evcxr, Kernel, Refused},
        Command,
        Completer::{BuiltInCrates, Nothing, Variables, Words},
        Group,
    },
    help::help,
    settings::{set_format, toggle_types},
    variables::list_variables,
};

/// Every command, grouped and ordered as `:help` lists them.
pub(super) static COMMANDS: [Command; 33] = [
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
        doc: "Needs a nightly rustc, and is refused",
        completer: Nothing,
        action: Refused("`:time_passes` needs a nightly rustc: `:timing` shows how long a cell takes"),
    },
    Command {
        name: ":sccache",
        arguments: "",
        group: Group::Compilation,
        doc: "Refused: the kernel has a wrapper of its own",
        completer: Nothing,
        action: Refused(
            "`:sccache` would take the place of the kernel's own wrapper around rustc, without which no cell runs: \
             `:cache 500` keeps built crates as well",
        ),
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
        doc: "Runs the start-up cells of evcxr.toml",
        completer: Words(&["--quiet"]),
        action: Evcxr,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, env, fs, path::PathBuf, process};

    #[test]
    fn names_are_unique_and_begin_with_a_colon() {
        let names: BTreeSet<&str> = COMMANDS.iter().map(|command| command.name).collect();
        assert_eq!(names.len(), COMMANDS.len());
        assert!(names.iter().all(|name| name.starts_with(':') && !name.contains(' ')));
    }

    #[test]
    fn entries_stand_in_the_order_of_their_groups() {
        let position = |group: Group| Group::ALL.iter().position(|it| *it == group);
        assert!(COMMANDS.is_sorted_by_key(|command| position(command.group)));
    }

    #[test]
    fn every_command_is_documented() {
        for command in &COMMANDS {
            assert!(
                !command.doc.is_empty() && !command.doc.ends_with('.'),
                "{}",
                command.name
            );
            assert_eq!(command.doc.matches('`').count() % 2, 0, "{}", command.name);
        }
    }

    #[test]
    fn help_shows_every_command_in_both_formats() {
        let shown = help(&COMMANDS);
        for name in COMMANDS.iter().map(|command| command.name) {
            assert!(
                shown["text/plain"].as_str().unwrap().contains(&format!("  {name}")),
                "{name}"
            );
            assert!(
                shown["text/html"].as_str().unwrap().contains(&format!("<code>{name}")),
                "{name}"
            );
        }
        assert!(
            shown["text/html"]
                .as_str()
                .unwrap()
                .contains("<code>:dep rand = \"0.9\"</code>")
        );
    }

    #[test]
    fn misspelt_names_are_understood() {
        for (name, meant) in [(":var", ":vars"), (":hlep", ":help"), (":dpe", ":dep")] {
            assert_eq!(nearest(name).map(|command| command.name), Some(meant));
        }
        assert!(nearest(":something_else_entirely").is_none());
    }

    /// A command of evcxr that the table does not know would be refused as unknown.
    #[test]
    fn every_command_of_evcxr_is_in_the_table() {
        let known: BTreeSet<String> = COMMANDS.iter().map(|command| command.name.to_owned()).collect();
        let of_evcxr = commands_of_evcxr();
        assert!(
            of_evcxr.len() > 30,
            "evcxr declares its commands in another way: {of_evcxr:?}"
        );
        assert_eq!(of_evcxr.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
        for command in COMMANDS.iter().filter(|command| matches!(command.action, Evcxr)) {
            assert!(of_evcxr.contains(command.name), "evcxr has no {}", command.name);
        }
    }

    /// Reads the names from the source of evcxr, which shows them only to a session that has compiled a cell.
    fn commands_of_evcxr() -> BTreeSet<String> {
        let version = output_of(process::Command::new("rustc").arg("-vV"));
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let metadata = output_of(
            process::Command::new(cargo)
                .args([
                    "metadata",
                    "--format-version=1",
                    "--locked",
                    "--offline",
                    "--filter-platform",
                    host,
                ])
                .current_dir(env!("CARGO_MANIFEST_DIR")),
        );
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let evcxr = packages.iter().find(|package| package["name"] == "evcxr").unwrap();
        let manifest = PathBuf::from(evcxr["manifest_path"].as_str().unwrap());
        let source = fs::read_to_string(manifest.with_file_name("src").join("command_context.rs")).unwrap();
        let declarations = source.split("AvailableCommand::new(").skip(1);
        let names = declarations.filter_map(|declaration| {
            let name = declaration.trim_start().strip_prefix('"')?.split_once('"')?.0;
            name.starts_with(':').then(|| name.to_owned())
        });
        names.collect()
    }

    fn output_of(command: &mut process::Command) -> String {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
