"""A static exists once for all cells, as in a program, and once in each worker."""

import subprocess

import pytest

# Cells that define statics of all kinds. Each counts in its own way.
ITEMS = [
    """
use std::{cell::{Cell, RefCell}, sync::{LazyLock, Mutex, OnceLock, RwLock, atomic::{AtomicU64, Ordering::Relaxed}}};
static COUNTER: AtomicU64 = AtomicU64::new(0);
pub static mut PLAIN: [u32; 2] = [1, 2];
static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ONCE: OnceLock<String> = OnceLock::new();
""",
    """
mod inner {
    pub mod deep { pub static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(100); }
}
#[derive(Debug, Default)]
struct State { calls: u64 }
static STATE: LazyLock<RwLock<State>> = LazyLock::new(|| { println!("state begins"); RwLock::default() });
const HELD: &AtomicU64 = &COUNTER;
fn in_function() -> u64 { static CALLS: AtomicU64 = AtomicU64::new(10); CALLS.fetch_add(1, Relaxed) }
fn in_generic<T>(_: T) -> u64 { static CALLS: AtomicU64 = AtomicU64::new(20); CALLS.fetch_add(1, Relaxed) }
#[inline(always)] fn in_inline() -> u64 { static CALLS: AtomicU64 = AtomicU64::new(30); CALLS.fetch_add(1, Relaxed) }
fn in_closure() -> u64 { let call = || { static CALLS: AtomicU64 = AtomicU64::new(40); CALLS.fetch_add(1, Relaxed) }; call() }
fn in_macro() -> String { format!("{}", { static CALLS: AtomicU64 = AtomicU64::new(50); CALLS.fetch_add(1, Relaxed) }) }
""",
    """
struct Unit;
trait Counts { fn by_default(&self) -> u64 { static CALLS: AtomicU64 = AtomicU64::new(60); CALLS.fetch_add(1, Relaxed) } fn own(&self) -> u64; }
impl Counts for Unit { fn own(&self) -> u64 { static CALLS: AtomicU64 = AtomicU64::new(70); CALLS.fetch_add(1, Relaxed) } }
impl Unit { fn inherent() -> u64 { static CALLS: AtomicU64 = AtomicU64::new(80); CALLS.fetch_add(1, Relaxed) } }
mod locals {
    use std::cell::{Cell, RefCell};
    thread_local! {
        pub static LOCAL: Cell<u64> = const { Cell::new(90) };
        /// Text of this thread.
        pub static TEXT: RefCell<String> = RefCell::new("text".to_owned())
    }
}
use locals::{LOCAL, TEXT};
fn in_thread_local() -> u64 { std::thread_local!(static CALLS: Cell<u64> = Cell::new(95)); CALLS.replace(CALLS.get() + 1) }
static ADDRESSES: [&AtomicU64; 1] = [&COUNTER];
""",
]

# Cells that use them. Each runs several times.
USE = [
    """
println!("{} {}", COUNTER.fetch_add(1, Relaxed), HELD.fetch_add(1, Relaxed) + ADDRESSES[0].load(Relaxed));
unsafe { PLAIN[1] += 5; println!("{:?}", *(&raw const PLAIN)); }
NAMES.lock().unwrap().push(format!("name {}", COUNTER.load(Relaxed)));
println!("{:?} {:?}", NAMES.lock().unwrap(), ONCE.get_or_init(|| format!("at {}", COUNTER.load(Relaxed))));
""",
    """
inner::deep::COUNTER.fetch_add(1, Relaxed);
STATE.write().unwrap().calls += 1;
println!("{:?} {:?}", STATE.read().unwrap(), inner::deep::COUNTER);
println!("{} {} {} {} {}", in_function(), in_generic(1), in_generic("a"), in_inline(), in_inline());
println!("{} {}", in_closure(), in_macro());
""",
    """
println!("{} {} {}", Unit.by_default(), Unit.own(), Unit::inherent());
LOCAL.set(LOCAL.get() + 1); TEXT.with_borrow_mut(|text| text.push('!'));
println!("{} {} {}", LOCAL.get(), TEXT.with_borrow(String::clone), in_thread_local());
println!("{}", std::thread::spawn(|| LOCAL.replace(7) + in_thread_local()).join().unwrap());
println!("{}", std::ptr::eq(HELD, &COUNTER));
""",
]
ROUNDS = 3


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What a program prints that has all items and uses them in order."""
    directory = tmp_path_factory.mktemp("program")
    source = directory / "main.rs"
    source.write_text("".join(ITEMS) + "fn main() {" + "".join(USE * ROUNDS) + "}")
    subprocess.run(["rustc", "--edition=2024", "-Awarnings", "main.rs"], cwd=directory, check=True)
    return subprocess.run([directory / "main"], capture_output=True, text=True, check=True).stdout


def use(kernel, rounds=ROUNDS):
    return "".join(kernel.ok(cell).stdout for cell in USE * rounds)


@pytest.mark.parametrize("fast", ["1", "0"])
def test_statics_are_those_of_a_program(start, printed, fast):
    kernel = start(MOSAIC_FAST_PATH=fast)
    for cell in ITEMS:
        kernel.ok(cell)
    # The cell that defines the statics again changes nothing, and nor does another level of optimisation.
    found = use(kernel, 1)
    kernel.ok(ITEMS[0])
    kernel.ok(":opt 0")
    found += use(kernel, 1)
    kernel.ok(":opt 3")
    assert found + use(kernel, 1) == printed


def test_a_static_lasts_as_long_as_its_definition(kernel):
    kernel.ok("use std::sync::{Mutex, LazyLock, atomic::{AtomicU64, Ordering::Relaxed}};")
    count = "SHOTS.fetch_add(1, Relaxed)"
    kernel.ok("static SHOTS: AtomicU64 = AtomicU64::new(0);")
    assert [kernel.ok(count).result for _ in range(2)] == ["0", "1"]
    # A cell that does not compile, a panic and a new function leave it as it is.
    assert "mismatched types" in kernel.run(f'static SHOTS: AtomicU64 = AtomicU64::new("5"); {count}').error
    assert "oh" in kernel.run(f'{count}; panic!("oh")').error
    kernel.ok("fn shoot() -> u64 { SHOTS.fetch_add(1, Relaxed) }")
    assert kernel.ok("shoot()").result == "3"
    # Another initial value makes it another static, and going back does not bring back the old one.
    kernel.ok("static SHOTS: AtomicU64 = AtomicU64::new(50);")
    assert [kernel.ok(code).result for code in (count, "shoot()", count)] == ["50", "51", "52"]
    kernel.ok("static SHOTS: AtomicU64 = AtomicU64::new(0);")
    assert kernel.ok(count).result == "0"


def test_what_a_static_depends_on_is_part_of_it(kernel):
    kernel.ok("use std::sync::{Mutex, LazyLock};")
    kernel.ok("#[derive(Debug)] struct Shot { at: u32 }\nstatic LAST: Mutex<Option<Shot>> = Mutex::new(None);")
    kernel.ok("*LAST.lock().unwrap() = Some(Shot { at: 7 });")
    assert kernel.ok("LAST.lock().unwrap()").result == "Some(Shot { at: 7 })"
    # The old bytes are no text.
    kernel.ok("#[derive(Debug)] struct Shot { at: String }")
    assert kernel.ok("LAST.lock().unwrap()").result == "None"
    # A new impl does not change the type.
    kernel.ok('*LAST.lock().unwrap() = Some(Shot { at: "here".to_owned() });')
    kernel.ok("impl Shot { fn len(&self) -> usize { self.at.len() } }")
    assert kernel.ok("LAST.lock().unwrap().as_ref().map(Shot::len)").result == "Some(4)"

    kernel.ok("const SIZE: u32 = 3; fn scale(x: u32) -> u32 { x * 2 }")
    kernel.ok("static TABLE: [u32; 2] = [SIZE, SIZE + 1]; static SCALE: fn(u32) -> u32 = scale;")
    kernel.ok("static BUILT: LazyLock<u32> = LazyLock::new(|| scale(SIZE));")
    assert kernel.ok("(TABLE, SCALE(1), *BUILT)").result == "([3, 4], 2, 6)"
    kernel.ok("const SIZE: u32 = 5;")
    assert kernel.ok("(TABLE, SCALE(1), *BUILT)").result == "([5, 6], 2, 10)"
    kernel.ok("fn scale(x: u32) -> u32 { x * 3 }")
    assert kernel.ok("(TABLE, SCALE(1), *BUILT)").result == "([5, 6], 3, 15)"
    # In another module, a type of the same name is another type.
    kernel.ok("mod apart { pub struct Shot(pub u8); pub static ALL: std::sync::Mutex<Vec<Shot>> = std::sync::Mutex::new(Vec::new()); }")
    kernel.ok("apart::ALL.lock().unwrap().push(apart::Shot(1));")
    kernel.ok("mod apart { pub struct Shot(pub String); pub static ALL: std::sync::Mutex<Vec<Shot>> = std::sync::Mutex::new(Vec::new()); }")
    assert kernel.ok("apart::ALL.lock().unwrap().iter().map(|it| it.0.clone()).collect::<Vec<_>>()").result == "[]"


def test_each_worker_has_the_statics_once(kernel):
    kernel.ok("use std::{cell::Cell, sync::{Mutex, atomic::{AtomicU64, Ordering::Relaxed}}}; use mosaic::prelude::*;")
    kernel.ok("static CALLS: AtomicU64 = AtomicU64::new(0); mod locals { thread_local! { pub static OWN: std::cell::Cell<u64> = std::cell::Cell::new(500); } } use locals::OWN;")
    kernel.ok("fn first(by: u64) -> u64 { CALLS.fetch_add(by, Relaxed) }")
    kernel.ok("fn own(by: u64) -> u64 { OWN.set(OWN.get() + by); OWN.get() }")
    kernel.ok("mosaic::interactive(On).num_workers(1).await?;")
    call = "let value = mosaic::spawn({}, (1,)).await?.result().await?; value"
    # The worker loads a later cell only, and with it the one that has the static.
    assert kernel.ok(call.format("first")).result == "0"
    kernel.ok("fn second(by: u64) -> u64 { CALLS.fetch_add(by, Relaxed) }")
    assert [kernel.ok(call.format(name)).result for name in ("second", "first", "second")] == ["1", "2", "3"]
    assert [kernel.ok(call.format("own")).result for _ in range(2)] == ["501", "502"]
    assert kernel.ok("(CALLS.load(Relaxed), OWN.get())").result == "(0, 500)"


def test_a_new_process_begins_anew(start):
    kernel = start()
    kernel.ok("use std::sync::atomic::{AtomicU64, Ordering::Relaxed};")
    kernel.ok("static LIVES: AtomicU64 = AtomicU64::new(9);")
    assert kernel.ok("LIVES.fetch_sub(1, Relaxed)").result == "9"
    assert kernel.ok("LIVES.fetch_sub(1, Relaxed)").result == "8"
    kernel.run("std::process::abort()")
    assert [kernel.ok("LIVES.fetch_sub(1, Relaxed)").result for _ in range(2)] == ["9", "8"]
    # An interrupted cell leaves the process as it is.
    cell = kernel.submit("LIVES.store(100, Relaxed); println!(\"stored\"); loop { std::thread::sleep(std::time::Duration::from_secs(1)) }")
    kernel.read_until(lambda: "stored" in cell.stdout)
    kernel.manager.interrupt_kernel()
    kernel.finish(cell)
    assert kernel.ok("LIVES.load(Relaxed)").result == "100"
    # An interrupt that code does not heed replaces the process.
    cell = kernel.submit("LIVES.store(50, Relaxed); println!(\"deaf\"); loop { std::hint::spin_loop() }")
    kernel.read_until(lambda: "deaf" in cell.stdout)
    kernel.manager.interrupt_kernel()
    kernel.finish(cell)
    assert kernel.ok("LIVES.fetch_sub(1, Relaxed)").result == "9"
    kernel.ok(":restart")
    assert [kernel.ok("LIVES.fetch_sub(1, Relaxed)").result for _ in range(2)] == ["9", "8"]


def test_errors_are_where_the_cell_has_them(kernel):
    cell = kernel.run("static WRONG: u32 = 5; let a: u8 = WRONG;")
    assert "static WRONG: u32 = 5; let a: u8 = WRONG;" in cell.error and "export_name" not in cell.error
    assert "^^^^^ expected `u8`, found `u32`" in cell.error
    cell = kernel.run('pub static LATER: u8 = ""; static NEXT: u8 = 1;')
    assert 'pub static LATER: u8 = "";' in cell.error and "export_name" not in cell.error


def test_symbols_of_the_user_stay(kernel):
    kernel.ok("#[unsafe(no_mangle)] pub static OF_THE_USER: u8 = 3; #[forbid(unsafe_code)] mod safe { pub static IN: u8 = 4; }")
    assert kernel.ok("(OF_THE_USER, safe::IN)").result == "(3, 4)"


def test_lazy_static(kernel):
    kernel.ok(":dep lazy_static")
    kernel.ok("""
use std::sync::{atomic::{AtomicU64, Ordering::Relaxed}};
mod lazy { use std::sync::Mutex; lazy_static::lazy_static! { /// How often.
    pub static ref OFTEN: Mutex<u64> = { println!("begins"); Mutex::new(1) }; pub static ref WORDS: Vec<&'static str> = vec!["a"]; } } use lazy::{OFTEN, WORDS};
fn in_function() -> u64 { lazy_static::lazy_static! { static ref CALLS: AtomicU64 = AtomicU64::new(5); } CALLS.fetch_add(1, Relaxed) }
""")
    code = "lazy_static::initialize(&WORDS); *OFTEN.lock().unwrap() += 1; (*OFTEN.lock().unwrap(), WORDS.len(), in_function())"
    cells = [kernel.ok(code) for _ in range(2)]
    assert [cell.result for cell in cells] == ["(2, 1, 5)", "(3, 1, 6)"]
    assert "".join(cell.stdout for cell in cells) == "begins\n"
