//! Neither the user's names nor lints conflict with generated code.

#![deny(warnings, missing_docs, unreachable_pub, unsafe_code, clippy::all, clippy::pedantic)]
#![allow(dead_code)]

use mosaic::tessera;

mod core {}
mod std {}
mod mosaic_names {
    pub(crate) struct Result;
    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) struct Option;
    pub(crate) trait Clone {}
    pub(crate) trait IntoFuture {}
    pub(crate) const TABLE: usize = 2;
}
use mosaic_names::*;

trait Shadow: Sized {
    fn add(self, _: u8) -> u8 {
        0
    }
}
impl Shadow for &mut Counter {}

/// Counts.
#[tessera]
#[derive(Debug)]
pub struct Counter(u64);

/// Its methods.
#[tessera]
impl Counter {
    const LIMIT: usize = 2;

    /// Begins.
    pub fn new(arguments: u64) -> Counter {
        Counter(arguments)
    }

    /// Adds.
    pub fn add(&self, object: u8, method: [u8; TABLE], data: [u8; Self::LIMIT]) -> u8 {
        object + method[0] + data[0]
    }

    fn r#type(&mut self, (a, b): (u64, u64), _: u8, mut value: u64) -> u64 {
        value += a + b;
        self.0 += value;
        value
    }

    fn lent<'a>(&'a mut self, text: &'a str, list: &[u64], view: ndarray::ArrayView1<'_, f32>) -> bool {
        text.is_empty() || list.is_empty() || view.is_empty()
    }

    fn name() -> &'static str {
        "stays an ordinary function"
    }
}

fn calls(counter: &__mosaic_Counter::CounterProxy) {
    let first = counter.add(1, [2, 3], [4, 5]);
    counter.r#type((1, 2), first, 3);
    counter.lent("text", [1, 2], ndarray::Array1::zeros(3));
    counter.lent("text".to_owned(), vec![1], &ndarray::Array1::zeros(3));
}

fn main() {
    let _ = calls;
    let _ = Counter::name();
}
