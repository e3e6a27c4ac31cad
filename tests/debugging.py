"""A client of the debugger, which speaks the Debug Adapter Protocol over the control channel as VS Code does."""


class Debugger:
    def __init__(self, kernel):
        self.kernel = kernel
        self._seq = 0

    def send(self, command, **arguments):
        """Sends a request and returns its whole reply."""
        self._seq += 1
        content = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        reply = self.kernel.control("debug_request", content)
        assert (reply["type"], reply["request_seq"], reply["command"]) == ("response", self._seq, command), reply
        return reply

    def request(self, command, **arguments):
        """Sends a request, which has to succeed, and returns the body of its reply."""
        reply = self.send(command, **arguments)
        assert reply["success"], reply
        return reply["body"]

    def refused(self, command, **arguments):
        """Sends a request, which has to fail, and returns the message of its reply."""
        reply = self.send(command, **arguments)
        assert not reply["success"], reply
        return reply["message"]

    def start(self, **breakpoints):
        """Turns the debugger on, in the order in which clients do."""
        capabilities = self.request("initialize", clientID="vscode", adapterID="rust", linesStartAt1=True)
        assert capabilities["supportsConfigurationDoneRequest"]
        self.request("attach")
        self.event("initialized")
        self.request("configurationDone")

    def stop(self):
        self.request("disconnect", restart=False, terminateDebuggee=False)

    def set_breakpoints(self, code, *lines):
        """Sets the breakpoints of a cell. Returns the path by which the client knows the cell."""
        path = self.request("dumpCell", code=code)["sourcePath"]
        breakpoints = [line if isinstance(line, dict) else {"line": line} for line in lines]
        set_ = self.request("setBreakpoints", source={"path": path}, breakpoints=breakpoints)["breakpoints"]
        assert [it["verified"] for it in set_] == [True] * len(lines), set_
        return path

    def event(self, name, timeout=60):
        """Waits for an event, and returns its body."""

        def found():
            return [it for it in self.kernel.debug_events if it["content"]["event"] == name]

        self.kernel.read_until(found, timeout)
        event = found()[0]
        self.kernel.debug_events.remove(event)
        return event["content"]["body"]

    def stopped(self, timeout=60):
        """Waits until a thread stops. Returns the thread and the frames."""
        event = self.event("stopped", timeout)
        return event["threadId"], self.frames(event["threadId"])

    def frames(self, thread):
        return self.request("stackTrace", threadId=thread)["stackFrames"]

    def step(self, command, thread):
        """Steps, and returns the frames at the next stop."""
        self.request(command, threadId=thread)
        stopped, frames = self.stopped()
        assert stopped == thread
        return frames

    def variables(self, reference):
        listed = self.request("variables", variablesReference=reference)["variables"]
        return {it["name"]: it for it in listed}

    def locals(self, frame):
        """The local variables of a frame, by name."""
        (scope,) = self.request("scopes", frameId=frame["id"])["scopes"]
        return self.variables(scope["variablesReference"])

    def go_on(self, thread):
        self.request("continue", threadId=thread)


def places(frames):
    return [(frame["name"], frame["line"]) for frame in frames]


def values(variables):
    return {name: (it["type"], it["value"]) for name, it in variables.items()}
