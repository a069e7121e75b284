# SPDX-License-Identifier: Apache-2.0
"""Files that look members up in classes with `getattr`, as Python's pickler does before protocol 4, and files that use it for
anything else. Every class is of a module that does not exist."""
from pickle_words import ABSENT, NAME, in_dict, named, stream, text, zipped

GETATTR = "__builtin__.getattr"


def getter(module="__builtin__"):
    return named(module, "getattr")


def member(name="HALF", of=None, module="__builtin__"):
    return getter(module) + (named(ABSENT, "Precision") if of is None else of) + text(name) + b"\x86R"


def opened():
    yield "a member of an Enum", zipped(in_dict(member()))
    yield "by the name of Python 3", zipped(in_dict(member(module="builtins"), b"\x80\x03"))
    yield "an object of a nested class", zipped(in_dict(member("Data") + b")\x81}" + text("workers") + b"K\4sb"))
    yield "methods in a dict, getattr from the memo", zipped(in_dict(b"}(" + text("mean") + getter() + b"q\xf0" + named(ABSENT, "History") + b"q\xf1"
                                                                     + text("mean") + b"\x86R" + text("max") + b"h\xf0h\xf1" + text("max") + b"\x86Ru"))
    yield "an object of a class in a nested class", zipped(in_dict(member("Deep", member("Inner")) + b")\x81"))
    yield "a tensor of a nested class", zipped(in_dict(named("torch._tensor", "_rebuild_from_type_v2") + b"(" + named("torch", "Tensor") + member("Kind") + b")}" + text("k") + member() + b"stR"))
    yield "in a stream", stream(in_dict(member()))
    yield "an object by INST", zipped(in_dict(b"(K\1" + f"i{ABSENT}\nThing\n".encode()))
    yield "an object by OBJ", zipped(in_dict(b"(" + named(ABSENT, "Thing") + b"K\1o"))
    yield "Ellipsis", zipped(in_dict(named("__builtin__", "Ellipsis")))
    yield "a UUID", zipped(in_dict(named("uuid", "UUID") + b")\x81}" + text("int") + b"K\5sb"))


def refused():
    yield "a name of Python's machinery", zipped(in_dict(member(NAME))), f"{ABSENT}.Precision.{NAME}"
    yield "what a module imports", zipped(in_dict(member("os", named(ABSENT, "part")) + member("thing", named(ABSENT, "sub.os")) + b"\x86")), f"{ABSENT}.sub.os.thing"
    yield "a member of a member, by a name with a dot", zipped(in_dict(member("y.z", member("x")))), GETATTR
    yield "a member of a member, called", zipped(in_dict(member("y", member("x")) + b")R")), GETATTR
    yield "given to torch, which calls it", zipped(in_dict(named("torch._tensor", "_rebuild_from_type_v2") + b"(" + member() + named("torch", "Tensor") + b")}tR")), GETATTR
    yield "a member of an object", zipped(in_dict(member("x", named(ABSENT, "Thing") + b")\x81"))), GETATTR
    yield "a member of a text", zipped(in_dict(member("x", text("a")))), GETATTR
    yield "with a default", zipped(in_dict(getter() + named(ABSENT, "Thing") + text("x") + b"N\x87R")), GETATTR
    yield "by a name that is no text", zipped(in_dict(getter() + named(ABSENT, "Thing") + b"K\1\x86R")), GETATTR
    yield "called", zipped(in_dict(member() + b")R")), GETATTR
    yield "called from the memo", zipped(in_dict(member() + b"q\xf00h\xf0K\1\x85R")), GETATTR
    yield "changed", zipped(in_dict(member() + b"}b")), GETATTR
    yield "filled", zipped(in_dict(member() + text("x") + b"K\1s")), GETATTR
    yield "getattr as a value", zipped(in_dict(getter())), GETATTR
    yield "getattr in a list", zipped(in_dict(b"](" + getter() + b"K\1e")), GETATTR
    yield "getattr in a set", zipped(in_dict(b"\x8f(" + getter() + b"\x90", b"\x80\x04")), GETATTR
    yield "getattr given to a function", zipped(in_dict(named(ABSENT, "each") + getter() + b"\x85R")), GETATTR
    yield "getattr as a state", zipped(in_dict(named(ABSENT, "Thing") + b")\x81" + getter() + b"b")), GETATTR
    yield "getattr as a class", zipped(in_dict(getter() + b")\x81")), GETATTR


def members():
    for name, data in opened():
        yield f"opened: {name}", data, None
    for name, data, words in refused():
        yield f"named: getattr: {name}", data, words
