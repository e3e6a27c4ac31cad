//! What cells and the kernel say to each other beside text: displays, questions to the user, comms.
//!
//! A cell sends an [`Ask`] and waits for its answer; the kernel sends a [`Delivery`] and is told when it was handled.
//! Both cross the narrow waist as bytes. JSON crosses as text, so that this crate needs to know none.

mod bundle;
mod comm;
mod runtime;

pub use bundle::{Content, MimeBundle, Rich};
pub use comm::{CommKind, CommMessage, Delivery};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a cell or a worker asks of the kernel. Where nothing else is said, the answer is empty and comes when what was
/// asked for has its place among all that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Shows something.
    Display {
        /// In all its formats.
        bundle: MimeBundle,
        /// The name by which it can be replaced.
        display_id: Option<String>,
    },
    /// Replaces what was shown under this name.
    Update {
        /// In all its formats.
        bundle: MimeBundle,
        /// The name that it was shown under.
        display_id: String,
    },
    /// Removes what the cell has shown so far.
    Clear {
        /// Not before something else is shown.
        wait: bool,
    },
    /// The cell's last expression is about to show its value: what it prints as a block is the cell's result.
    ResultBegins,
    /// The value of the cell's last expression.
    Result(MimeBundle),
    /// Asks the user for a line. The answer is an encoded [`Line`].
    Input {
        /// What the user is asked.
        prompt: String,
        /// What the user types is not to be seen.
        password: bool,
    },
    /// Opens a comm, sends a message through it, or closes it.
    Comm(CommMessage),
    /// From now on the front end may open comms to this target.
    RegisterTarget(String),
    /// The front end may no longer open comms to this target.
    UnregisterTarget(String),
    /// The delivery of this number was handled.
    Handled(u64),
    /// Under which message's id output is shown now. The answer is an encoded `String`, empty where no cell has run yet.
    Parent,
}

/// How the user answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// With this, without its end.
    Entered(String),
    /// Not, but interrupted the cell.
    Interrupted,
    /// Not at all: nobody can be asked, for this reason.
    Refused(String),
}

/// A value as bytes.
///
/// # Panics
///
/// Never: the types of this crate are texts, bytes and enums, which always encode.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    mosaic_abi::encode(value).expect("messages are texts, bytes and enums")
}

/// The value that [`encode`] made these bytes of.
///
/// # Errors
///
/// The bytes are none, perhaps since the other side is of another version.
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
