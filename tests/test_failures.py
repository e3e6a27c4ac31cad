"""Cells that fail: by whatever panic, with all causes of an error, losing as few variables as possible."""

import promises

# How a cell unwinds, and what the error says.
PANICS = {
    'panic!("plain {}", 7)': "plain 7",
    'panic!("")': "",
    "std::panic::panic_any(42u8)": "Box<dyn Any>",
    'std::panic::resume_unwind(Box::new("resumed"));': "resumed",
    "std::panic::resume_unwind(Box::new(42u8));": "Box<dyn Any>",
    'let _ = std::panic::catch_unwind(|| panic!("caught")); std::panic::resume_unwind(Box::new("another"));': "another",
    'if let Err(payload) = std::panic::catch_unwind(|| panic!("passed on")) { std::panic::resume_unwind(payload); }': (
        "passed on"
    ),
    "{ let _loud = Loud; }": "in a destructor",
    "later().await;": "in a future",
    "Mute": "in Debug",
    "Shown": "in evcxr_display",
    "None::<u8>.unwrap();": "called `Option::unwrap()` on a `None` value",
}
PANICKING = """
struct Loud;
impl Drop for Loud { fn drop(&mut self) { panic!("in a destructor") } }
async fn later() { panic!("in a future") }
struct Mute;
impl std::fmt::Debug for Mute { fn fmt(&self, _: &mut std::fmt::Formatter) -> std::fmt::Result { panic!("in Debug") } }
struct Shown;
impl Shown { fn evcxr_display(&self) { panic!("in evcxr_display") } }
"""
# What the cells before have done to the panic hook.
HOOKS = {
    "the kernel's": "",
    "prints nothing": "std::panic::set_hook(Box::new(|_| {}));",
    "prints": 'std::panic::set_hook(Box::new(|info| println!("hook: {}", info.payload_as_str().unwrap_or("other"))));',
    "the standard library's": "drop(std::panic::take_hook());",
}


@promises.ERRORS
def test_a_cell_that_unwinds_has_failed(start):
    """Whatever the panic hook does, and whatever the payload is. The user's hook stays for later cells."""
    kernel = start()
    kernel.ok(PANICKING)
    for hook, code in HOOKS.items():
        kernel.ok(code)
        for code, message in PANICS.items():
            cell = kernel.run(code)
            assert cell.reply["status"] == "error", f"{hook}: {cell}"
            [content] = cell.errors
            # Only the kernel's own hook learns the place.
            evalue, _, place = content["evalue"].partition(", at ")
            assert (content["ename"], evalue) == ("Panic", message), f"{hook}: {cell}"
            assert place == "" or hook == "the kernel's", str(cell)
            assert message in "\n".join(content["traceback"])
            if hook == "prints" and "resume_unwind" not in code:
                assert cell.stdout.startswith("hook: "), str(cell)
        # A panic that the cell catches, or that ends another thread, is no failure of the cell.
        assert kernel.ok('std::panic::catch_unwind(|| panic!("caught")).is_err()').result == "true"
        cell = kernel.ok('std::thread::spawn(|| panic!("in a thread")).join().is_err()')
        assert cell.result == "true" and ("in a thread" in cell.text or hook == "prints nothing")


def test_the_panic_that_ends_the_process_is_shown(start):
    """Two panics at a time abort a Rust program. The output says which ones they were."""
    kernel = start()
    kernel.ok('struct Twice; impl Drop for Twice { fn drop(&mut self) { panic!("the second") } }')
    cell = kernel.run('{ let _twice = Twice; panic!("the first"); }')
    assert "SIGABRT" in cell.error and "the first" in cell.stderr and "the second" in cell.stderr


@promises.ERRORS
def test_panics_of_workers_say_their_payload(start):
    kernel = start()
    kernel.ok("use mosaic::prelude::*;\nmosaic::interactive(On).num_workers(1).await?;")
    for code, message in (
        ("std::panic::panic_any(7u8)", "Box<dyn Any>"),
        ("std::panic::set_hook(Box::new(|_| {}))", None),
        ('panic!("hidden from the hook")', "hidden from the hook"),
        ("std::panic::panic_any(7u8)", "Box<dyn Any>"),
        ('std::panic::resume_unwind(Box::new("resumed"))', "resumed"),
    ):
        cell = kernel.run(f"mosaic::spawn(|| -> () {{ {code} }}, ()).await?;")
        if message is None:
            assert cell.reply["status"] == "ok", str(cell)
        else:
            assert f"panicked on worker:0:0: {message}" in cell.error
    kernel.ok("mosaic::interactive(Off).await?;")


CHAIN = """
#[derive(Debug)]
struct Step(&'static str, Option<Box<Step>>);
impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.0) }
}
impl std::error::Error for Step {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { self.1.as_deref().map(|it| it as _) }
}
fn steps() -> Step { Step("starting", Some(Box::new(Step("reading", Some(Box::new(Step("no such file", None))))))) }
#[derive(Debug)]
struct OnlyDebug(u8);
struct OnlyDisplay;
impl std::fmt::Display for OnlyDisplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("only text") }
}
type Sendable = Box<dyn std::error::Error + Send + Sync>;
"""
CAUSES = "\n\nCaused by:\n    0: reading\n    1: no such file"
# What a `?` returns, and what the cell shows of it.
RETURNED = {
    "steps()": "starting" + CAUSES,
    '"x".parse::<u8>().unwrap_err()': "invalid digit found in string",
    "Box::<dyn std::error::Error>::from(steps())": "starting" + CAUSES,
    "Sendable::from(steps())": "starting" + CAUSES,
    'String::from("a text")': "a text",
    '"another text"': "another text",
    "OnlyDebug(7)": "OnlyDebug(7)",
    "OnlyDisplay": "only text",
    'Step("inner", Some(Box::new(Step("outer", None))))': "inner\n\nCaused by:\n    outer",
}


@promises.ERRORS
def test_a_returned_error_shows_its_causes(kernel):
    kernel.ok(CHAIN)
    for code, shown in RETURNED.items():
        for statement in (f"Err::<(), _>({code})?;", f"let value: u8 = Err({code})?;"):
            cell = kernel.run(statement)
            assert cell.error == f"Error\n{shown.splitlines()[0]}\nError: {shown}", str(cell)
            assert cell.text == "", "the error is not also printed"
    # An error that borrows from the cell.
    kernel.ok("let lock = std::sync::Mutex::new(1); *lock.lock()? += 1;")
    error = kernel.run("struct Odd; Err::<(), Odd>(Odd)?;").error
    assert "Odd" in error and "Display" in error and "evcxr" not in error.lower()


@promises.ERRORS
def test_an_error_of_anyhow_is_shown_as_main_shows_it(start):
    kernel = start()
    kernel.ok(':dep anyhow = "1"', timeout=200)
    kernel.ok(
        "use anyhow::Context;\n"
        'fn load(file: &str) -> anyhow::Result<String> { std::fs::read_to_string(file).context("reading") }'
    )
    for code in ('load("/nowhere")', 'load("/nowhere").context("starting")', 'load("/nowhere").context("two\\nlines")'):
        as_main = kernel.ok(f'println!("Error: {{:?}}", {code}.unwrap_err());').stdout
        as_main = as_main.split("\n\nStack backtrace:")[0].rstrip("\n")
        cell = kernel.run(f"let text = {code}?;")
        assert cell.error.endswith(as_main) and "Caused by" in as_main, str(cell)


# A statement that fails.
FAILURES = {"question mark": 'Err::<(), _>("wrong")?;', "panic": 'panic!("wrong");', "await": "fail().await?;"}


@promises.SURVIVE
def test_what_a_failing_cell_has_bound_is_kept(kernel):
    kernel.ok('async fn fail() -> Result<(), String> { Err("wrong".to_owned()) }\nfn make() -> Vec<u8> { vec![1] }')
    for number, failure in enumerate(FAILURES.values()):
        kernel.ok(f"let mut old{number} = vec![0];")
        cell = kernel.run(
            f"let mut first{number} = make(); let second{number} = first{number}.len() + 1;\n"
            f"first{number}.push(2); old{number}.push(3);\nlet third{number} = make(); // the third\n{failure}\n"
            f"let fourth{number} = make();"
        )
        assert "wrong" in cell.error, str(cell)
        shown = kernel.ok(f"(&first{number}, second{number}, &third{number}, &old{number})").result
        assert shown == "([1, 2], 2, [1], [0, 3])"
        assert f"fourth{number}" in kernel.run(f"fourth{number}").error


@promises.SURVIVE
def test_what_a_cell_moves_is_stored_as_before(kernel):
    """Code whose variables cannot be kept before the end of the cell compiles all the same."""
    kernel.ok("let moved = vec![1]; let sum: i32 = moved.into_iter().sum(); println!(\"{sum}\");")
    assert kernel.ok("sum").result == "1"
    kernel.ok("let mut again = vec![1]; drop(again); again = vec![2]; println!(\"{again:?}\");")
    assert kernel.ok("again").result == "[2]"
    kernel.ok("let shadowed = vec![1]; let shadowed = shadowed.len() + 1; println!(\"{shadowed}\");")
    assert kernel.ok("shadowed").result == "2"
    kernel.ok("let early = vec![1];\nif early.len() == 1 { return Ok(()); }\nlet late = vec![2];")
    assert kernel.ok("early").result == "[1]" and "late" in kernel.run("late").error


@promises.NAMED
def test_an_error_says_what_became_of_a_variable(start):
    kernel = start()

    def number(code):
        return kernel.run(code).reply["execution_count"]

    kernel.ok("let moved = vec![1]; let lost = vec![2]; let kept = vec![3];")
    cell = number("drop(moved);")
    assert f"`moved` was moved in cell [{cell}]" in kernel.run("moved.len()").error
    assert f"`moved` was moved in cell [{cell}]" in kernel.run('println!("{moved:?}")').error
    cell = number('drop(lost); let unbound = f(); fn f() -> u8 { panic!("no") }')
    assert f"`lost` was lost in cell [{cell}]" in kernel.run("lost").error
    assert f"cell [{cell}] defines `unbound`" in kernel.run("unbound").error
    kernel.ok("struct Changed(u8);\nlet changed = Changed(1);")
    kernel.ok("struct Changed(String);")
    cell = number("changed.0")
    assert f"`changed` was dropped in cell [{cell}]" in kernel.run("changed.0").error
    assert kernel.ok("kept").result == "[3]"
    cell = number(":restart")
    assert f"`kept` went with `:restart` in cell [{cell}]" in kernel.run("kept").error
    kernel.ok("let kept = 4; let other = 5;")
    cell = number(":clear")
    assert f"`kept` went with `:clear` in cell [{cell}]" in kernel.run("kept").error
    kernel.ok("let other = 6;")
    cell = number("std::process::abort();")
    assert f"`other` was lost in cell [{cell}], in which the cells' process ended" in kernel.run("other").error
    kernel.ok("let other = 7;")
    assert kernel.ok("other").result == "7"
