# SPDX-License-Identifier: Apache-2.0
"""Files that name what no checkpoint may name, in every way and at every place there is: all name the stand-in, and none
gives it anything to do. Which names are refused is tests/io/pickle/pickle_globals_test.cpp's and verdicts.py's."""
from pickle_words import ABSENT, NAME, PROTO, REFUSED, called, in_dict, named, named_from_stack, stream, text, zipped

PROTO4 = b"\x80\x04"


def ways():
    """Ways to write a name, and forms of files."""
    yield "called", zipped(in_dict(called()))
    yield "by STACK_GLOBAL", zipped(in_dict(named_from_stack() + b")R", PROTO4))
    yield "in a stream", stream(in_dict(called()))
    yield "in a pickle of nothing", PROTO + called() + b"."
    yield "not called", zipped(in_dict(named()))
    yield "by INST", zipped(in_dict(b"(" + f"i{ABSENT}\n{NAME}\n".encode()))
    yield "by OBJ", zipped(in_dict(b"(" + named() + b"o"))
    yield "made by NEWOBJ", zipped(in_dict(named() + b")\x81"))
    yield "in protocol 0", named() + b"S'x'\n0."
    yield "of words from the memo", zipped(in_dict(text(ABSENT) + b"q\x01" + b"0" + text(NAME) + b"q\x02" + b"0h\x01h\x02\x93", PROTO4))


def places():
    """Places of a name, in a file that goes on or does not."""
    yield "where the pickle breaks off", zipped(PROTO + called())
    yield "where a stream breaks off", stream(in_dict(b"N"))[:20] + PROTO + called()
    yield "in front of what is no opcode", zipped(in_dict(called())[:-1] + b"\xff" * 20)
    yield "in 900 lists", zipped(in_dict(b"]" * 900 + named() + b"a" * 900))
    yield "in BUILD's state", zipped(in_dict(b"ccollections\nOrderedDict\n)R" + named() + b"b"))
    yield "as a key", zipped(PROTO + b"}" + named() + b"K\x01s.")
    yield "popped again", zipped(in_dict(named() + b"0N"))
    yield "in the fifth pickle", stream(in_dict(b"N"), keys=PROTO + b"]" + named() + b"a.")
    yield "in sys_info", stream(in_dict(b"N"), info=PROTO + named() + b".")


def refused_names():
    for where, data in (*ways(), *places()):
        yield f"named: {where}", data, REFUSED
    # A dotted name reaches through what it begins with; DUP makes two words of one.
    yield "named: with a dot", zipped(in_dict(named_from_stack(name=f"part.{NAME}"), PROTO4)), f"{ABSENT}.part.{NAME}"
    yield "named: by DUP", zipped(in_dict(text(NAME) + b"2\x93", PROTO4)), f"{NAME}.{NAME}"
