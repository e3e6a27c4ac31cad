//! Programs that use the attribute: those that compile, and what is said about those that do not.
//!
//! Only our own messages are compared, since the compiler's change with its version.
//!
//! `TRYBUILD=overwrite cargo test -p mosaic-macros` writes the expectations anew.

#[test]
fn programs() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
