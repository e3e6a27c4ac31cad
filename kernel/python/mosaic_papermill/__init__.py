"""Parameters for Rust notebooks: `papermill in.ipynb out.ipynb -p steps 200`, with any kernel whose language is rust.

Each parameter becomes a variable. An integer becomes an `i64` or a larger type, a number an `f64`, text a `String`, a
list a `Vec`, a dictionary a `BTreeMap` with `String` keys, and null an `Option<String>` that is `None`. A notebook that
needs another type converts the variable: `let steps = steps as usize;`.
"""

import math
import re

from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

_LET = re.compile(r"^\s*let\s+(?:mut\s+)?(\w+)\s*(?::\s*([^=]+?))?\s*=\s*(.+?)\s*;\s*(?://\s*(.*))?$", re.MULTILINE)
_INTEGERS = {"i64": range(-(2**63), 2**63), "u64": range(2**64), "i128": range(-(2**127), 2**127)}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


class RustTranslator(Translator):
    """Translates values of JSON and YAML to Rust."""

    @classmethod
    def type_of(cls, value):
        """Returns the Rust type of a value. The elements of a list or dictionary share one type."""
        if value is None:
            return "Option<String>"
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, int):
            return next(name for name, range_ in [*_INTEGERS.items(), ("f64", {value})] if value in range_)
        if isinstance(value, float):
            return "f64"
        if isinstance(value, dict):
            return f"std::collections::BTreeMap<String, {cls._common(value.values())}>"
        if isinstance(value, list):
            return f"Vec<{cls._common(value)}>"
        return "String"

    @classmethod
    def _common(cls, values):
        types = {cls.type_of(value) for value in values} or {"String"}
        numbers = [*_INTEGERS, "f64"]
        if types <= set(numbers):
            return max(types, key=numbers.index)
        if len(types) > 1:
            raise ValueError(f"the elements of {list(values)} have different types in Rust: {', '.join(sorted(types))}")
        return types.pop()

    @classmethod
    def text(cls, value, type_):
        """Returns a value as a Rust expression of a type."""
        if value is None:
            return "None"
        if type_ == "bool":
            return "true" if value else "false"
        if type_ in _INTEGERS:
            return str(value)
        if type_ == "f64":
            return cls._float(float(value))
        if isinstance(value, (dict, list)):
            inner = cls._common(value.values() if isinstance(value, dict) else value)
            if isinstance(value, list):
                return f"vec![{', '.join(cls.text(it, inner) for it in value)}]"
            pairs = (f"({cls._string(key)}, {cls.text(it, inner)})" for key, it in value.items())
            return f"std::collections::BTreeMap::from([{', '.join(pairs)}])"
        return cls._string(value)

    @classmethod
    def _float(cls, value):
        if math.isfinite(value):
            return repr(value)
        return "f64::NAN" if math.isnan(value) else "f64::INFINITY" if value > 0 else "f64::NEG_INFINITY"

    @classmethod
    def _string(cls, value):
        escaped = "".join(_ESCAPES.get(char, char) for char in str(value))
        return f'String::from("{escaped}")'

    @classmethod
    def translate(cls, value):
        return cls.text(value, cls.type_of(value))

    @classmethod
    def comment(cls, text):
        return f"// {text}".strip()

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        lines = [f"let {name}: {cls.type_of(value)} = {cls.translate(value)};" for name, value in parameters.items()]
        return "\n".join([cls.comment(comment), *lines]) + "\n"

    @classmethod
    def inspect(cls, cell):
        """Returns the parameters that `papermill --help-notebook` lists, from the cell tagged `parameters`."""
        found = _LET.findall(cell["source"])
        return [Parameter(name, type_ or "None", default, help_) for name, type_, default, help_ in found]


papermill_translators.register("rust", RustTranslator)
