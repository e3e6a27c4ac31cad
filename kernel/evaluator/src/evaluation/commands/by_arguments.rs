//! Commands that are run or refused depending on their arguments.

use crate::{
    evaluation::commands::{
        command::{KernelFunction, Runner},
        doc::show_documentation,
        settings::{DEFAULT_TARGET_CPU, set_edition, set_opt_level, set_overflow_checks, set_target_cpu},
    },
    mime_bundle::MimeBundle,
    prebuilt::{
        requested_dependency::{self, Served, Versions},
        toolchain::Toolchain,
    },
    session::settings::Edition,
};

/// The `-C target-cpu` of this machine, which rustc lists, with a remark.
const OWN_CPU: &str = "native";

type Decision = Result<Runner, String>;

/// Decides on `:dep`: evcxr adds the crate, unless a built-in crate serves it.
pub(super) fn dependency(arguments: Option<&str>, versions: &Versions) -> Decision {
    match requested_dependency::serve(arguments.unwrap_or_default(), versions)? {
        Served::BuiltIn => Ok(Runner::Kernel(|_, _, _| Ok(Default::default()))),
        Served::Cargo => Ok(Runner::Evcxr),
    }
}

/// Decides on `:doc`, which needs a name.
pub(super) fn documentation(arguments: Option<&str>, _: &Versions) -> Decision {
    match arguments {
        Some(_) => Ok(Runner::Kernel(show_documentation)),
        None => Err("`:doc` wants a name, such as `:doc Vec`".to_owned()),
    }
}

/// Decides on `:opt`, whose level must be one of rustc's.
pub(super) fn opt_level(arguments: Option<&str>, _: &Versions) -> Decision {
    let level = arguments.map(|level| level.trim_matches('"'));
    match level {
        Some(level) if !["0", "1", "2", "3", "s", "z"].contains(&level) => Err(format!(
            "`{level}` is no optimisation level: they are 0, 1, 2, 3, s and z"
        )),
        _ => Ok(Runner::Kernel(set_opt_level)),
    }
}

/// Decides on `:edition`, which must be one in which the code around cells compiles.
pub(super) fn edition(arguments: Option<&str>, _: &Versions) -> Decision {
    match arguments {
        Some(year) if Edition::of_year(year).is_none() => Err(format!(
            "cells are compiled in edition 2021 or 2024, not in `{year}`: the code around a cell is valid in these alone"
        )),
        _ => Ok(Runner::Kernel(set_edition)),
    }
}

/// Decides on `:overflow_checks`, which wants to be told whether.
pub(super) fn overflow_checks(arguments: Option<&str>, _: &Versions) -> Decision {
    match arguments {
        Some("0" | "1") => Ok(Runner::Kernel(set_overflow_checks)),
        _ => Err("`:overflow_checks` wants 0 or 1: with 1, arithmetic that overflows panics".to_owned()),
    }
}

/// Decides on `:target_cpu`, whose name must be one of rustc's: rustc takes any name, and warns of a wrong one at each
/// cell.
pub(super) fn target_cpu(arguments: Option<&str>, _: &Versions) -> Decision {
    let cpu = arguments.unwrap_or_default().trim_matches('"');
    if cpu.is_empty() {
        let reason = "`:target_cpu` wants a name: `native` is this machine's CPU, `generic` is any of its architecture";
        return Err(reason.to_owned());
    }
    if ![DEFAULT_TARGET_CPU, OWN_CPU].contains(&cpu) {
        let known = Toolchain::find().and_then(|toolchain| toolchain.target_cpus());
        if !known.map_err(|error| error.to_string())?.iter().any(|it| it == cpu) {
            return Err(format!(
                "rustc knows no CPU `{cpu}`: `rustc --print target-cpus` lists them, and `native` is this machine's"
            ));
        }
    }
    Ok(Runner::Kernel(set_target_cpu))
}

/// Decides on `:toolchain`: evcxr shows the toolchain, and must not change it.
pub(super) fn toolchain(arguments: Option<&str>, _: &Versions) -> Decision {
    evcxr_unless(arguments.is_some(), |evaluation, _, _| {
        evaluation.notice(
            "`:toolchain` changes nothing: cells are compiled with the toolchain with which the kernel has started. Set \
             RUSTUP_TOOLCHAIN before the kernel starts to choose another one",
        );
        Ok(MimeBundle::new())
    })
}

/// Decides on `:linker`: evcxr shows the linker, and must not change it.
pub(super) fn linker(arguments: Option<&str>, _: &Versions) -> Decision {
    evcxr_unless(
        arguments.is_some_and(|linker| linker != "system"),
        |evaluation, _, _| {
            evaluation.notice(
            "`:linker` changes nothing: cells are linked with `mold` or `lld` if one of them is on the PATH when the kernel \
             starts",
        );
            Ok(MimeBundle::new())
        },
    )
}

/// Decides on `:codegen_backend`: evcxr shows the backend, and must not change it.
pub(super) fn codegen_backend(arguments: Option<&str>, _: &Versions) -> Decision {
    evcxr_unless(arguments.is_some_and(|it| it != "default"), |evaluation, _, _| {
        evaluation.notice("`:codegen_backend` changes nothing: cells are compiled with rustc's own backend");
        Ok(MimeBundle::new())
    })
}

/// Decides on `:allow_static_linking`: evcxr must not turn it off, as it does without an argument.
pub(super) fn static_linking(arguments: Option<&str>, _: &Versions) -> Decision {
    evcxr_unless(arguments != Some("1"), |evaluation, _, _| {
        evaluation.notice("`:allow_static_linking` changes nothing: the kernel chooses how cells link crates");
        Ok(MimeBundle::new())
    })
}

/// Has evcxr run a command, or the kernel, which only says that the command has no effect here.
fn evcxr_unless(has_no_effect: bool, say_so: KernelFunction) -> Decision {
    Ok(match has_no_effect {
        true => Runner::Kernel(say_so),
        false => Runner::Evcxr,
    })
}
