//! Exports the executable's own `read`, so that the libraries of a cell process call it instead of libc's. The
//! evaluator's module `stdin` defines it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_ZIGBUILD_TARGET");
    // zig's linker does not know the option, and exports whatever libc has too.
    if std::env::var_os("CARGO_ZIGBUILD_TARGET").is_none() {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=read");
    }
}
