//! Tests of the table of commands, and of what derives from it.

use crate::evaluation::commands::{
    command::{Action, Completer, Group},
    help::help,
    steps::steps,
    table::{COMMANDS, nearest},
};
use crate::prebuilt::requested_dependency;
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
fn words_that_completion_offers_are_accepted() {
    for command in &COMMANDS {
        if let Completer::Words(words) = command.completer {
            for word in words {
                let code = format!("{} {word}", command.name);
                assert!(
                    steps(&code, &requested_dependency::Versions::default()).is_ok(),
                    "{code}"
                );
            }
        }
    }
}

#[test]
fn help_says_which_commands_are_refused() {
    for command in &COMMANDS {
        let is_refused = matches!(command.action, Action::Refused(_));
        assert_eq!(is_refused, command.doc.contains("efused"), "{}", command.name);
    }
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
    for command in COMMANDS
        .iter()
        .filter(|command| matches!(command.action, Action::Evcxr))
    {
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
