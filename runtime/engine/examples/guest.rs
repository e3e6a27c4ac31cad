//! Tesserae in a shared object, as a cell of a notebook has them. The tests load it.
#![allow(missing_docs, reason = "made for the tests alone")]

use mosaic::prelude::*;

#[tessera]
pub struct Greeter {
    greeting: String,
}

#[tessera]
impl Greeter {
    fn new(greeting: &str) -> Self {
        Greeter {
            greeting: greeting.to_owned(),
        }
    }

    fn greet(&self, name: &str) -> String {
        println!("{} is asked for", self.greeting);
        format!("{}, {name}", self.greeting)
    }

    fn fail(&self) {
        panic!("no greeting");
    }
}

/// Creates a tessera and has it greet; the host must have been given before.
#[unsafe(no_mangle)]
pub extern "Rust" fn greet(name: &str) -> TaskProxy<String> {
    Greeter::remote("hello").greet(name)
}

/// Creates a tessera and has it fail.
#[unsafe(no_mangle)]
pub extern "Rust" fn fail() -> TaskProxy<()> {
    Greeter::remote("hello").fail()
}
