//! The executable's own `read` is what the libraries of a cell process find: see the evaluator's `stdin`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=read");
}
