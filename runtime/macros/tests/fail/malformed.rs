//! All errors of a tessera are reported together.

use mosaic::tessera;

#[tessera(fast)]
struct Borrows<'a>(&'a u8);

struct Generic<T>(T);

#[tessera]
impl<T> Generic<T> {
    fn new(value: T) -> Self {
        Generic(value)
    }
}

struct Solver(Vec<u8>);

#[tessera]
impl Solver {
    fn new() -> Self {
        Solver(Vec::new())
    }
    fn by_value(self) {}
    fn borrowed(&self) -> &[u8] {
        &self.0
    }
    fn changes(&self, _list: &mut Vec<u8>) {}
    fn generic<T>(&self, _value: T) {}
}

struct Unconstructed;

#[tessera]
impl Unconstructed {
    fn f(&self) {}
}

#[tessera]
impl Clone for Unconstructed {
    fn clone(&self) -> Self {
        Unconstructed
    }
}

#[tessera]
fn function() {}

fn main() {}
