//! The parts of an entry in the [table of commands](super::table).

use crate::{
    errors::cell_error::CellError, evaluation::Evaluation, mime_bundle::MimeBundle, prebuilt::requested_dependency,
};

/// A command that a cell may contain.
pub(super) struct Command {
    /// The name, with its colon.
    pub(super) name: &'static str,
    /// The arguments as `:help` shows them.
    pub(super) arguments: &'static str,
    /// The group in which `:help` lists the command.
    pub(super) group: Group,
    /// One line for `:help`. Code stands between backquotes.
    pub(super) doc: &'static str,
    /// What completion offers after the name.
    pub(super) completer: Completer,
    /// What the command does.
    pub(super) action: Action,
}

/// A group of commands in `:help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Crates,
    Variables,
    Display,
    Errors,
    Measurement,
    Compilation,
    Kernel,
}

impl Group {
    /// All groups, in the order of `:help`.
    pub(super) const ALL: [Group; 7] = [
        Group::Crates,
        Group::Variables,
        Group::Display,
        Group::Errors,
        Group::Measurement,
        Group::Compilation,
        Group::Kernel,
    ];

    /// Returns the heading of the group.
    pub(super) fn title(self) -> &'static str {
        match self {
            Group::Crates => "Crates",
            Group::Variables => "Variables and types",
            Group::Display => "What cells show",
            Group::Errors => "Errors",
            Group::Measurement => "Where the time goes",
            Group::Compilation => "Compilation",
            Group::Kernel => "The kernel",
        }
    }
}

/// What completion offers for the arguments of a command.
pub(super) enum Completer {
    Nothing,
    Words(&'static [&'static str]),
    BuiltInCrates,
    Variables,
}

/// What a command does.
pub(super) enum Action {
    /// evcxr runs the command.
    Evcxr,
    /// The kernel runs the command.
    Kernel(KernelFunction),
    /// The arguments decide who runs the command, or why it is refused.
    ByArguments(Decide),
    /// The command is always refused, for this reason.
    Refused(&'static str),
}

/// The program that runs a command.
pub(super) enum Runner {
    Evcxr,
    Kernel(KernelFunction),
    /// The command stands for code.
    Code(CommandCode),
}

/// The code that a command stands for: what the user wrote after the command, with these texts around it.
pub(super) struct CommandCode {
    /// Stands in place of the command's name and the space after the name, and is as long. So what follows keeps its
    /// column.
    pub(super) begins: &'static str,
    /// Stands after the line of the command.
    pub(super) ends: &'static str,
}

/// A command of the kernel. Takes the arguments, if there are any, and the number of the execution; returns what the
/// command shows.
pub(super) type KernelFunction = fn(&mut Evaluation, Option<&str>, u64) -> Result<MimeBundle, CellError>;

/// Decides by a command's arguments who runs it. Takes the versions of the built-in crates too. The error is the reason
/// for which the command is refused.
pub(super) type Decide = fn(Option<&str>, &requested_dependency::Versions) -> Result<Runner, String>;
