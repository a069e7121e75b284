# SPDX-License-Identifier: Apache-2.0
"""PyTorch files whose state dict has an odd state, where ckmerge keeps metadata."""
import struct

from pickle_words import ABSENT, NAME, REFUSED, called, state, tensor_words, text, zipped
from torch_files import pickled

KEY = text("__metadata__")
LONG = b"x" * (1 << 20)


def with_state(words):
    """A state dict, number 100 of the memo, that BUILD gives the state `words`."""
    data, _ = pickled(state())
    return zipped(data[:-1] + b"q\x64" + words + b"b.")


def states():
    """Opened, and their states are inert: tests/cli/commands/ckpt_metadata.py has what becomes of metadata."""
    def case(name, words):
        return f"state: {name}", with_state(words), None
    yield case("itself", b"h\x64")
    yield case("in itself", b"}q\1" + KEY + b"h\1s" + b"h\1h\1s")
    yield case("metadata that is the state dict", b"}" + KEY + b"h\x64s")
    yield case("metadata in itself", b"}" + KEY + b"}q\1" + text("a") + b"h\1ss")
    yield case("metadata under itself", b"}" + KEY + b"}q\1h\1" + text("a") + b"ss")
    yield case("a tensor", tensor_words()[3:-2][len(text("w")):])
    yield case("metadata of tensors", b"}" + KEY + b"}" + tensor_words()[3:-2] + b"ss")
    yield case("metadata of numbers, bytes, None and calls", b"}" + KEY + b"}(" + text("a") + b"K\1" + text("b") + b"C\1x" + text("c") + b"N" + text("d") + called(name="Thing") + b"us")
    yield case("metadata that is not UTF-8", b"}" + KEY + b"}" + text("a") + text(b"\xff\xfe") + b"ss")
    yield case("escapes", b"}" + KEY + b"}" + text("\x1b[31m\u202e") + text("\x1b]0;x\7") + b"ss")
    yield case("a name that is refused, as texts", b"}" + KEY + b"}" + text(ABSENT) + text(NAME) + b"ss")
    yield case("900 dicts deep", b"}" + (KEY + b"}") * 900 + b"s" * 900)
    yield case("a tuple", b"N}" + KEY + b"}" + text("a") + text("b") + b"ss\x86")
    yield case("10^5 states", b"}" + b"}b" * 100000)
    yield case("10^5 times the same", b"}q\1" + (b"bh\1") * 100000)
    yield case("10^5 metadata of one name", b"}(" + (KEY + b"}") * 100000 + b"u")
    yield case("10^5 entries of one key", b"}" + KEY + b"}(" + text("a") + b"q\1N0h\1" + b"h\1h\1" * 100000 + b"us")
    yield case("1 MiB a thousand times", b"}" + KEY + text(LONG) + b"q\1" + b"0}(" + b"h\1h\1" * 500 + b"us")
    yield case("1 MiB under a thousand keys", b"}" + KEY + text(LONG) + b"q\1" + b"0}(" + b"".join(text(str(i)) + b"h\1" for i in range(1000)) + b"us")
    yield "named: in metadata", with_state(b"}" + KEY + b"}" + text("a") + called() + b"ss"), REFUSED
    yield "state: a text of 10^8 bytes and one", with_state(b"}" + KEY + b"X" + struct.pack("<I", 10**8 + 1)), "ends early"
