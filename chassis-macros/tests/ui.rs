//! What the attributes accept, and what they say about each mistake: one file each.
//!
//! After a change of words: `TRYBUILD=overwrite cargo test -p chassis-macros --test ui`, and read the differences.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
