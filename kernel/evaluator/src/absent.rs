//! Variables that evcxr believes in and that are not there.
//!
//! evcxr is told that a cell has ended when it begins, so that it can answer questions meanwhile. It then takes the cell's
//! new variables for stored, although a panic, a failed `?` or an interrupt may keep the cell from storing them; and when
//! the process ends, all variables are gone. The kernel knows what is stored, and the next cell is compiled without taking
//! the others out of the store. Where such a cell does not make them anew, it has no variable of the name to store at its
//! end, by which evcxr learns that it is gone: it forgets it and compiles the cell again.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// In the directory in which evcxr compiles.
const FILE: &str = "absent-variables";

/// Tells the wrapper of rustc which variables are not there.
pub(crate) fn tell(directory: &Path, names: &BTreeSet<String>) -> io::Result<()> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fs::write(directory.join(FILE), names.join("\n"))
}

/// The source of a cell without the lines that take absent variables out of the store. No line moves.
pub(crate) fn without_loads(text: String, source: &Path) -> String {
    // The source lies in `src`, and cargo starts rustc in its parent.
    let directory: PathBuf = source.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let names = fs::read_to_string(directory.join(FILE)).unwrap_or_default();
    without(text, &names.lines().collect::<Vec<_>>())
}

fn without(text: String, names: &[&str]) -> String {
    if names.is_empty() {
        return text;
    }
    let loads = |line: &str| {
        let line = line.trim_end();
        line.starts_with("let ")
            && line.contains(" = evcxr_variable_store.take_variable::<")
            && names
                .iter()
                .any(|name| line.ends_with(&format!(">(stringify!({name}));")))
    };
    let line = |line: &'_ str| if loads(line) { "\n".to_owned() } else { line.to_owned() };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loads_of_absent_variables_go_and_no_line_moves() {
        let load = |name: &str| {
            format!("let mut {name} = evcxr_variable_store.take_variable::<Vec<u8>>(stringify!({name}));\n")
        };
        let text = format!("fn f() {{}}\n{}{}let ab = 1;\n", load("a"), load("ab"));
        assert_eq!(
            without(text.clone(), &["a", "c"]),
            format!("fn f() {{}}\n\n{}let ab = 1;\n", load("ab"))
        );
        assert_eq!(without(text.clone(), &[]), text);
    }

    #[test]
    fn the_wrapper_reads_what_the_kernel_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let text = "let a = evcxr_variable_store.take_variable::<u8>(stringify!(a));\n";
        let source = directory.path().join("src/lib.rs");
        assert_eq!(without_loads(text.to_owned(), &source), text);
        tell(directory.path(), &BTreeSet::from(["a".to_owned()])).unwrap();
        assert_eq!(without_loads(text.to_owned(), &source), "\n");
    }
}
