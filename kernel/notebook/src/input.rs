//! Questions to the user.

use crate::Error;
use mosaic_cell::{
    ask,
    message::{Ask, Line, decode},
};

/// Asks the user for a line, and waits for it.
///
/// If the cell is interrupted meanwhile, it ends here and keeps its variables.
///
/// # Errors
///
/// Nobody can be asked: no cell runs, or its front end allows no questions. On a thread that runs no cell, also an
/// interrupt of the cell.
///
/// # Examples
///
/// ```no_run
/// let answer: f64 = notebook::input("temperature in K: ")?.trim().parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn input(prompt: &str) -> Result<String, Error> {
    line(prompt, false)
}

/// Asks the user for a line that is hidden while it is typed, and waits for it.
///
/// # Errors
///
/// The errors of [`input`].
///
/// # Examples
///
/// ```no_run
/// let token = notebook::password("token: ")?;
/// # Ok::<(), notebook::Error>(())
/// ```
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
            // Unwinds if this is the cell's thread.
            mosaic::__private::checkpoint();
            Err(Error::new("the cell was interrupted"))
        }
        Line::Refused(reason) => Err(Error::new(reason)),
    }
}
