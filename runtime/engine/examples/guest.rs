//! A shared object with a tessera, like a cell of a notebook. The tests load it.
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

/// Creates a tessera and calls its method `greet`. The host must have been installed before.
#[unsafe(no_mangle)]
pub extern "Rust" fn greet(name: &str) -> TaskProxy<String> {
    Greeter::remote("hello").greet(name)
}

/// Creates a tessera and calls a method that fails.
#[unsafe(no_mangle)]
pub extern "Rust" fn fail() -> TaskProxy<()> {
    Greeter::remote("hello").fail()
}
