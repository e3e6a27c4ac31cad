//! Has this executable link a cell in the linker's place.

use crate::{
    rustc_wrapper::rustc_call::RustcCall,
    session::{
        environment_variables::LINK_PLAN_VARIABLE,
        files::{DirectLinker, LINK_PLAN, LinkPlan},
    },
};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

/// The linker that rustc runs if nobody chooses another one.
const DEFAULT_LINKER: &str = "cc";

/// A plan that is written.
pub(super) struct WrittenPlan<'s> {
    session: &'s Path,
    executable: PathBuf,
    linker: PathBuf,
}

/// Has this executable link the cell of a call, if the cell imports symbols of earlier libraries, or if rustc runs the
/// real linker itself, so that this executable may do without it.
///
/// # Errors
///
/// The session's directory cannot be written to.
pub(super) fn write<'s>(
    session: &'s Path,
    call: &mut RustcCall,
    imports: &BTreeMap<String, PathBuf>,
    direct: Option<&DirectLinker>,
) -> Result<Option<WrittenPlan<'s>>> {
    if imports.is_empty() && direct.is_none() {
        return Ok(None);
    }
    let executable = env::current_exe().context("cannot find this executable")?;
    let chosen = call.replace_linker(&executable);
    let plan = LinkPlan {
        linker: chosen.unwrap_or_else(|| DEFAULT_LINKER.into()),
        is_direct: direct.is_some(),
        imports: imports.clone(),
    };
    LINK_PLAN
        .write(session, &plan)
        .context("cannot write the plan for the linker")?;
    Ok(Some(WrittenPlan {
        session,
        executable,
        linker: plan.linker,
    }))
}

impl<'s> WrittenPlan<'s> {
    /// The environment variable that rustc has to pass on.
    pub(super) fn variable(&self) -> (&'static str, &'s Path) {
        (LINK_PLAN_VARIABLE, self.session)
    }

    /// Names the real linker in a message in which rustc names this executable.
    pub(super) fn with_real_linker(&self, message: &str) -> String {
        let [executable, linker] = [&self.executable, &self.linker].map(|it| it.to_string_lossy());
        message.replace(&*executable, &linker)
    }
}
