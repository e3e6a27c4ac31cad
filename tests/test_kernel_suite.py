"""jupyter_kernel_test, Jupyter's test suite for kernels."""

from unittest import mock

import jupyter_kernel_test
import pytest

from world import KERNEL_NAME


@pytest.fixture(scope="module", autouse=True)
def in_a_world(world):
    """Sets this process's environment, from which the suite starts its kernel."""
    with mock.patch.dict("os.environ", world.environment()):
        yield


class TestSuite(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL_NAME
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world")'
    code_stderr = 'eprintln!("hello, stderr")'
    code_generate_error = 'panic!("broken")'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"stone".to_string()', "result": '"stone"'},
        {"code": "(1, 2.5)", "result": "(1, 2.5)"},
    ]
    code_display_data = [
        {"code": 'println!("EVCXR_BEGIN_CONTENT text/html\\n<b>x</b>\\nEVCXR_END_CONTENT")', "mime": "text/html"},
    ]
    code_clear_output = "notebook::prelude::clear_output(false);"
    # The protocol deprecates payloads, and with them the pager. The output of commands like `:help` is a result.
    code_page_something = ""

    code_history_pattern = "6 ?*"
    supported_history_operations = ("tail", "range", "search")

    code_inspect_sample = "stone"
    completion_samples = [{"text": "sto", "matches": {"stone"}}, {"text": "🦀sto"}, {"text": ""}]
    complete_code_samples = ["let x = 3;", "fn f() {}", "1 + 1", 'println!("{}", 1)', ":vars"]
    incomplete_code_samples = ["fn f() {", "vec![1, 2", 'let text = "', "/* comment"]
    invalid_code_samples = ["fn f() }", "let x = ];"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kc.execute_interactive("let stone = 3;", timeout=60, output_hook=lambda message: None)


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = KERNEL_NAME
    support_iopub_welcome = True
