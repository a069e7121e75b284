# SPDX-License-Identifier: Apache-2.0
"""The pieces that odd PyTorch files are made of, and the stand-in for what a file may not name."""
import pathlib
import pickle
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from torch_files import MAGIC, Storage, Tensor, pickled, zip_bytes

PROTO = b"\x80\x02"
F32 = struct.pack("<4f", 1, 2, 3, 4)

# A module that exists nowhere: Python can import nothing from it, so a file that names it can do nothing. ckmerge refuses
# what begins with two underscores in whatever module (tests/io/pickle/pickle_globals_test.cpp), so that the stand-in gets all
# that a name on the lists gets. Anything else of the module is a class of some program that ckmerge does not know.
ABSENT, NAME = "ckmerge_test_absent", "__call__"
REFUSED = f"{ABSENT}.{NAME}"


def text(word):
    raw = word.encode() if isinstance(word, str) else word
    return b"X" + struct.pack("<I", len(raw)) + raw


def named(module=ABSENT, name=NAME):
    return f"c{module}\n{name}\n".encode()


def called(module=ABSENT, name=NAME):
    return named(module, name) + b")R"


def named_from_stack(module=ABSENT, name=NAME):
    return text(module) + text(name) + b"\x93"


def state():
    return {"w": Tensor(Storage("Float", F32), (2, 2))}


def zipped(data, records=(("0", F32),), **options):
    """data.pkl as it is given, and storages."""
    entries = [("archive/data.pkl", data)] + [(f"archive/data/{key}", raw) for key, raw in records]
    return zip_bytes(entries + [("archive/version", b"3\n")], **options)


def in_dict(value, proto=PROTO):
    """A state dict, and beside it what the words `value` make."""
    data, _ = pickled(state())
    return proto + b"}(" + text("state_dict") + data[2:-1] + text("x") + value + b"u."


def tensor_words(offset=b"K\0", size=b"K\x02K\x02\x86", stride=b"K\x02K\x01\x86", numel=b"K\x04", cls=b"ctorch\nFloatStorage\n", key="0",
                 maker=b"ctorch._utils\n_rebuild_tensor_v2\n", tail=b"\x89ccollections\nOrderedDict\n)R"):
    return PROTO + b"}" + text("w") + maker + b"((" + text("storage") + cls + text(key) + text("cpu") + numel + b"tQ" + offset + size + stride + tail + b"tRs."


def stream(data, keys=None, info=None, body=struct.pack("<q", 4) + F32, magic=MAGIC, protocol=1001):
    front = pickle.dumps(magic, 2) + pickle.dumps(protocol, 2)
    front += info or pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {}}, 2)
    data = data.replace(b"tQ", b"NtQ")
    return front + data + (keys if keys is not None else pickle.dumps(["0"], 2)) + body
