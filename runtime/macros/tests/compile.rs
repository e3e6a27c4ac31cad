//! Programs that use the attribute: some compile, and the others fail with our messages.
//!
//! Only our own messages are compared, since the compiler's change with its version.
//!
//! `TRYBUILD=overwrite cargo test -p mosaic-macros` updates the expectations.

#[test]
fn programs() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
