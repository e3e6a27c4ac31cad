//! New proxies of tesserae that live.

use super::tessera::Tessera;
use crate::{
    error::TaskError,
    remote::{handle::Wait, object::Object},
};
use mosaic_abi::{Definition, Failure};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A future that finds a tessera that lives, and gives a proxy of it. Made by the generated `attach`.
#[must_use = "a future does nothing until it is awaited"]
pub struct Attach<P> {
    wait: Wait,
    object: Object,
    definition: &'static Definition,
    proxy: fn(Tessera) -> P,
}

impl<P> Attach<P> {
    /// Looks for the tessera `uid` of `definition`'s type. `proxy` makes the typed proxy.
    pub fn new(definition: &'static Definition, uid: &str, proxy: fn(Tessera) -> P) -> Attach<P> {
        let type_name = definition.type_name();
        let object = Object::attached(uid, type_name);
        Attach {
            wait: object.finished(),
            object,
            definition,
            proxy,
        }
    }
}

impl<P> Future for Attach<P> {
    type Output = Result<P, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let attached = outcome.and_then(|_| Tessera::attached(self.object.clone(), self.definition));
        Poll::Ready(match attached {
            Ok(tessera) => Ok((self.proxy)(tessera)),
            Err(failure) => Err(TaskError::new(Failure {
                tessera: self.definition.type_name().to_owned(),
                method: String::new(),
                ..failure
            })),
        })
    }
}
