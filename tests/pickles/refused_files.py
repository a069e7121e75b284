# SPDX-License-Identifier: Apache-2.0
"""PyTorch files that are damaged, or at odds with themselves, or beyond a limit, and some that only look so. Sizes are such
that limits of ckmerge are passed and no other program minds: python_reads.py shows it. What is at odds holds plain tensors."""
import pickle
import struct

from pickle_words import ABSENT, F32, PROTO, REFUSED, in_dict, named, named_from_stack, state, stream, tensor_words, text, zipped
from torch_files import Storage, Tensor, pickled, safetensors, stand_in, torch_stream, torch_zip, zip_bytes


THING, PARAMETER = named(ABSENT, "Thing"), b"ctorch._utils\n_rebuild_parameter\n"
LEVELS = 7


def laughs(levels):
    """Lists of ten times the list before: 10^levels items for who walks them, which takes longer than a file may; Python
    loads them at once and prints them in a second."""
    return b"]q\1" + b"".join(b"0]q" + bytes([i + 2]) + b"(" + (b"h" + bytes([i + 1])) * 10 + b"e" for i in range(levels))


def patched(where, **changes):
    def patch(name, place, fields):
        return {**fields, **changes} if place == where and name == "archive/data/0" else fields
    return patch


def archives():
    """Zip archives that two readers could understand differently, or that hold what they do not say."""
    good, _ = pickled(state())
    entries = [("archive/data.pkl", good), ("archive/data/0", F32), ("archive/version", b"3\n")]
    whole = zip_bytes(entries)
    yield "compressed", zip_bytes(entries, patch=lambda n, w, f: {**f, "method": 8}), "compressed"
    yield "flags of encryption", zipped(good, patch=patched("central", flags=0x809)), "encrypted"
    yield "flags that differ", zipped(good, patch=patched("local", flags=0)), "disagree"
    yield "strong encryption", zip_bytes(entries, patch=lambda n, w, f: {**f, "flags": 0x848}), "encrypted"
    yield "patched data", zip_bytes(entries, patch=lambda n, w, f: {**f, "flags": 0x828}), "encrypted"
    yield "local name differs", zipped(good, patch=patched("local", name=b"archive/data/1")), "disagree"
    yield "local size differs", zipped(good, patch=patched("local", size=15, csize=15)), "disagree"
    yield "local sum differs", zipped(good, patch=patched("local", crc=12345)), "disagree"
    yield "local method differs", zipped(good, patch=patched("local", method=8)), "disagree"
    yield "entry inside another", zipped(good, patch=lambda n, w, f: {**f, "offset": 0, "name": b"archive/data.pkl"} if w == "central" and n == "archive/data/0" else f), "zip archive"
    yield "entry over another", zipped(good, patch=patched("central", size=60, csize=60)), "overlap"
    yield "entry beyond the directory", zipped(good, patch=patched("central", offset=len(whole))), "outside"
    yield "entry as large as the file", zipped(good, patch=patched("central", size=len(whole), csize=len(whole))), "reaches into"
    yield "entry too large for 64 bits", zipped(good, patch=patched("central", size=0xffffffff, csize=0xffffffff, extra=struct.pack("<HHQQ", 1, 16, (1 << 64) - 1, (1 << 64) - 1))), "reaches into"
    yield "zip64 sizes that are not there", zipped(good, patch=patched("central", size=0xffffffff)), "zip64"
    yield "extra longer than the record", zipped(good, patch=patched("central", size=0xffffffff, csize=0xffffffff, extra=struct.pack("<HH", 1, 60000))), "extra field"
    yield "one name twice", zip_bytes(entries + [("archive/data.pkl", good)]), "one name"
    yield "names that differ in case", zip_bytes(entries + [("archive/DATA.PKL", good)]), "case"
    yield "two roots", zip_bytes(entries + [("other/data.pkl", good)]), "more than one folder"
    yield "a way out", zip_bytes(entries + [("archive/../data/1", b"x")]), "leads out"
    yield "an absolute name", zip_bytes(entries + [(f"/{ABSENT}", b"x")]), "absolute"
    yield "a drive", zip_bytes(entries + [(f"c:/{ABSENT}", b"x")]), "absolute"
    yield "a backslash", zip_bytes(entries + [("archive\\data\\1", b"x")]), "backslash"
    yield "a NUL in a name", zip_bytes(entries + [("archive/data/1\0.txt", b"x")]), "NUL"
    yield "a name of 1025 bytes", zip_bytes(entries + [("archive/" + "x" * 1017, b"x")]), "too long"
    yield "bytes in front", b"PK\3\4" + b"x" * 64 + whole, "zip"
    yield "bytes behind", whole + b"x", "download incomplete"
    yield "opened: a comment", whole[:-2] + struct.pack("<H", 5) + b"hello", None
    yield "a comment that is longer than it says", whole[:-2] + struct.pack("<H", 4) + b"hello", "download incomplete"
    yield "an end in the comment", whole[:-2] + struct.pack("<H", 22) + whole[-22:], "zip"
    yield "cut short", whole[:-40], "download incomplete"
    yield "more entries than there are", whole[:-14] + struct.pack("<HH", 9, 9) + whole[-10:], "disagree"
    yield "several disks", whole[:-18] + struct.pack("<H", 1) + whole[-16:], "several"
    yield "2^21 entries and one", lying_end(whole, entries=(1 << 21) + 1), "at most 2097152"
    yield "more entries than there is room for", lying_end(whole, entries=100), "promises more entries"
    yield "fewer entries than there are", lying_end(whole, entries=1), "bytes between"
    yield "a directory that is too long", lying_end(whole, size=len(whole)), "does not end where"
    yield "a directory behind its end", lying_end(whole, begin=len(whole)), "does not end where"
    yield "no data.pkl", zip_bytes([("archive/data/0", F32)]), "no data.pkl"
    yield "nothing in it", zip_bytes([]), "empty"
    yield "TorchScript", zip_bytes([("m/data.pkl", good), ("m/constants.pkl", good), ("m/code/__torch__.py", b"")]), "TorchScript"
    yield "big-endian", zip_bytes(entries + [("archive/byteorder", b"big")]), "big-endian"
    yield "no byte order that exists", zip_bytes(entries + [("archive/byteorder", b"middle")]), "byte order"
    yield "a version to come", zip_bytes(entries[:2] + [("archive/version", b"99\n")]), "version"
    yield "storage that is not there", zipped(tensor_words(key="7")), "not in the archive"
    yield "storage by a path", zipped(tensor_words(key="../../version")), "not in the archive"
    yield "storage larger than its record", zipped(tensor_words(numel=b"K\5")), "bytes in the archive"
    yield "storage smaller than its record", zipped(tensor_words(numel=b"K\3", size=b"K\1\x85", stride=b"K\1\x85")), "bytes in the archive"
    yield "safetensors in front of a zip", safetensors({"w": ("F32", [4], F32), "z": ("U8", [len(whole)], whole)}), "zip archive behind"


def changed(whole, at, new):
    """`new` in place of the bytes at `at`, from the end where that is negative."""
    at += len(whole) if at < 0 else 0
    return whole[:at] + new + whole[at + len(new):]


def classic(whole, skip=0, **ends):
    """The same archive without its zip64 end, and without the first `skip` records of its directory."""
    begin = at = whole.find(b"PK\1\2")
    for _ in range(skip):
        at = whole.find(b"PK\1\2", at + 4)
    directory = whole[at:-98]
    count = directory.count(b"PK\1\2")
    return whole[:begin] + directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, ends.get("here", count), count, ends.get("size", len(directory)), begin, 0)


def directories():
    """Ends and records of a directory that are wrong in one number. The end has 22 bytes, the locator in front of it 20,
    the zip64 end 56; the last record's name has 15 bytes."""
    good, _ = pickled(state())
    entries = [("archive/data.pkl", good), ("archive/data/0", F32), ("archive/version", b"3\n")]
    whole, record = zip_bytes(entries), -98 - 15 - 46
    yield "opened: no zip64 end", classic(whole), None
    yield "a locator on another disk", changed(whole, -42 + 4, b"\1"), "one part of several"
    yield "a locator of elsewhere", changed(whole, -42 + 8, b"\0\0"), "not where it should be"
    yield "a zip64 end of another size", changed(whole, -98 + 4, b"\x2d"), "zip64 end is none"
    yield "a zip64 end on another disk", changed(whole, -98 + 16, b"\1"), "one part of several"
    yield "fewer entries on this disk", changed(whole, -98 + 24, b"\2"), "one part of several"
    yield "fewer entries on this disk, classic", classic(whole, here=2), "one part of several"
    yield "a directory that is too short, classic", classic(whole, size=46), "does not end where"
    yield "one entry more than there are", lying_end(zip_bytes([*entries, ("archive/" + "x" * 50, b"x")]), entries=5), "ends within a record"
    yield "a record longer than the directory", changed(whole, record + 32, b"\1"), "ends within a record"
    yield "a record that is none", changed(whole, record, b"PK\1\3"), "a record of its directory is none"
    yield "a record of another disk", changed(whole, record + 34, b"\1"), "one part of several"
    yield "a stored entry of two sizes", zipped(good, patch=patched("central", csize=15)), "two sizes"
    yield "an entry that the directory hides", classic(zip_bytes([("archive/first", b"x"), *entries]), skip=1), "bytes before its first entry"
    yield "an entry that begins a byte later", zipped(good, patch=lambda n, w, f: {**f, "offset": f["offset"] + 1} if w == "central" and n == "archive/data/0" else f), "not where its directory says"
    yield "TorchScript's constants", zip_bytes([("m/data.pkl", good), ("m/constants.pkl", good)]), "TorchScript"
    yield "TorchScript's code", zip_bytes([("m/data.pkl", good), ("m/code/x.py", b"")]), "TorchScript"


def lying_end(whole, entries=None, size=None, begin=None):
    at = len(whole) - 22 - 20 - 56
    end = bytearray(whole[at:at + 56])
    for value, place in ((entries, 24), (entries, 32), (size, 40), (begin, 48)):
        if value is not None:
            struct.pack_into("<Q", end, place, value)
    tail = bytearray(whole[at + 56:])
    struct.pack_into("<HHII", tail, 28, 0xffff, 0xffff, 0xffffffff, 0xffffffff)
    return whole[:at] + bytes(end) + bytes(tail)


def repeated():
    """One long thing that a memo names many times, so that a small file asks for much work or memory."""
    tensor = tensor_words()[len(PROTO + b"}" + text("w")):-2]
    wide = tensor_words(size=b"(K\0" + b"K\1" * 63 + b"t", stride=b"(" + b"K\1" * 64 + b"t")[len(PROTO + b"}" + text("w")):-2]
    rows = lambda value, key, n: PROTO + key + b"q\x300" + value + b"q\x310" + b"}(" + b"h\x30h\x31" * n + b"u."
    yield "repeated: a name of 1 MB", zipped(rows(tensor, text("w" * 1000000), 4000)), "the name is there twice"
    yield "repeated: a tensor of 64 dimensions", zipped(rows(wide, text("w"), 100000)), "the name is there twice"
    names = b"".join(b"\x8c\x05%05dh\x31" % k for k in range(50000))
    yield "repeated: a tensor of 64 dimensions under many names", zipped(PROTO + wide + b"q\x310}(" + names + b"u."), "more than the pickle holds"
    seven = tensor_words(size=b"(K\2K\2" + b"K\1" * 5 + b"t", stride=b"(K\2K\1" + b"K\1" * 5 + b"t")[len(PROTO + b"}" + text("w")):-2]
    yield "opened: tied tensors of 7 dimensions", zipped(PROTO + seven + b"q\x310}(" + b"".join(b"\x8c\x04%04dh\x31" % k for k in range(3000)) + b"u."), None
    bits = PROTO + b"}(" + b"NN" * 100000 + b"uq\x300" + b"}("
    told = tensor_words(tail=b"\x89}h\x30")[len(PROTO + b"}" + text("w")):-2]
    yield "repeated: a dict of bits", zipped(bits + b"".join(text(str(k)) + told for k in range(3000)) + b"u."), "more said of it than torch says"
    key = b"k" * 1000000
    mentions = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + b"K\4tq\x300" + b"h\x30Q0" * 100000
    yield "repeated: a storage's key of 1 MB", stream(mentions.join([PROTO, b"N."])), "key is longer than any"
    names = b"".join(text(n) + b"h\x30" for n in ("state_dict", "model_state_dict", "model", "module", "params_ema", "params", "ema"))
    yield "repeated: a large dict in itself", zipped(PROTO + b"}q\x30(" + b"NN" * 200000 + names + b"u."), "PyTorch file"
    shape = PROTO + b"](" + b"K\1" * 100000 + b"eq\x300"
    listed = tensor_words(size=b"h\x30")[len(PROTO + b"}" + text("w")):-2]
    yield "repeated: a long list as the shape", zipped(shape + b"}" + text("w") + listed + b"s."), "more sizes than strides"


def machines():
    """Pickles that break machines: too much, too deep, too little on the stack, values of the wrong kind."""
    def case(name, data, words):
        return f"pickle: {name}", zipped(PROTO + data), words
    yield case("no STOP", b"N", "ends early")
    yield case("a second pickle behind it", b"}." + PROTO + b"N.", "behind the end")
    yield case("a memo larger than the file", b"Nr\0\2\0\0.", "memo")
    yield case("sparse memo", b"N" + b"".join(b"r" + struct.pack("<I", i << 9) for i in range(64)) + b".", "memo")
    yield case("memo of nothing", b"h\7.", "memo")
    yield case("lists of lists of one", laughs(LEVELS) + b".", "not a dict of tensors")
    yield case("lists of lists of one, in a dict", b"}" + text("model") + laughs(LEVELS) + b"s.", "PyTorch file")
    yield case("a dict in itself", b"}q\1" + text("state_dict") + b"h\1s.", "PyTorch file")
    yield case("a dict under every name in itself", b"}q\1(" + b"".join(text(n) + b"h\1" for n in ("state_dict", "model_state_dict", "model", "module", "params_ema", "params", "ema")) + b"u.", "PyTorch file")
    yield case("a list in itself", b"]q\1h\1a.", "PyTorch file")
    yield case("1001 lists deep", b"]" * 1001 + b"a" * 1000 + b".", "nesting")
    yield case("1001 marks", b"(" * 1001 + b".", "marks")
    yield case("1001 tuples deep", b")" + b"\x85" * 1001 + b".", "nesting")
    yield case("1001 calls deep", THING + b")R" * 1001 + b".", "nesting")
    yield case("a text of 10^8 bytes and one", b"X" + struct.pack("<I", 10**8 + 1) + b"abc.", "ends early")
    yield case("a module of 1001 bytes", named_from_stack("m" * 1001, "x") + b".", "whose name has more than 1000 bytes")
    yield case("a name of 1001 bytes", named_from_stack(name="x" * 1001) + b".", "whose name has more than 1000 bytes")
    yield case("a line of 1002 bytes", named(name="x" * 1002) + b".", "a line longer than any")
    yield case("10,001 names", b"".join(named(name=f"Thing{i}") + b"0" for i in range(10001)) + b"N.", "more than 10000 classes")
    yield case("a text of 2^64-1", b"\x8d" + b"\xff" * 8 + b".", "ends early")
    yield case("bytes of 2^64-1", b"\x8e" + b"\xff" * 8 + b".", "ends early")
    yield case("a byte array of 2^63", b"\x96" + struct.pack("<Q", 1 << 63) + b".", "ends early")
    yield case("a frame of 2^63", b"\x95" + struct.pack("<Q", 1 << 63) + b"N.", "ends early")
    yield case("an integer of 1 MiB", b"\x8b\0\0\x10\0.", "ends early")
    yield case("an integer of negative length", b"\x8b\xff\xff\xff\xff.", "negative")
    yield case("nothing on the stack", b"R.", "more values than there are")
    yield case("POP of nothing", b"0.", "more values than there are")
    yield case("a mark that is not there", b"t.", "mark")
    yield case("under the mark", b"N(a.", "more values than there are")
    yield case("values left over", b"NN.", "left over")
    yield case("SETITEM on a tuple", b")NNs.", "SETITEM")
    yield case("SETITEM on an integer", b"K\1NNs.", "SETITEM")
    yield case("SETITEMS with half a pair", b"}(Nu.", "no value")
    yield case("APPEND on a dict", b"}Na.", "APPEND")
    yield case("APPENDS on a text", text("x") + b"(Ne.", "APPENDS")
    yield case("ADDITEMS on a list", b"](N\x90.", "ADDITEMS")
    yield case("BUILD on None", b"NNb.", "BUILD")
    yield case("a call of a text", text("x") + b")R.", "no function")
    yield case("a call with a list", THING + b"]R.", "no tuple")
    yield case("a global made of numbers", b"K\1K\2\x93.", "not a text")
    yield case("protocol 6", b"\x80\6N.", "protocol")
    yield case("EXT1", b"\x82\1.", "EXT1")
    yield case("PERSID", b"P0\n.", "protocol 0")
    yield case("NEXT_BUFFER", b"\x97.", "NEXT_BUFFER")
    yield case("a byte that is no opcode", b"\xff.", "no opcode")
    yield case("persistent id that is a number", b"}" + text("w") + b"K\1Qs.", "PyTorch file")
    yield case("10^6 empty lists", b"(" + b"]" * 1000000 + b"l.", "not a dict of tensors")


def tensors():
    """Descriptions of tensors that lie."""
    def case(name, words, **parts):
        return f"tensor: {name}", zipped(tensor_words(**parts)), words
    big = b"\x8a\x08" + struct.pack("<q", 1 << 62)
    yield case("offset outside", "outside of its storage", offset=b"K\1")
    yield case("offset below", "begins before", offset=b"J\xff\xff\xff\xff")
    yield case("size too large", "outside of its storage", size=b"K\2K\3\x86")
    yield case("negative size", "sizes", size=b"K\2J\xff\xff\xff\xff\x86")
    yield case("negative stride", "strides", stride=b"J\xfe\xff\xff\xffK\1\x86")
    yield case("stride too large", "outside of its storage", stride=b"K\3K\1\x86")
    yield case("product that overflows", "64 bits", size=big + big + b"\x86")
    yield case("reach that overflows", "64 bits", size=b"K\5K\5\x86", stride=big + big + b"\x86")
    yield case("an offset of 2^62", "outside of its storage", offset=big)
    yield case("an offset beyond 64 bits", "begins before", offset=b"\x8a\x09" + b"\xff" * 8 + b"\0")
    yield case("sizes and no strides", "strides", stride=b")")
    yield "opened: 65 dimensions", zipped(tensor_words(size=b"(" + b"K\1" * 65 + b"t", stride=b"(" + b"K\1" * 65 + b"t")), None
    yield case("sizes that are texts", "sizes", size=text("a") + b"\x85")
    yield case("a storage of 2^62 elements", "64 bits", numel=big)
    yield case("quantized", "qint8", cls=b"ctorch\nQInt8Storage\n")
    yield case("of no type", "no known type", cls=b"ctorch\nMagicStorage\n")
    yield case("of a type from elsewhere", "no known type", cls=named(ABSENT, "FloatStorage"))
    yield case("made elsewhere", "not a plain tensor", maker=b"ctorch._utils\n_rebuild_xla_tensor\n")
    yield case("in too few words", "too few words", tail=b"")
    yield case("untyped", "no known dtype", cls=b"ctorch.storage\nUntypedStorage\n", numel=b"K\x10")
    yield case("a lazy conjugate", "lazy conj", tail=b"\x89ccollections\nOrderedDict\n)R}" + text("conj") + b"\x88s")
    yield case("more than 1 GiB from 16 bytes", "more than twice", size=b"J" + struct.pack("<I", (1 << 26) + 1) + b"K\4\x86", stride=b"K\0K\1\x86")
    yield case("of a storage that is no class", "no known type", cls=text("FloatStorage"))
    yield case("of a class that is no storage", "no known type", cls=b"ctorch\nFloatTensor\n")
    yield case("reach and offset that overflow", "64 bits", size=b"K\2K\2\x86", stride=b"\x8a\x08" + b"\xff" * 7 + b"\x7f" + b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x86", offset=b"K\5")
    yield case("a shape of no list", "sizes", size=b"ctorch\nSize\n)R")
    yield "tensor: a storage under another word", zipped(tensor_words().replace(text("storage"), text("module"))), "no storage"
    yield "tensor: a storage of four words", zipped(tensor_words(numel=b"")), "no storage"
    yield "tensor: without a storage", zipped(PROTO + b"}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(NK\0)))NtRs."), "has no storage"
    yield "tensor: a parameter of nothing", zipped(PROTO + b"}" + text("w") + PARAMETER + b")Rs."), "without its tensor"
    yield "tensor: wrapped nine times", zipped(PROTO + b"}" + text("w") + PARAMETER * 9 + b"N" + b"\x85R" * 9 + b"s."), "wrapped too often"
    yield "tensor: a parameter of something else", zipped(PROTO + b"}" + text("w") + PARAMETER + b"N\x85Rs."), "is no tensor"
    yield "tensor: a name that is not UTF-8", zipped(tensor_words().replace(text("w"), text(b"\xff\xfe"))), "UTF-8"
    yield "tensor: a name with a surrogate", zipped(tensor_words().replace(text("w"), text(b"\xed\xa0\x80"))), "UTF-8"
    one = tensor_words()[3:-2]
    yield "tensor: one name twice", zipped(PROTO + b"}" + one + b"s" + one + b"s."), "twice"


def streams():
    def case(name, words, data=None, **parts):
        return f"stream: {name}", stream(data or tensor_words(), **parts), words
    yield case("another protocol", "protocol", protocol=1002)
    yield case("big-endian", "big-endian", info=pickle.dumps({"little_endian": False}, 2))
    yield case("no word on its machine", "which machine", info=pickle.dumps({}, 2))
    yield case("a machine that is no dict", "which machine", info=pickle.dumps([], 2))
    two = tensor_words()[:-2] + b"s" + tensor_words(numel=b"K\5")[len(PROTO + b"}"):].replace(text("w"), text("v"), 1)
    yield case("one storage of two sizes", "two sizes in its pickle", data=two)
    two = tensor_words()[:-2] + b"s" + tensor_words(cls=b"ctorch\nHalfStorage\n", numel=b"K\x08")[len(PROTO + b"}"):].replace(text("w"), text("v"), 1)
    yield case("one storage of two types", "two element types", data=two)
    yield case("no list of storages", "list of storages", keys=pickle.dumps({}, 2))
    yield case("a storage that nothing mentions", "does not mention", keys=pickle.dumps(["0", "1"], 2))
    yield case("one storage twice", "twice", keys=pickle.dumps(["0", "0"], 2), body=(struct.pack("<q", 4) + F32) * 2)
    yield case("a storage that is missing", "without a storage", keys=pickle.dumps([], 2), body=b"")
    yield case("another count", "two sizes", body=struct.pack("<q", 3) + F32)
    yield case("a count of -1", "two sizes", body=struct.pack("<q", -1) + F32)
    yield case("cut in a storage", "download incomplete", body=struct.pack("<q", 4) + F32[:7])
    yield case("cut before a storage", "download incomplete", body=b"\4\0")
    yield case("bytes behind", "behind the last storage", body=struct.pack("<q", 4) + F32 + b"x")
    yield "stream: cut in a pickle", stream(tensor_words())[:140], "download incomplete"
    yield "tar", b"x" * 257 + b"ustar\x0000" + b"\0" * 300, "tar archive"
    yield "plain pickle", pickle.dumps({"a": [1, 2]}, 4), "no PyTorch checkpoint"
    yield "GGUF", b"GGUF\3\0\0\0" + b"\0" * 32, "GGUF"


def harmless():
    """Files with objects that we do not know: opened, and the objects are left alone."""
    def opened(name, obj):
        return f"opened: {name}", torch_zip(obj), None
    callback = stand_in("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
    namespace = stand_in(f"{ABSENT}.Namespace")()
    namespace.alpha, namespace.path = 1, "/a/file"
    yield opened("Lightning's checkpoint", {"epoch": 1, "callbacks": {callback: {"best": 0.5}}, "state_dict": state(), "hyper": namespace})
    yield opened("a name that is refused, as texts", {"state_dict": state(), "note": REFUSED, "n": REFUSED.split(".")})
    yield "opened: ids of storages that are no numbers", zipped(tensor_words(key="../0"), records=[("../0", F32)]), "leads out"
    yield "opened: sets, bytes, great integers", zipped(in_dict(b"\x8f(K\1\x90")), None
    yield "opened: protocol 5", torch_zip({"state_dict": state(), "b": bytearray(b"x" * 10), "f": frozenset([1])}, protocol=5), None
    yield "opened: a stream", torch_stream({"state_dict": state()}), None
    yield "opened: control characters in a name", torch_zip({"\x1b[31mred\n\u202e": Tensor(Storage("Float", F32), (4,))}), None
    yield "opened: expanded within reason", torch_zip({"w": Tensor(Storage("Float", F32), (1000, 4), (0, 1))}), None
