"""Comms in both directions, and Jupyter's widgets on top of them."""

import nbformat
import pytest
from nbclient import NotebookClient

from world import KERNEL_NAME

COMMS = {"comm_open", "comm_msg", "comm_close"}
VIEW = "application/vnd.jupyter.widget-view+json"


class Front:
    """The front end's end of comms: sends messages, and keeps those that it receives."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.messages = []  # (type, content), comm messages only
        self.states = {}  # states of requests, by message id

    def read(self, timeout=0.2):
        message = self.kernel.read(timeout)
        if message and message["msg_type"] in COMMS:
            self.messages.append((message["msg_type"], message["content"], message["buffers"]))
        if message and message["msg_type"] == "status":
            states = self.states.setdefault(message["parent_header"].get("msg_id"), [])
            states.append(message["content"]["execution_state"])

    def wait_for(self, condition, reads=300):
        for _ in range(reads):
            if value := condition():
                return value
            self.read()
        raise AssertionError(f"nothing of the kind: {self.messages[-5:]}")

    def send(self, kind, content, buffers=None):
        """Sends on shell and waits for idle. Returns the comm messages that came meanwhile."""
        message_id = self.begin(kind, content, buffers)
        count = len(self.messages)
        self.wait_for(lambda: "idle" in self.states.get(message_id, []))
        assert self.states[message_id] == ["busy", "idle"]
        return self.messages[count:]

    def begin(self, kind, content, buffers=None):
        client = self.kernel.client
        message = client.session.msg(kind, content)
        client.session.send(client.shell_channel.socket, message, buffers=buffers)
        return message["header"]["msg_id"]

    def update(self, comm_id, **state):
        data = {"method": "update", "state": state, "buffer_paths": []}
        return self.send("comm_msg", {"comm_id": comm_id, "data": data})

    def run(self, code):
        """Runs a cell. Returns the cell and the comm messages that it sent."""
        count = len(self.messages)
        cell = self.kernel.submit(code)
        self.wait_for(lambda: cell.idle)
        self.kernel.finish(cell)
        assert cell.reply["status"] == "ok", str(cell)
        return cell, self.messages[count:]


@pytest.fixture(scope="module")
def front(kernel):
    kernel.ok("use notebook::{prelude::*, comm::{self, Comm, Message}};")
    return Front(kernel)


def test_a_cell_opens_a_comm(front):
    _, sent = front.run("""
        let comm = Comm::open("plot", json!({ "title": "energy" }))?;
        comm.send(Message { data: json!(1), metadata: json!({}), buffers: vec![vec![0, 255]] })?;
    """)
    (opened, content, _), (through, message, buffers) = sent
    assert (opened, content["target_name"], content["data"]) == ("comm_open", "plot", {"title": "energy"})
    assert (through, message["data"], [bytes(it) for it in buffers]) == ("comm_msg", 1, [b"\x00\xff"])
    comms = front.kernel.request(front.kernel.client.comm_info)["comms"]
    assert comms[content["comm_id"]] == {"target_name": "plot"}
    assert front.kernel.request(front.kernel.client.comm_info, "other")["comms"] == {}
    front.run("comm.on_message(|comm, message| drop(comm.send(message)));")
    ((_, echo, buffers),) = front.send("comm_msg", {"comm_id": content["comm_id"], "data": [1]}, [b"abc"])
    assert echo["data"] == [1] and bytes(buffers[0]) == b"abc"
    _, ((closed, _, _),) = front.run("comm.close()?;")
    assert closed == "comm_close"
    assert content["comm_id"] not in front.kernel.request(front.kernel.client.comm_info)["comms"]


def test_a_client_opens_a_comm(front):
    opening = {"comm_id": "of-the-client", "target_name": "calls", "data": {"n": 1}}
    ((refused, content, _),) = front.send("comm_open", opening)
    assert refused == "comm_close" and content["comm_id"] == "of-the-client"
    front.run("""
        let (tell, told) = std::sync::mpsc::channel::<String>();
        comm::register_target("calls", move |comm, opened| {
            let _ = tell.send(format!("opened {}", opened.data));
            let tell = tell.clone();
            comm.on_close(move |_, closed| drop(tell.send(format!("closed {}", closed.data))));
        })?;
    """)
    assert front.send("comm_open", opening) == []
    assert front.run("told.recv()?")[0].result == '"opened {\\"n\\":1}"'
    front.send("comm_close", {"comm_id": "of-the-client", "data": 2})
    assert front.run("told.recv()?")[0].result == '"closed 2"'


def test_messages_are_handled_while_a_cell_runs(front):
    front.run("""
        let waiting = Comm::open("waiting", json!({}))?;
        let (tell, told) = std::sync::mpsc::channel::<i64>();
        waiting.on_message(move |_, message| drop(tell.send(message.data.as_i64().unwrap_or(0))));
    """)
    comm_id = front.messages[-1][1]["comm_id"]
    cell = front.kernel.submit('println!("ready"); told.recv()?')
    front.wait_for(lambda: cell.stdout == "ready\n")
    front.send("comm_msg", {"comm_id": comm_id, "data": 42})
    front.wait_for(lambda: cell.idle)
    assert front.kernel.finish(cell).result == "42"


def test_a_panic_in_a_handler_ends_nothing_else(front):
    front.run("""
        let fragile = Comm::open("fragile", json!({}))?;
        fragile.on_message(|comm, message| {
            assert!(message.data != json!("bad"), "a bad message");
            let _ = comm.send(message.data);
        });
    """)
    comm_id = front.messages[-1][1]["comm_id"]
    assert front.send("comm_msg", {"comm_id": comm_id, "data": "bad"}) == []
    assert len(front.send("comm_msg", {"comm_id": comm_id, "data": "good"})) == 1


def opened(sent, name):
    """The id and state of the last opened model of this name."""
    models = [content for kind, content, _ in sent if kind == "comm_open"]
    model = [it for it in models if it["data"]["state"]["_model_name"] == name][-1]
    return model["comm_id"], model["data"]["state"]


def test_a_slider(front):
    cell, sent = front.run('let slider = IntSlider::new(5, 0..=10).with_description("n"); slider.clone()')
    comm_id, state = opened(sent, "IntSliderModel")
    assert (state["value"], state["min"], state["max"]) == (5, 0, 10)
    assert state["_view_module"] == "@jupyter-widgets/controls" and state["_view_module_version"] == "2.0.0"
    ids = {content["comm_id"] for kind, content, _ in sent if kind == "comm_open"}
    assert {state["layout"], state["style"]} <= {f"IPY_MODEL_{it}" for it in ids}
    data = next(content["data"] for kind, content in cell.messages if kind == "execute_result")
    assert data[VIEW] == {"version_major": 2, "version_minor": 0, "model_id": comm_id}
    assert data["text/plain"] == "IntSlider(5)"
    front.run("""
        let (tell, told) = std::sync::mpsc::channel::<i64>();
        slider.observe(move |value| drop(tell.send(value)));
    """)
    assert front.update(comm_id, value=7) == []
    assert front.run("(told.recv()?, slider.value())")[0].result == "(7, 7)"
    _, ((_, update, _),) = front.run("slider.set_value(8);")
    assert update["data"] == {"method": "update", "state": {"value": 8}, "buffer_paths": []}
    assert front.run("told.recv()?")[0].result == "8"
    ((_, whole, _),) = front.send("comm_msg", {"comm_id": comm_id, "data": {"method": "request_state"}})
    assert whole["data"]["state"]["value"] == 8 and whole["data"]["state"]["description"] == "n"


def test_the_other_widgets(front):
    code = """
        let float = FloatSlider::new(0.5, 0.0..=1.0); let text = TextInput::new("a"); let check = Checkbox::new(false);
        let choice = Dropdown::new(["euler", "verlet"]); let bar = FloatProgress::new(0.0, 0.0..=1.0);
        let label = Label::new("x");
        let column = VBox::new([&float as &dyn Widget, &text, &check]);
        let row = HBox::new([&column as &dyn Widget, &choice, &bar, &label]);
    """
    _, sent = front.run(code)
    ids = {name: opened(sent, f"{name}Model")[0] for name in ("FloatSlider", "Text", "Checkbox", "Dropdown")}
    assert opened(sent, "VBoxModel")[1]["children"][0] == f"IPY_MODEL_{ids['FloatSlider']}"
    front.update(ids["FloatSlider"], value=0.75)
    front.update(ids["Text"], value="b")
    front.update(ids["Checkbox"], value=True)
    front.update(ids["Dropdown"], index=1)
    cell, _ = front.run("(float.value(), text.value(), check.value(), choice.value())")
    assert cell.result == '(0.75, "b", true, Some("verlet"))'
    _, sent = front.run("for i in 1..=3 { bar.set_value(i as f64 / 4.0); }")
    assert [content["data"]["state"]["value"] for _, content, _ in sent] == [0.25, 0.5, 0.75]


def test_a_button(front):
    _, sent = front.run("""
        let button = Button::new("run"); let clicks = Label::new("0");
        button.on_click({ let clicks = clicks.clone(); move || {
            let count: u32 = clicks.value().parse().unwrap_or(0);
            clicks.set_value((count + 1).to_string());
        } });
    """)
    comm_id, _ = opened(sent, "ButtonModel")
    click = {"comm_id": comm_id, "data": {"method": "custom", "content": {"event": "click"}}}
    ((_, first, _),) = front.send("comm_msg", click)
    ((_, second, _),) = front.send("comm_msg", click)
    assert [it["data"]["state"]["value"] for it in (first, second)] == ["1", "2"]


def test_an_output_captures(front):
    cell, sent = front.run('let output = Output::new(); output.capture(|| { println!("in"); let _ = display(&Text("x")); }); println!("out");')
    comm_id, _ = opened(sent, "OutputModel")
    updates = [content["data"]["state"] for kind, content, _ in sent if kind == "comm_msg"]
    request = next(key for key, value in front.kernel.cells.items() if value is cell)
    assert updates == [{"msg_id": request}, {"msg_id": ""}]
    assert comm_id


def test_all_models_at_once(front):
    opening = {"comm_id": "control", "target_name": "jupyter.widget.control", "data": {}}
    assert front.send("comm_open", opening) == []
    ((_, content, _),) = front.send("comm_msg", {"comm_id": "control", "data": {"method": "request_states"}})
    states = content["data"]["states"]
    assert content["data"]["method"] == "update_states" and len(states) > 10
    assert {"model_name", "model_module", "model_module_version", "state"} <= set(next(iter(states.values())))


def test_nbclient_saves_the_widgets(world, monkeypatch):
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    sources = [
        "use notebook::prelude::*; let slider = IntSlider::new(3, 0..=9); slider.clone()",
        'slider.set_value(4); let output = Output::new(); output.capture(|| println!("captured")); output.clone()',
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(it) for it in sources])
    NotebookClient(notebook, kernel_name=KERNEL_NAME, timeout=120).execute()
    saved = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    view = notebook.cells[0].outputs[0].data[VIEW]
    assert saved[view["model_id"]]["state"]["value"] == 4
    output = saved[notebook.cells[1].outputs[0].data[VIEW]["model_id"]]["state"]
    assert output["outputs"][0]["text"] == "captured\n"
