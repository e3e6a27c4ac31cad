"""Shows values of ndarray and num-complex in lldb, and names the size of a container.

lldb-dap runs this file once. `show_all` tells lldb the formatters.
"""

import sys

import lldb

CATEGORY = "mosaic"
# How many elements the text of an array shows, altogether and on one axis.
SHOWN = 20
SHOWN_ON_AXIS = 10
# How many parts of an element are shown, and how deep.
FIELDS = 10
DEPTH = 2
# More axes than any array has.
MOST_AXES = 64
LARGEST = 2**63 - 1
# All addresses of a process are below. The byte above them is 0.
PAST_ADDRESSES = 2**56
# The fields of an `ArrayBase`, of an `ArrayRef`, and of an `ArrayBase` of older versions, that lead to `ptr`, `dim` and
# `strides`.
PATHS = [("parts",), ("__0", "__0"), ()]
# Names of types as lldb has them.
ARRAY = "^(ndarray::ArrayBase<.+>|(&(mut )?)?ndarray::ArrayRef<.+>)$"
COMPLEX = "^num_complex::Complex<.+>$"
# References to what has a formatter, of this file or of rustc. lldb would show the fields behind these.
REFERENCE = (
    r"^(alloc::(vec::Vec<.+>|string::String|collections::vec_deque::VecDeque<.+>|rc::Rc<.+>|sync::Arc<.+>)"
    r"|core::(option::Option|result::Result|cell::Cell|cell::RefCell)<.+>|std::collections::hash::.+"
    r"|ndarray::ArrayBase<.+>|num_complex::Complex<.+>) \*$"
)
NO_ARRAY = "no valid array: not initialised yet?"


class NoArray(Exception):
    """The memory holds no array."""


def member(value, *path):
    """Returns a field of a field, as the debug information has it."""
    for name in path:
        value = value.GetNonSyntheticValue().GetChildMemberWithName(name)
        if not value.IsValid():
            raise NoArray
    return value.GetNonSyntheticValue()


def number(value, *path):
    error = lldb.SBError()
    found = member(value, *path).GetValueAsUnsigned(error, 0)
    if error.Fail():
        raise NoArray
    return found


def numbers(dimension):
    """Returns the numbers of a `Dim`."""
    if dimension.GetType().GetByteSize() == 0:
        return []
    index = member(dimension, "index")
    if not index.GetType().GetName().endswith("IxDynImpl"):
        return [index.GetChildAtIndex(axis).GetValueAsUnsigned() for axis in range(index.GetNumChildren())]
    variants = member(index, "__0", "$variants$")
    if number(variants, "$variant$0", "$discr$") == 0:
        few = member(variants, "$variant$0", "value")
        count, array = number(few, "__0"), member(few, "__1")
        if count > array.GetNumChildren():
            raise NoArray
        return [array.GetChildAtIndex(axis).GetValueAsUnsigned() for axis in range(count)]
    many = member(variants, "$variant$1", "value", "__0")
    count = number(many, "length")
    if not 0 < count <= MOST_AXES:
        raise NoArray
    error = lldb.SBError()
    read = dimension.GetProcess().ReadMemory(number(many, "data_ptr"), 8 * count, error)
    if error.Fail():
        raise NoArray
    return list(memoryview(read).cast("Q"))


def signed(number):
    return number - 2**64 if number > LARGEST else number


class Array:
    """An array, or a row of one.

    A row has the type and the bytes of its array. Its pointer has the number of axes of which the row has taken one
    index in the byte that is 0 in all addresses.
    """

    def __init__(self, value):
        value = value.GetNonSyntheticValue()
        if value.GetType().GetName().startswith("&"):
            # A reference to an `ArrayRef`, which has a length of no meaning beside the pointer.
            value = member(value, "data_ptr").Dereference().GetNonSyntheticValue()
        self.value, self.type, self.process = value, value.GetType(), value.GetProcess()
        self.path = next(path for path in PATHS if not path or value.GetChildMemberWithName(path[0]).IsValid())
        parts = member(value, *self.path)
        pointer = member(parts, "ptr", "pointer")
        self.element_type = pointer.GetType().GetPointeeType()
        self.element_size = self.element_type.GetByteSize()
        self.taken, self.address = divmod(number(pointer), PAST_ADDRESSES)
        lengths, strides = numbers(member(parts, "dim")), numbers(member(parts, "strides"))
        if len(lengths) != len(strides) or self.taken > len(lengths):
            raise NoArray
        self.lengths = lengths[self.taken :]
        self.strides = [signed(stride) for stride in strides[self.taken :]]
        self.check()

    def check(self):
        """Raises an error unless the memory may hold an array."""
        count = 1
        for length in self.lengths:
            count *= length or 1
        if count > LARGEST or self.address == 0:
            raise NoArray
        is_empty = 0 in self.lengths
        ends = [stride * (length - 1) for length, stride in zip(self.lengths, self.strides)] if not is_empty else []
        first = self.address + self.element_size * sum(end for end in ends if end < 0)
        past = self.address + self.element_size * (1 + sum(end for end in ends if end > 0))
        owner = self.value.GetChildMemberWithName("data")
        if owner.GetType().GetName().startswith("ndarray::data_repr::OwnedRepr<"):
            buffer, length = number(owner, "ptr", "pointer"), number(owner, "len")
            has_room = length <= number(owner, "capacity") or self.element_size == 0
            is_within = is_empty or (buffer <= first and past <= buffer + length * self.element_size)
            if buffer == 0 or not has_room or not is_within:
                raise NoArray
        if not is_empty and self.element_size > 0:
            # The ends alone: an array may be large.
            if first < 0 or past > PAST_ADDRESSES or not all(map(self.is_readable, (first, past - 1))):
                raise NoArray

    def is_readable(self, address):
        error = lldb.SBError()
        self.process.ReadMemory(address, 1, error)
        return error.Success()

    def element(self, name, address):
        return self.value.CreateValueFromAddress(name, address, self.element_type)

    def address_of(self, index):
        return self.address + self.strides[0] * self.element_size * index

    def child(self, index):
        """Returns an element of an array of one axis, or else a row."""
        if not self.lengths:
            return self.element("[]", self.address)
        if len(self.lengths) == 1:
            return self.element(f"[{index}]", self.address_of(index))
        return self.row(f"[{index}]", self.address_of(index))

    def row(self, name, address):
        process, error = self.process, lldb.SBError()
        size, order = self.type.GetByteSize(), process.GetByteOrder()
        row = bytearray(self.value.GetData().ReadRawData(error, 0, size))
        offset = self.offset_of_pointer()
        # The strides of an empty array lead anywhere, and nobody follows them.
        pointer = address % PAST_ADDRESSES + (self.taken + 1) * PAST_ADDRESSES
        row[offset : offset + 8] = pointer.to_bytes(8, sys.byteorder)
        data = lldb.SBData()
        data.SetData(error, bytes(row), order, process.GetAddressByteSize())
        # lldb finds the elements of a row, such as `a[1][2]`, only if the row is here without its formatters.
        return self.value.CreateValueFromData(name, data, self.type).GetNonSyntheticValue()

    def offset_of_pointer(self):
        offset, type = 0, self.type
        for name in (*self.path, "ptr"):
            field = next(it for it in type.fields if it.GetName() == name)
            offset, type = offset + field.GetOffsetInBytes(), field.GetType()
        return offset

    def text(self):
        """Returns the first elements and the lengths of the axes."""
        room = [SHOWN]
        lengths = ", ".join(map(str, self.lengths))
        return f"{self.axis_text(0, self.address, room)} ({lengths})"

    def axis_text(self, axis, address, room):
        if axis == len(self.lengths):
            room[0] -= 1
            return text(self.element("", address))
        shown = []
        for index in range(self.lengths[axis]):
            if index == SHOWN_ON_AXIS or room[0] <= 0:
                shown.append("…")
                break
            shown.append(self.axis_text(axis + 1, address + self.strides[axis] * self.element_size * index, room))
        if not shown:
            room[0] -= 1
        return f"[{', '.join(shown)}]"


def text(value, depth=DEPTH):
    """Returns the text of a value, as lldb-dap shows it."""
    shown = value.GetSummary() or value.GetValue()
    if shown:
        return shown
    count = value.GetNumChildren()
    if depth == 0 or count == 0:
        return "{…}" if count else "{}"
    fields = [value.GetChildAtIndex(index) for index in range(min(count, FIELDS))]
    shown = [f"{field.GetName()}:{text(field, depth - 1)}" for field in fields]
    return "{" + ", ".join(shown + ["…"] * (count > FIELDS)) + "}"


class ArrayChildren:
    """The rows of an array as lldb's children."""

    def __init__(self, value, _):
        self.value, self.array = value, None
        self.update()

    def update(self):
        try:
            self.array = Array(self.value)
        except NoArray:
            self.array = None
        return False

    def has_children(self):
        return self.num_children() > 0

    def num_children(self):
        if self.array is None:
            return 0
        return min(self.array.lengths[0] if self.array.lengths else 1, 2**32 - 1)

    def get_child_index(self, name):
        index = name.strip("[]")
        return int(index) if index.isdigit() else -1

    def get_child_at_index(self, index):
        return self.array.child(index) if 0 <= index < self.num_children() else None


def array_summary(value, _):
    try:
        return Array(value).text()
    except NoArray:
        return NO_ARRAY


def complex_summary(value, _):
    value = value.GetNonSyntheticValue()
    real, imaginary = (text(value.GetChildMemberWithName(name)) for name in ("re", "im"))
    return f"{real}{'' if imaginary.startswith('-') else '+'}{imaginary}i"


class ReferenceChildren:
    """The children of what a reference refers to."""

    def __init__(self, value, _):
        self.value = value
        self.update()

    def update(self):
        self.referred = self.value.Dereference().GetSyntheticValue()
        return False

    def has_children(self):
        return self.referred.MightHaveChildren()

    def num_children(self):
        return self.referred.GetNumChildren()

    def get_child_index(self, name):
        return self.referred.GetIndexOfChildWithName(name)

    def get_child_at_index(self, index):
        return self.referred.GetChildAtIndex(index)


def reference_summary(value, _):
    # lldb would show `None` as a text.
    return value.GetNonSyntheticValue().Dereference().GetSummary() or ""


def size_summary(value, _):
    return f"[…] ({value.GetNumChildren()})"


def show_all(debugger):
    """Tells lldb the formatters of this file."""
    category = debugger.CreateCategory(CATEGORY)
    # A pointer has the formatters of references, and not those of what it points to.
    options = lldb.eTypeOptionCascade | lldb.eTypeOptionSkipPointers
    for types, summary, children in [
        (ARRAY, "array_summary", "ArrayChildren"),
        (COMPLEX, "complex_summary", None),
        (REFERENCE, "reference_summary", "ReferenceChildren"),
    ]:
        types = lldb.SBTypeNameSpecifier(types, True)
        summary = lldb.SBTypeSummary.CreateWithFunctionName(f"{__name__}.{summary}", options)
        category.AddTypeSummary(types, summary)
        if children is not None:
            children = lldb.SBTypeSynthetic.CreateWithClassName(f"{__name__}.{children}", options)
            category.AddTypeSynthetic(types, children)
    category.SetEnabled(True)
    if "lldb_lookup" in sys.modules:
        # rustc's own says `size=3`, also within the text of a struct.
        sys.modules["lldb_lookup"].SizeSummaryProvider = size_summary
