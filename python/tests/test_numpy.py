# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in memory, as numpy's arrays: every dtype and layout against the same tensors in a file; and opened files."""
import gc
import os
import warnings

import ckmerge
import pytest
from conftest import read_file, write_file

numpy = pytest.importorskip("numpy", reason="NOT RUN: numpy's arrays (no numpy)")
ml_dtypes = pytest.importorskip("ml_dtypes", reason="NOT RUN: numpy's arrays (no ml_dtypes)")

NAMES = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn,
         "F8_E5M2": ml_dtypes.float8_e5m2, "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz, "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
         "F8_E8M0": ml_dtypes.float8_e8m0fnu, "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U64": "u8", "U32": "u4",
         "U16": "u2", "U8": "u1", "BOOL": "?", "C64": "c8"}
random = numpy.random.default_rng(0)


def array_of(dtype, shape=(5, 7)):
    values = random.integers(0, 2, shape) if dtype == "BOOL" else random.integers(0, 100, shape)
    return values.astype(numpy.dtype(NAMES[dtype]))


def file_of(path, arrays):
    return str(write_file(path, {name: (dtype, array.shape, array.tobytes()) for name, (dtype, array) in arrays.items()}))


@pytest.mark.parametrize("dtype", NAMES)
def test_every_dtype_is_as_from_a_file(dtype):
    a, b = array_of(dtype), array_of(dtype)
    if dtype.endswith("FNUZ") or dtype in ("C64", "F8_E8M0"):
        b = a  # no arithmetic: copied where both hold the same
    first, second = file_of("a.safetensors", {"w": (dtype, a)}), file_of("b.safetensors", {"w": (dtype, b)})
    options = {"metadata": "none", "copy_codes": dtype == "F8_E8M0"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ckmerge.Warning)  # of integers nothing is merged
        ckmerge.merge([first, second], "files.safetensors", **options)
        ckmerge.merge([{"w": a}, {"w": b}], "memory.safetensors", **options)
    assert read_file("files.safetensors") == read_file("memory.safetensors")
    ckmerge.save({"w": a}, "saved.safetensors")
    assert read_file("saved.safetensors") == ({"w": (dtype, a.shape, a.tobytes())}, None)


@pytest.mark.parametrize("take", [
    lambda a: a, lambda a: a.T, lambda a: a[::2, 1::3], lambda a: a[:, None, :], lambda a: a[1], lambda a: a[1, 2],
    lambda a: a[0:0], lambda a: numpy.broadcast_to(a[0], (4, 7)), lambda a: numpy.asfortranarray(a),
    lambda a: a.reshape(-1)[3:], lambda a: numpy.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1, count=a.size),
])
@pytest.mark.parametrize("dtype", ["F32", "F16", "I64", "U8"])
def test_layouts_are_gathered(take, dtype):
    found = take(array_of(dtype))
    ckmerge.save({"w": found, "other": array_of("F32", (3,))}, "out.safetensors")
    tensors, _ = read_file("out.safetensors")
    assert tensors["w"] == (dtype, found.shape, found.tobytes())


@pytest.mark.parametrize(("take", "said"), [
    (lambda a: a[::-1], "strides are negative"), (lambda a: a.astype(">f4"), "bytes are in the other order"),
])
def test_what_is_copied_is_said(take, said):
    found = take(array_of("F32"))
    with pytest.warns(ckmerge.Warning, match=f"'w' is copied before it is read, since its {said}"):
        ckmerge.save({"w": found}, "out.safetensors")
    assert read_file("out.safetensors")[0]["w"][2] == found.astype("<f4").tobytes()


@pytest.mark.parametrize(("value", "said"), [
    (array_of("F32").astype("c16"), "complex128"), (numpy.array(["a"]), "<U1"), (numpy.array([object()]), "object"),
    (numpy.ma.masked_array([1.0], [True]), "masked"), (3, "of type int"), ([1.0], "of type list"), ("text", "of type str"),
    (None, "of type NoneType"), (numpy.zeros(2, "M8[s]"), "datetime64"), (numpy.zeros(2, [("a", "f4")]), "dtype"),
])
def test_what_is_no_tensor_is_refused_by_name(value, said):
    with pytest.raises(ckmerge.UsageError, match="'bad'") as caught:
        ckmerge.save({"good": array_of("F32"), "bad": value}, "out.safetensors")
    assert said in caught.value.message and caught.value.where == "bad"
    assert not os.path.exists("out.safetensors")


def test_names_that_are_no_texts():
    with pytest.raises(ckmerge.UsageError, match="names of tensors are texts"):
        ckmerge.save({1: array_of("F32")}, "out.safetensors")
    with pytest.raises(ckmerge.UsageError, match="Unicode"):
        ckmerge.save({"a\udc80": array_of("F32")}, "out.safetensors")


def test_memory_and_files_together():
    a = numpy.array([[1, 2], [3, 4]], "f4")
    for inputs in ([{"w": a}, "B.safetensors"], ["A.safetensors", {"w": 2 * a}], [{"w": a}, ckmerge.open("B.safetensors")]):
        ckmerge.merge(inputs, "out.safetensors", alpha=0.5, force=True)
        assert ckmerge.open("out.safetensors", framework="numpy")["w"].tolist() == [[1.5, 3.0], [4.5, 6.0]]
    ckmerge.merge({"x": {"w": a}, "y": "B.safetensors"}, "out.safetensors", formula="(x + y)/2", force=True)
    assert ckmerge.open("out.safetensors", framework="numpy")["w"].tolist() == [[1.5, 3.0], [4.5, 6.0]]
    assert ckmerge.plan([{"w": a}, {"w": a}]).counts.merge == 1
    assert ckmerge.inspect([{"w": a}]).files[0].parameters == 4


def test_objects_live_as_long_as_the_call():
    class Once(dict):
        """Gives each array once, and keeps none."""

        def items(self):
            return ((f"t{k}", numpy.full((256, 256), k, "f4")) for k in range(50))

    ckmerge.save(Once(w=0), "out.safetensors")
    tensors, _ = read_file("out.safetensors")
    assert all(tensors[f"t{k}"][2] == numpy.full((256, 256), k, "f4").tobytes() for k in range(50))


class Counted:
    """A tensor that is asked for its bytes."""

    def __init__(self, array):
        self.array, self.dtype, self.shape, self.asked = array, array.dtype, array.shape, 0

    def read_into(self, offset, view):
        self.asked += len(view)
        view[:] = self.array.tobytes()[offset:offset + len(view)]


def test_objects_that_fill_memory():
    tensors = {f"t{k}": Counted(array_of("F16", (300, 50))) for k in range(20)}
    ckmerge.save(tensors, "out.safetensors", memory="16MiB")
    found, _ = read_file("out.safetensors")
    assert all(found[name][2] == tensor.array.tobytes() for name, tensor in tensors.items())
    assert all(tensor.asked >= tensor.array.nbytes for tensor in tensors.values())


def test_an_exception_while_filling_surfaces():
    class Bad(Counted):
        def read_into(self, offset, view):
            raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        ckmerge.save({"w": Bad(array_of("F32"))}, "out.safetensors")
    assert not os.path.exists("out.safetensors")


def test_save_is_save_file(scene):
    a = array_of("F32")
    report = ckmerge.save({"w": a}, "out.safetensors", metadata={"title": "mine", "prompt": "{\"a\": \"b=c\"}"})
    assert report.output.tensors == 1
    assert read_file("out.safetensors")[1] == {"title": "mine", "prompt": "{\"a\": \"b=c\"}"}
    ckmerge.save({"w": a}, "out.safetensors", dtype={"all": "f16"})  # replaces, as save_file does
    assert read_file("out.safetensors") == ({"w": ("F16", (5, 7), a.astype("f2").tobytes())}, None)
    with pytest.raises(ckmerge.UsageError):
        ckmerge.save({"w": a}, "out.safetensors", force=False)
    ckmerge.save({"w": a}, "out.ckpt")
    assert ckmerge.open("out.ckpt", framework="numpy")["w"].tolist() == a.tolist()


def test_modules_are_their_state_dict():
    class Module:
        def state_dict(self):
            return {"w": array_of("F32")}

    assert ckmerge.save(Module(), "out.safetensors").output.tensors == 1
    assert ckmerge.merge([Module(), Module()], "out.safetensors", force=True).counts.merge == 1


@pytest.mark.parametrize("dtype", NAMES)
def test_opened_files(dtype):
    a = array_of(dtype)
    file_of("a.safetensors", {"w": (dtype, a), "empty": ("F32", numpy.zeros((0, 3), "f4")), "one": ("F32", numpy.float32(3))})
    with ckmerge.open("a.safetensors", framework="numpy") as checkpoint:
        found = checkpoint["w"]
        assert found.dtype == a.dtype and found.tobytes() == a.tobytes() and found.shape == a.shape
        assert not found.flags.writeable and not found.flags.owndata
        assert checkpoint["empty"].shape == (0, 3) and checkpoint["one"].shape == () and len(checkpoint) == 3
        assert "w" in checkpoint and "x" not in checkpoint
        with pytest.raises(KeyError):
            checkpoint["x"]
    assert found.tobytes() == a.tobytes()  # after close
    with pytest.raises(ValueError, match="closed"):
        checkpoint["w"]


def test_opened_files_keep_nothing_open():
    before = os.listdir("/proc/self/fd")
    for _ in range(50):
        checkpoint = ckmerge.open("A.safetensors", framework="numpy")
        assert checkpoint["w"][0, 1] == 2
        del checkpoint
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_dtypes_that_numpy_lacks_come_as_bits(monkeypatch):
    import sys

    a = array_of("BF16")
    file_of("a.safetensors", {"w": ("BF16", a)})
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.warns(ckmerge.Warning, match="numpy has no BF16: its bits come as uint16"):
        found = ckmerge.open("a.safetensors", framework="numpy")["w"]
    assert found.dtype == numpy.uint16 and found.tobytes() == a.tobytes()

