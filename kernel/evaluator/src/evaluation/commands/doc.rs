//! `:doc`.

use crate::{
    errors::cell_error::CellError,
    evaluation::{Evaluation, commands::failed},
    mime_bundle::MimeBundle,
};

/// Shows the documentation of a name.
pub(super) fn show_documentation(
    evaluation: &mut Evaluation,
    arguments: Option<&str>,
    _execution: u64,
) -> Result<MimeBundle, CellError> {
    let name = arguments.unwrap_or_default();
    let documentation = evaluation.code_help.wait_for_documentation(name);
    documentation.ok_or_else(|| {
        failed(format!(
            "there is no documentation of `{name}`: a name in scope has some, such as `:doc Vec`"
        ))
    })
}
