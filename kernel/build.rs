//! Exports the executable's own `read`, so that the libraries of a cell process call it instead of libc's. The
//! evaluator's module `stdin` defines it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=read");
}
