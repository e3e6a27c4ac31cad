"""Displays: their order among the text, updates, and evcxr's conventions."""

import base64

import pytest

DISPLAYS = {"display_data", "update_display_data", "clear_output", "execute_result"}
PLOT = 'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>{}</b>\\nEVCXR_END_CONTENT", 1);'


def said(cell):
    """The outputs of a cell, in order: texts of standard output, and types of displays."""
    return [content["text"] if kind == "stream" else kind for kind, content in cell.messages]


def displays(cell):
    return [content for kind, content in cell.messages if kind in DISPLAYS]


@pytest.fixture(scope="module")
def kernel(kernel):
    kernel.ok("use notebook::prelude::*;")
    return kernel


FORMATS = {
    'Html("<b>x</b>")': ("text/html", "<b>x</b>"),
    'Markdown(format!("**{}**", 1))': ("text/markdown", "**1**"),
    'Latex(r"$\\pi$")': ("text/latex", "$\\pi$"),
    'Svg("<svg/>")': ("image/svg+xml", "<svg/>"),
    'Text("as it is")': ("text/plain", "as it is"),
    "Png(vec![137u8, 80, 78, 71])": ("image/png", base64.b64encode(b"\x89PNG").decode()),
    "Jpeg([255u8, 216])": ("image/jpeg", base64.b64encode(b"\xff\xd8").decode()),
    "Json(vec![1, 2])": ("application/json", [1, 2]),
    'VegaLite(json!({ "mark": "bar" }))': ("application/vnd.vegalite.v5+json", {"mark": "bar"}),
}


def test_formats(kernel):
    code = "".join(f"let _ = display(&{value});" for value in FORMATS)
    contents = displays(kernel.ok(code))
    for content, (mime, data) in zip(contents, FORMATS.values(), strict=True):
        assert content["data"][mime] == data and "text/plain" in content["data"]
        assert content["metadata"] == {} and content["transient"]["display_id"]


def test_bundles_carry_metadata(kernel):
    bundle = 'MimeBundle::new().with_bytes("image/png", [1u8]).with_metadata("image/png", r#"{"width": 4}"#)'
    (content,) = displays(kernel.ok(f"let _ = display(&{bundle});"))
    assert content["metadata"] == {"image/png": {"width": 4}}


def test_order_among_the_text(kernel):
    cell = kernel.ok('for i in 0..20 { print!("{i}"); let _ = display(&Text("x")); eprint!("e{i}"); clear_output(true); }')
    expected = [it for i in range(20) for it in (f"{i}", "display_data", f"e{i}", "clear_output")]
    assert said(cell) == expected


def test_updates(kernel):
    kernel.ok('let shown = display(&Html("0 %"));')
    cell = kernel.ok('shown.update(&Html("100 %")); shown.id().to_string()')
    update = cell.messages[0]
    assert update[0] == "update_display_data" and update[1]["data"]["text/html"] == "100 %"
    assert update[1]["transient"]["display_id"] == cell.result.strip('"')


def test_clear_output(kernel):
    assert displays(kernel.ok("clear_output(false); clear_output(true);")) == [{"wait": False}, {"wait": True}]


def test_a_type_that_is_shown_richly(kernel):
    kernel.ok("""
        #[derive(Debug)] struct Temperature(f64);
        impl Rich for Temperature {
            fn mime_bundle(&self) -> MimeBundle {
                MimeBundle::new().with_text("text/plain", format!("{} K", self.0)).with_text("text/latex", "$K$")
            }
        }
    """)
    cell = kernel.ok('println!("before"); Temperature(3.0)')
    assert said(cell) == ["before\n", "execute_result"]
    assert displays(cell)[0]["data"] == {"text/plain": "3 K", "text/latex": "$K$"}
    kernel.ok("let temperature = Temperature(4.0);")
    assert kernel.ok("&temperature").result == "4 K"
    assert kernel.ok("Html(\"<i>\")").messages[0][1]["data"]["text/html"] == "<i>"


def test_values_without_a_rich_form_are_shown_as_ever(kernel):
    kernel.ok("let text = String::from(\"kept\");")
    for code, result in {"text": '"kept"', "&text": '"kept"', "&&7": "7", "[1, 2]": "[1, 2]", '"str"': '"str"'}.items():
        assert kernel.ok(code).result == result
    assert kernel.ok("text").result == '"kept"', "showing a variable does not move it"
    assert kernel.ok("()").result is None


def test_from_threads_and_after_the_cell(kernel):
    cell = kernel.ok('std::thread::spawn(|| drop(display(&Text("from a thread")))).join().unwrap();')
    assert [it["data"]["text/plain"] for it in displays(cell)] == ["from a thread"]
    late = kernel.ok("""
        let (go, gone) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || { let _ = gone.recv(); let _ = display(&Text("late")); });
    """)
    kernel.ok("drop(go);")
    shown = lambda: [it for cell in kernel.cells.values() for it in displays(cell) if it.get("data") == {"text/plain": "late"}]
    kernel.read_until(lambda: len(shown()) == 1)
    assert late.reply["status"] == "ok"


def test_in_asynchronous_cells(kernel):
    cell = kernel.ok('tokio::task::yield_now().await; print!("a"); let _ = display(&Text("b")); print!("c");')
    assert said(cell) == ["a", "display_data", "c"]


def test_silent_requests_show_nothing(kernel):
    silent = kernel.run('let _ = display(&Text("x")); Html("y")', silent=True)
    assert silent.reply["status"] == "ok" and not silent.messages


def test_results_in_user_expressions(kernel):
    cell = kernel.run("Html(\"cell\")", user_expressions={"it": "Html(\"<b>expression</b>\")"})
    assert displays(cell)[0]["data"]["text/html"] == "cell" and len(displays(cell)) == 1
    assert cell.reply["user_expressions"]["it"]["data"]["text/html"] == "<b>expression</b>"


def test_from_methods_of_workers(kernel):
    kernel.ok("""
        use mosaic::prelude::*;
        #[tessera] struct Painter {}
        #[tessera] impl Painter {
            fn new() -> Self { Painter {} }
            fn paint(&self) { println!("before"); let _ = notebook::display::display(&notebook::display::Html("<svg/>")); println!("after"); }
            fn ask(&self) -> String { notebook::input("worker? ").unwrap_or_else(|error| error.to_string()) }
        }
    """)
    kernel.ok("mosaic::interactive(On).num_workers(1).await?; let painter = Painter::remote();")
    cell = kernel.ok("painter.paint().await?;")
    before, display, after = said(cell)
    assert display == "display_data" and before.endswith("before\n") and after.endswith("after\n")
    asking = kernel.submit("painter.ask().await?.result().await?", allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=60)
    assert question["content"]["prompt"] == "worker? "
    kernel.client.input("yes")
    assert kernel.finish(asking).result == '"yes"'
    kernel.ok("mosaic::interactive(Off).await?;")


# Conventions that evcxr's users know.


def test_blocks_are_displays_in_their_place(kernel):
    cell = kernel.ok(f'println!("before"); {PLOT} print!("after");')
    assert said(cell) == ["before\n", "display_data", "after"]
    assert displays(cell)[0]["data"] == {"text/html": "<b>1</b>"}


def test_a_method_evcxr_display_is_the_result(kernel):
    kernel.ok(f"""
        #[derive(Debug)] struct Plot;
        impl Plot {{ pub fn evcxr_display(&self) {{ {PLOT}
            println!("EVCXR_BEGIN_CONTENT image/png\\niVBORw==\\nEVCXR_END_CONTENT"); }} }}
        fn plot() -> Plot {{ println!("drawing"); Plot }}
    """)
    cell = kernel.ok("plot()")
    assert said(cell) == ["drawing\n", "execute_result"]
    assert displays(cell)[0]["data"] == {"text/html": "<b>1</b>", "image/png": "iVBORw=="}
    assert displays(cell)[0]["execution_count"] == cell.reply["execution_count"]


def test_what_debug_prints_as_a_block_is_text_of_the_result(kernel):
    """A figure of plotters prints its block only if its own method shows it."""
    assert kernel.ok("plot(); 1").result == "1"


def test_blocks_of_json(kernel):
    cell = kernel.ok('println!("EVCXR_BEGIN_CONTENT application/json\\n{{\\"a\\": 1}}\\nEVCXR_END_CONTENT");')
    assert displays(cell)[0]["data"] == {"application/json": {"a": 1}}


TEXTS = [
    "EVCXR_BEGIN_CONTENT text/html\\nnever ends\\n",
    "see EVCXR_BEGIN_CONTENT text/html\\nx\\nEVCXR_END_CONTENT\\n",
    "EVCXR_END_CONTENT\\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_no_block_is_text(kernel, text):
    cell = kernel.ok(f'print!("{text}");')
    assert cell.stdout == text.replace("\\n", "\n") and not displays(cell)
    assert kernel.ok('println!("next")').stdout == "next\n"


def test_blocks_on_standard_error_are_text(kernel):
    cell = kernel.ok(PLOT.replace("println", "eprintln"))
    assert "EVCXR_BEGIN_CONTENT" in cell.stderr and not displays(cell)


HOSTILE = "EVCXR_BEGIN_CONTENT text/html\n<script>steal()</script>\nEVCXR_END_CONTENT\n"
UNFINISHED = "EVCXR_BEGIN_CONTENT text/html\n<script>steal()</script>\n"


def test_blocks_that_a_cell_only_passes_on_are_text(kernel, tmp_path):
    (tmp_path / "downloaded").write_text(HOSTILE)
    read = f'std::fs::read_to_string("{tmp_path}/downloaded")?'
    # Also after a cell whose code names blocks, and through an item and a variable of an earlier cell.
    kernel.ok(PLOT)
    kernel.ok(f"let downloaded = {read};")
    kernel.ok("fn tell(text: &str) { print!(\"{text}\"); }")
    for code in [f'print!("{{}}", {read});', 'print!("{downloaded}");', "tell(&downloaded);"]:
        cell = kernel.ok(code)
        assert cell.stdout == HOSTILE and not displays(cell), cell
    cell = kernel.ok(f"!cat {tmp_path}/downloaded")
    assert all("text/html" not in it["data"] for it in displays(cell)), cell


def test_blocks_that_workers_print_are_text(kernel):
    kernel.ok("""
        use mosaic::prelude::*;
        #[tessera] struct Printer;
        #[tessera] impl Printer {
            fn new() -> Printer { Printer }
            fn print(&self, text: String) { print!("{text}"); println!("EVCXR_BEGIN_CONTENT text/html\\nx\\nEVCXR_END_CONTENT"); }
        }
        mosaic::interactive(On).num_workers(1).await?;
        let printer = Printer::remote();
    """)
    for text in [HOSTILE, UNFINISHED]:
        cell = kernel.ok(f"printer.print({rust_text(text)}.to_owned()).await?;")
        assert "<script>steal()</script>" in cell.stdout and not displays(cell), cell
        assert cell.stdout.count("WORKER:0:0") == text.count("\n") + 3
    kernel.ok("mosaic::interactive(Off).await?;")


def rust_text(text):
    return '"' + text.replace("\n", "\\n") + '"'


def test_items_and_crates_that_print_blocks_show_displays(kernel, tmp_path):
    kernel.ok(f"fn plot() {{ {PLOT} }}")
    (shown,) = displays(kernel.ok("plot();"))
    assert shown["data"] == {"text/html": "<b>1</b>"}
    crate = tmp_path / "plotting"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "plotting"\nversion = "0.1.0"\nedition = "2024"\n')
    (crate / "src/lib.rs").write_text(f"pub fn plot() {{ {PLOT} }}")
    kernel.ok(f':dep plotting = {{ path = "{crate}" }}')
    for code in ["plotting::plot();", "plotting::plot();"]:
        (shown,) = displays(kernel.ok(code))
        assert shown["data"] == {"text/html": "<b>1</b>"}
