//! Texts of evcxr 0.22 that this crate matches, each with the place in evcxr's sources that writes it.
//!
//! After an update of evcxr, compare every constant with the function of evcxr that its comment names. The wrapper
//! leaves a text that it does not recognise as it is. The cell then still runs, but slower or with plainer errors, and
//! end-to-end tests fail.

// The crate of a cell: `module.rs`.

/// The name of the crate that evcxr compiles for each cell: `CRATE_NAME`.
pub(crate) const CELL_CRATE: &str = "ctx";
/// Begins the path of an item of a cell, as rustc and rust-analyzer print it.
pub(crate) const CELL_CRATE_PATH: &str = "ctx::";
/// The environment variable that names a file into which a build writes the path of the cell's library:
/// `EXECUTION_SO_PATH_ENV`. A check has no such variable.
pub(crate) const LIBRARY_PATH_VARIABLE: &str = "EVCXR_EXECUTION_SO_PATH";
/// Begins the names of all environment variables that evcxr sets for its own rustc wrapper.
pub(crate) const ENVIRONMENT_PREFIX: &str = "EVCXR";

/// Ends the names of the files that evcxr takes for the source of a cell: `spans_in_local_source` of `errors.rs`.
pub(crate) const EVCXRS_SOURCE: &str = "lib.rs";

// What a cell prints: `eval_context.rs`.

/// Begins the line before a value that a cell prints in another format than text; the format's MIME type follows:
/// `run_and_capture_output`.
///
/// ```
/// assert!("EVCXR_BEGIN_CONTENT text/html".starts_with(mosaic_evaluator::CONTENT_BEGINS));
/// ```
pub const CONTENT_BEGINS: &str = "EVCXR_BEGIN_CONTENT ";
/// The line after a value that a cell prints in another format than text: `run_and_capture_output`.
///
/// ```
/// assert_eq!(mosaic_evaluator::CONTENT_ENDS, "EVCXR_END_CONTENT");
/// ```
pub const CONTENT_ENDS: &str = "EVCXR_END_CONTENT";

// The source of a cell: `eval_context.rs`.

/// Begins all sources: `code_to_compile` and `analysis_code`.
pub(crate) const SOURCE_BEGINS: &str = "#![allow(unused_imports, unused_mut, dead_code)]";
/// Begins the name of the function that runs a cell; the cell's number follows: `current_user_fn_name`.
pub(crate) const CELL_FUNCTION: &str = "run_user_code_";
/// Begins the function that runs a cell: `wrap_user_code`.
pub(crate) const CELL_FUNCTION_BEGINS: &str = "\npub extern \"C\" fn run_user_code_";
/// Begins the copy of the variable store that stands between the notebook's items and the cell: `wrap_user_code`.
pub(crate) const RUNTIME_BEGINS: &str = "\nmod evcxr_internal_runtime {\n";
/// Follows the copy of the variable store: `wrap_user_code`.
pub(crate) const RUNTIME_ENDS: &str = "\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
/// The source of a cell that has neither items nor statements, up to the cell's number: `code_to_compile`.
const EMPTY_CELL_BEGINS: &str =
    "#![allow(unused_imports, unused_mut, dead_code)]\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
/// The source of an empty cell behind the cell's number: `code_to_compile`.
const EMPTY_CELL_ENDS: &str = "(\nmut x: *mut std::os::raw::c_void) -> *mut std::os::raw::c_void {x}\n";

/// The type of the error that a failing `?` returns from a cell: `error_trait_code`. A cell without `?` has no such
/// type.
pub(crate) const USER_ERROR: &str = "EvcxrUserCodeError";
/// Begins the conversion that a failing `?` calls: `error_trait_code`.
pub(crate) const USER_ERROR_BEGINS: &str = "struct EvcxrUserCodeError {}";
/// Tells evcxr that a `?` failed: `error_trait_code`.
pub(crate) const USER_ERROR_REPORT: &str = "println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);";
/// The head of the conversion that a failing `?` calls, unless the user has chosen another format: `error_trait_code`.
pub(crate) const USER_ERROR_DISPLAYED: &str = "impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {";
/// Prints the error of a failing `?`, unless the user has chosen another format: `error_trait_code`.
pub(crate) const USER_ERROR_FORMATTED: &str = "eprintln!(\"{}\", error);";
/// The last expression of a cell whose code may fail with `?`: `wrap_user_code`.
pub(crate) const USER_CODE_ENDS: &str = "Ok::<(), EvcxrUserCodeError>(())";
/// Begins to catch panics around the cell's code: `wrap_user_code`.
pub(crate) const CATCH_BEGINS: &str = "match std::panic::catch_unwind(\n  std::panic::AssertUnwindSafe(||{\n";
/// Tells evcxr that the cell's code panicked, whose payload is dropped: `wrap_user_code`.
pub(crate) const PANIC_REPORT: &str = "Err(_) => {\n    println!(\"EVCXR_PANIC_NOTIFICATION\");";

/// The name of the variable that holds the variable store in a cell.
pub(crate) const VARIABLE_STORE: &str = "evcxr_variable_store";
/// Makes a reference of the store's pointer, before the cell's variables are checked: `wrap_user_code`.
pub(crate) const STORE_BEGINS: &str = "let evcxr_variable_store = unsafe {&mut *evcxr_variable_store};";
/// Ends the checks of the cell's variables: `check_variable_statements`.
pub(crate) const CHECKS_END: &str = "if !vars_ok {return evcxr_variable_store;}}";
/// Begins the check of a variable's type: `check_variable_statements`.
pub(crate) const CHECK_VARIABLE: &str = "evcxr_variable_store.check_variable::<";
/// Begins the line that checks a variable's type: `check_variable_statements`.
pub(crate) const CHECK_BEGINS: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
/// Takes a variable out of the store: `load_variable_statements`.
pub(crate) const TAKE_VARIABLE: &str = "evcxr_variable_store.take_variable::<";
/// Puts a variable into the store: `store_variable_statements`.
pub(crate) const PUT_VARIABLE: &str = "evcxr_variable_store.put_variable::<";

/// Begins the function that prints a value's text: `SEND_TEXT_PLAIN_DEF`.
pub(crate) const SEND_TEXT_BEGINS: &str = "fn evcxr_send_text_plain(";
/// The method by which evcxr shows the value of a cell's last expression, if the value has it.
pub(crate) const DISPLAY_METHOD: &str = "evcxr_display";
/// Ends evcxr's first way to show the last expression, a call of [`DISPLAY_METHOD`].
pub(crate) const DISPLAY_ENDS: &str = ").evcxr_display();";
/// Begins evcxr's second way to show the last expression, a call of the function of [`SEND_TEXT_BEGINS`].
pub(crate) const DEBUG_BEGINS: &str = "evcxr_send_text_plain(&format!(\"{:?}\",&(";
/// Ends evcxr's second way to show the last expression.
pub(crate) const DEBUG_ENDS: &str = ")));";

/// Begins the statements by which a cell with `.await` makes or finds its tokio runtime: `wrap_user_code`.
pub(crate) const EXECUTOR_BEGINS: &str = "let mut mutex";
/// Creates the tokio runtime, within [`EXECUTOR`].
pub(crate) const EXECUTOR_CREATES: &str = "evcxr_variable_store.lazy_arc(";
/// The statements by which a cell with `.await` makes or finds its tokio runtime. evcxr writes them by `stringify!`, so
/// that the line breaks are the compiler's.
pub(crate) const EXECUTOR: &str = "let mut mutex = evcxr_variable_store.lazy_arc(\"evcxr_tokio_runtime\", || \
     std::sync::Mutex::new(tokio::runtime::Runtime::new().unwrap())); \
     match mutex.lock() { Ok(guard) => guard, Err(poisoned) => poisoned.into_inner(), }";
/// Follows [`EXECUTOR`], before the cell's code.
pub(crate) const EXECUTOR_ENDS: &str = ".block_on(async {";

/// Begins the names of functions and variables in generated code.
pub(crate) const FUNCTION_PREFIX: &str = "evcxr_";
/// Begins the names of types in generated code.
pub(crate) const TYPE_PREFIX: &str = "Evcxr";

// The source that evcxr only has checked: `analysis_code` of `eval_context.rs`.

/// Ends the notebook's items: a function that accepts only values without borrowed parts.
pub(crate) const ANALYSIS_ITEMS_END: &str = "\nfn evcxr_variable_store<T: 'static>(_: T) {}\n";
/// Begins a call that checks what a variable borrows, and whether it is still there.
pub(crate) const ANALYSIS_CHECK_BEGINS: &str = "evcxr_variable_store(";
/// Begins the function around the cell's code. The stored variables follow as parameters.
pub(crate) const ANALYSIS_FUNCTION_BEGINS: &str = "\nasync fn evcxr_analysis_wrapper(\n";
/// Ends the head of the function around the cell's code.
pub(crate) const ANALYSIS_FUNCTION_RETURNS: &str = ") -> Result<(), EvcxrUserCodeError> {\n";
/// Ends the notebook's items and begins the function around the cell's code, its attribute included.
pub(crate) const ANALYSIS_WRAPPER: &str = "\n#[allow(unused_variables)]\nasync fn evcxr_analysis_wrapper(";

// The lines between evcxr and the cell process: `runtime.rs`, `evcxr_internal_runtime.rs` and `eval_context.rs`.

/// Says that the cell has ended: `EVCXR_EXECUTION_COMPLETE`.
pub(crate) const EXECUTION_COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
/// Says that the cell panicked: `PANIC_NOTIFICATION`.
pub(crate) const PANIC_NOTIFICATION: &str = "EVCXR_PANIC_NOTIFICATION";
/// Says that a `?` of the cell failed: `USER_ERROR_OCCURRED`.
pub(crate) const ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";
/// Says that a variable was dropped, since its type is another one; the variable's name follows:
/// `VARIABLE_CHANGED_TYPE`.
pub(crate) const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
/// The environment variable that makes a process evcxr's cell process: `EVCXR_IS_RUNTIME_VAR`.
pub(crate) const CELL_PROCESS_VARIABLE: &str = "EVCXR_IS_RUNTIME";
/// Begins the only command of evcxr's to the cell process: `run_statements` of `eval_context.rs`.
const LOAD_AND_RUN: &str = "LOAD_AND_RUN ";

// The question whether a crate exists: `validate_dep` of `cargo_metadata.rs`.

/// The line of a manifest that asks cargo about one crate.
pub(crate) const LOOKUP_PACKAGE: &str = "name = \"evcxr_dummy_validate_dep\"";

/// Reads a command of evcxr's to the cell process: the path of a library, and the name of the function to be called.
pub(crate) fn library_and_function(command: &str) -> Option<(&str, &str)> {
    command.strip_prefix(LOAD_AND_RUN)?.rsplit_once(' ')
}

/// Reports whether a symbol of a backtrace is the function that runs a cell.
pub(crate) fn is_cell_function(symbol: &str) -> bool {
    symbol.starts_with(CELL_FUNCTION) || symbol.contains(&format!("{CELL_CRATE_PATH}{CELL_FUNCTION}"))
}

/// Reports whether a source is that of a cell that has neither items nor statements.
pub(crate) fn is_empty_cell(source: &str) -> bool {
    let number = source
        .strip_prefix(EMPTY_CELL_BEGINS)
        .and_then(|rest| rest.strip_suffix(EMPTY_CELL_ENDS));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns the source of an empty cell with a number, as evcxr writes it.
#[cfg(test)]
pub(crate) fn empty_cell(number: &str) -> String {
    format!("{EMPTY_CELL_BEGINS}{number}{EMPTY_CELL_ENDS}")
}

/// Returns the content of evcxr's configuration file: where evcxr compiles, and the program that cargo starts in place
/// of rustc. `toml_parse.rs` reads it.
pub(crate) fn configuration(directory: &std::path::Path, rustc_wrapper: &std::path::Path) -> String {
    format!("[evcxr]\ntmpdir = {directory:?}\nsccache = {rustc_wrapper:?}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_a_library_and_a_function() {
        let command = "LOAD_AND_RUN /tmp/a directory/libctx.so run_user_code_1";
        let expected = Some(("/tmp/a directory/libctx.so", "run_user_code_1"));
        assert_eq!(library_and_function(command), expected);
        assert_eq!(library_and_function("QUIT"), None);
    }

    #[test]
    fn only_a_cell_without_code_is_empty() {
        assert!(is_empty_cell(&empty_cell("2")));
        for other in [
            empty_cell("2 fn f() {}\nfn g"),
            format!("fn f() {{}}\n{}", empty_cell("2")),
            String::new(),
        ] {
            assert!(!is_empty_cell(&other), "{other}");
        }
    }

    #[test]
    fn names_within_longer_texts_are_those_of_the_constants() {
        for (text, name) in [
            (CELL_CRATE_PATH, CELL_CRATE),
            (EMPTY_CELL_BEGINS, SOURCE_BEGINS),
            (CELL_FUNCTION_BEGINS, CELL_FUNCTION),
            (RUNTIME_ENDS, CELL_FUNCTION_BEGINS),
            (EMPTY_CELL_BEGINS, RUNTIME_ENDS),
            (USER_ERROR_BEGINS, USER_ERROR),
            (USER_CODE_ENDS, USER_ERROR),
            (USER_ERROR_DISPLAYED, USER_ERROR),
            (PANIC_REPORT, PANIC_NOTIFICATION),
            (CHECK_BEGINS, CHECK_VARIABLE),
            (DISPLAY_ENDS, DISPLAY_METHOD),
            (EXECUTOR, EXECUTOR_BEGINS),
            (EXECUTOR, EXECUTOR_CREATES),
            (ANALYSIS_FUNCTION_RETURNS, USER_ERROR),
            (ANALYSIS_FUNCTION_BEGINS, ANALYSIS_WRAPPER.rsplit_once('\n').unwrap().1),
        ] {
            assert!(text.contains(name), "{text} | {name}");
        }
        for call in [
            CHECK_VARIABLE,
            TAKE_VARIABLE,
            PUT_VARIABLE,
            ANALYSIS_CHECK_BEGINS,
            STORE_BEGINS,
            CHECKS_END,
        ] {
            assert!(call.contains(VARIABLE_STORE), "{call}");
        }
    }
}
