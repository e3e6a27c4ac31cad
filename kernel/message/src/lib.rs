//! The messages between cells and the kernel, beside text: displays, questions to the user, comms.
//!
//! A cell sends an [`Ask`] and waits for the answer. The kernel sends a [`Delivery`] and is told when it was handled.
//! Both cross the ABI as bytes. JSON crosses as text, so this crate needs no JSON library.

mod array;
mod bundle;
mod comm;
mod deflate;
pub mod html;
pub mod picture;
mod runtime;

pub use bundle::{Content, MimeBundle, Rich};
pub use comm::{CommKind, CommMessage, Delivery};
pub use runtime::PROFILE;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A request of a cell or a worker to the kernel.
///
/// Unless stated otherwise, the answer is empty, and comes when the request has its position in the order of all
/// output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Shows a value.
    Display {
        /// The value in all its formats.
        bundle: MimeBundle,
        /// The name by which the display can be replaced.
        display_id: Option<String>,
    },
    /// Replaces a display.
    Update {
        /// The new value in all its formats.
        bundle: MimeBundle,
        /// The name of the display.
        display_id: String,
    },
    /// Removes what the cell has shown so far.
    Clear {
        /// Wait until something else is shown.
        wait: bool,
    },
    /// Announces that the code of the cell that begins can print evcxr's display blocks: a block in what the cell prints
    /// is a display, and not text.
    PrintsDisplays,
    /// Announces the value of the cell's last expression: a block that it prints is the cell's result.
    ResultBegins,
    /// Shows the value of the cell's last expression.
    Result(MimeBundle),
    /// Asks the user for a line. The answer is an encoded [`Line`].
    Input {
        /// The text that the user sees.
        prompt: String,
        /// Hide what the user types.
        password: bool,
    },
    /// Opens a comm, sends a message through it, or closes it.
    Comm(CommMessage),
    /// Lets the front end open comms to this target.
    RegisterTarget(String),
    /// No longer lets the front end open comms to this target.
    UnregisterTarget(String),
    /// Confirms that the delivery of this number was handled.
    Handled(u64),
    /// Asks for the id of the message under which output is shown now. The answer is an encoded `String`, empty if no
    /// cell has run yet.
    Parent,
}

/// The user's answer to [`Ask::Input`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// The user entered this line, without its line ending.
    Entered(String),
    /// The user interrupted the cell instead.
    Interrupted,
    /// Nobody can be asked, for this reason.
    Refused(String),
}

/// Encodes a message.
///
/// # Panics
///
/// Never: the types of this crate are texts, bytes and enums, which can always be encoded.
///
/// # Examples
///
/// ```
/// use mosaic_message::{Ask, decode, encode};
/// assert_eq!(decode(&encode(&Ask::Handled(7))), Ok(Ask::Handled(7)));
/// ```
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    mosaic_abi::encode(value).expect("messages are texts, bytes and enums")
}

/// Decodes a message that [`encode`] encoded.
///
/// # Errors
///
/// The bytes encode no `T`, perhaps because the other side has another version.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    mosaic_abi::decode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_arrives() {
        let bundle = MimeBundle::new()
            .with_text("text/html", "<b>")
            .with_bytes("image/png", [137, 80]);
        let asks = [
            Ask::Display {
                bundle: bundle.clone(),
                display_id: Some("one".into()),
            },
            Ask::Result(bundle),
            Ask::Comm(CommMessage {
                kind: CommKind::Open { target: "t".into() },
                comm_id: "c".into(),
                data: "{}".into(),
                metadata: "{}".into(),
                buffers: vec![vec![0, 255]],
            }),
        ];
        for ask in asks {
            assert_eq!(decode(&encode(&ask)), Ok(ask));
        }
        assert!(decode::<Ask>(&[255]).is_err());
    }
}
