"""nbconvert's configuration for `cargo xtask demo`: each cell and its output are printed when it is done."""

import time

c = get_config()  # noqa: F821, defined by traitlets where it loads this file
started = {}


def cell_starts(cell, cell_index):
    if cell.cell_type == "code":
        started[cell_index] = time.monotonic()
        print(f"\n[{cell_index}] " + cell.source.strip().replace("\n", "\n    "), flush=True)


def cell_is_done(cell, cell_index, execute_reply):
    for output in cell.outputs:
        if output.output_type == "stream":
            print(output.text, end="", flush=True)
        elif output.output_type == "execute_result":
            print(output.data.get("text/plain", ""), flush=True)
    status = execute_reply["content"]["status"]
    print(f"    -- {status}, {time.monotonic() - started[cell_index]:.1f} s", flush=True)


c.ExecutePreprocessor.on_cell_execute = cell_starts
c.ExecutePreprocessor.on_cell_executed = cell_is_done
