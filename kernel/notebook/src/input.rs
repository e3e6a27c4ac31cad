//! Asking the user.

use crate::Error;
use mosaic_cell::{
    ask,
    message::{Ask, Line, decode},
};

/// Asks the user for a line and waits for it.
///
/// A cell that is interrupted meanwhile ends here and keeps its variables.
///
/// ```no_run
/// let answer: f64 = notebook::input("temperature in K: ")?.trim().parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Nobody can be asked: no cell is running, or its front end does not let it ask. On a thread that runs no cell also
/// when the cell is interrupted.
pub fn input(prompt: &str) -> Result<String, Error> {
    line(prompt, false)
}

/// Asks the user for a line that is not to be seen, as [`input`] does.
///
/// # Errors
///
/// As [`input`].
pub fn password(prompt: &str) -> Result<String, Error> {
    line(prompt, true)
}

fn line(prompt: &str, password: bool) -> Result<String, Error> {
    let question = Ask::Input {
        prompt: prompt.to_owned(),
        password,
    };
    let answer = ask(&question).and_then(|bytes| decode(&bytes)).map_err(Error::new)?;
    match answer {
        Line::Entered(line) => Ok(line),
        Line::Interrupted => {
            // Unwinds where this is the cell's thread.
            mosaic::__private::checkpoint();
            Err(Error::new("the cell was interrupted"))
        }
        Line::Refused(reason) => Err(Error::new(reason)),
    }
}
