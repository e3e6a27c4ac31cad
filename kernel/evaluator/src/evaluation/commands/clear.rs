//! `:clear`.

use crate::{
    errors::{cell_error::CellError, gone_variables::Cause},
    evaluation::{Evaluation, commands::failed, execute::kernel_error},
    mime_bundle::MimeBundle,
};

/// Makes evcxr as it was when it was started.
pub(super) fn clear(
    evaluation: &mut Evaluation,
    _arguments: Option<&str>,
    execution: u64,
) -> Result<MimeBundle, CellError> {
    let lost = evaluation.variables.usable(evaluation.believed_variables());
    evaluation.drop_variables_or_tell();
    let session = evaluation.session()?;
    session.set_crate_attributes(&Vec::new()).map_err(kernel_error)?;
    let script = evaluation.session()?.clear_script();
    let (cleared, _) = evaluation.evaluate(&script, execution)?;
    if let Err(error) = cleared {
        // The next cell starts evcxr anew: what is left of this session is not to be relied on.
        evaluation.session = None;
        return Err(failed(error.to_string()));
    }
    let number = evaluation.number;
    evaluation.gone_variables.note(&lost, number, Cause::Cleared);
    Ok(MimeBundle::new())
}
