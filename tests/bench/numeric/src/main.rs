//! Measures the kernels of `kernels.rs`: reads lines of a name and a number of rounds, and prints the seconds of each
//! round as a line.

use std::io::{BufRead, stdin};

include!("kernels.rs");

fn main() {
    for line in stdin().lock().lines() {
        let line = line.expect("the standard input can be read");
        let (name, rounds) = line.rsplit_once(' ').expect("a line is a name and a number");
        println!("{:?}", measure(name, rounds.parse().expect("the second word is a number")));
    }
}
