//! Handing arguments over to the host.

use super::{
    argument::{Arg, Value},
    object::Object,
};
use mosaic_abi::{Argument, Buffer, Failure, Handle, Options, Request, Slice, Submitted};

/// Arguments that are ready to be handed to the host, and the tasks that some of them are.
pub(crate) struct OutgoingArguments {
    values: Vec<Argument>,
    /// Keeps the objects that `values` name alive until they are handed over.
    _producers: Vec<Object>,
}

impl OutgoingArguments {
    /// Collects `arguments`.
    ///
    /// # Errors
    ///
    /// One of them cannot be passed.
    pub(crate) fn collect(arguments: Vec<Arg>) -> Result<OutgoingArguments, Failure> {
        let mut collected = OutgoingArguments {
            values: Vec::with_capacity(arguments.len()),
            _producers: Vec::new(),
        };
        for argument in arguments {
            let (task, value) = match argument.0? {
                Value::Encoded(bytes) => (0, bytes),
                Value::Produced(task) => {
                    let handle = task.needed()?;
                    collected._producers.push(task);
                    (handle, Buffer::default())
                }
            };
            collected.values.push(Argument { task, value });
        }
        Ok(collected)
    }

    /// Hands the arguments over to the host function that `submit` calls, with a request. The tasks of `after` must be
    /// alive until it returns.
    pub(crate) fn hand_over(
        mut self,
        after: &[Handle],
        near: Handle,
        options: &Options,
        submit: impl FnOnce(Request) -> Submitted,
    ) -> Submitted {
        let count = self.values.len();
        // The host takes over each argument, so the vector may free its memory but must not drop its elements.
        // SAFETY: zero is within the capacity, and the elements stay initialised for the host.
        unsafe { self.values.set_len(0) };
        let options = options.encoded();
        submit(Request {
            arguments: self.values.as_mut_ptr(),
            count,
            after: after.as_ptr(),
            after_count: after.len(),
            options: Slice::new(&options),
            near,
        })
    }
}
