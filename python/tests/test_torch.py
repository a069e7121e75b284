# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in memory, as torch's tensors: every dtype that torch has, layouts, what cannot be stored; and opened files."""
import ckmerge
import pytest
from conftest import read_file

torch = pytest.importorskip("torch", reason="NOT RUN: torch's tensors (no torch)")

SPELLINGS = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
             torch.float8_e5m2fnuz: "F8_E5M2FNUZ", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
             torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64"}
for later, spelling in (("float8_e8m0fnu", "F8_E8M0"), ("uint16", "U16"), ("uint32", "U32"), ("uint64", "U64")):
    if hasattr(torch, later):
        SPELLINGS[getattr(torch, later)] = spelling
ALL = sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)}, key=str)


def bytes_of(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def tensor_of(dtype, shape=(6, 8)):
    count = torch.Size(shape).numel()
    size = torch.empty((), dtype=dtype).element_size()
    low = 2 if dtype == torch.bool else 60  # no NaN of any dtype
    return torch.randint(0, low, (count * size,), dtype=torch.uint8).view(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_every_dtype(dtype):
    if dtype in SPELLINGS:
        found = tensor_of(dtype)
        ckmerge.save({"w": found}, "out.safetensors")
        assert read_file("out.safetensors")[0] == {"w": (SPELLINGS[dtype], (6, 8), bytes_of(found))}
        again = ckmerge.open("out.safetensors", framework="torch")["w"]
        assert again.dtype == dtype and bytes_of(again) == bytes_of(found)
    elif str(dtype) == "torch.float4_e2m1fn_x2":
        found = torch.arange(24, dtype=torch.uint8).reshape(3, 8).view(dtype)
        ckmerge.save({"w": found}, "out.safetensors")
        assert read_file("out.safetensors")[0] == {"w": ("F4", (3, 16), bytes(range(24)))}
        assert ckmerge.open("out.safetensors", framework="torch")["w"].view(torch.uint8).tolist() == found.view(torch.uint8).tolist()
    else:
        try:
            found = torch.empty((4, 8), dtype=dtype)
        except (RuntimeError, TypeError, NotImplementedError):
            return  # torch itself makes no such tensor
        with pytest.raises(ckmerge.UsageError, match="'w'"):
            ckmerge.save({"w": found}, "out.safetensors")


@pytest.mark.parametrize("take", [
    lambda t: t, lambda t: t.T, lambda t: t[::2, 1::3], lambda t: t[1], lambda t: t[1, 2], lambda t: t[:0],
    lambda t: t[0].expand(5, 8), lambda t: t.permute(1, 0)[2:], lambda t: torch.nn.Parameter(t), lambda t: t.requires_grad_(),
])
def test_layouts(take):
    found = take(torch.randn(6, 8))
    ckmerge.save({"w": found}, "out.safetensors")
    assert read_file("out.safetensors")[0]["w"] == ("F32", tuple(found.shape), bytes_of(found.detach()))


def test_conjugates_and_negatives_are_copied():
    found = torch.randn(4, 4, dtype=torch.complex64).conj()
    with pytest.warns(ckmerge.Warning, match="conjugate"):
        ckmerge.save({"w": found}, "out.safetensors")
    assert read_file("out.safetensors")[0]["w"][2] == bytes_of(found.resolve_conj())


@pytest.mark.parametrize(("make", "said"), [
    (lambda: torch.eye(3).to_sparse(), "sparse"), (lambda: torch.empty(3, device="meta"), "meta"),
    (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "quantized"),
    (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested"),
])
def test_what_cannot_be_stored(make, said):
    try:
        found = make()
    except (RuntimeError, AttributeError, NotImplementedError):
        pytest.skip(f"NOT RUN: {said} tensors (this torch makes none)")
    with pytest.raises(ckmerge.UsageError, match=said):
        ckmerge.save({"w": found}, "out.safetensors")


def test_ranges_of_other_devices():
    # What is read of a GPU's tensors, tried on the CPU's: any range of bytes of any layout.
    import ctypes

    from ckmerge import _torch

    for found in (torch.randn(5, 3, 4), torch.randn(4, 3, 5).permute(2, 1, 0), torch.randn(6).half(), torch.tensor(3.0)):
        whole, read = bytes_of(found), _torch._reader(found)
        for offset in range(0, len(whole), 3):
            for size in (1, 2, 7, len(whole) - offset):
                if size <= 0 or offset + size > len(whole):
                    continue
                to = ctypes.create_string_buffer(size)
                read(offset, size, ctypes.addressof(to))
                assert to.raw == whole[offset:offset + size]


def test_a_gpus_tensors():
    if not torch.cuda.is_available():
        pytest.skip("NOT RUN: tensors on a GPU (no GPU)")
    found = torch.randn(1000, 1000, device="cuda").half()
    ckmerge.save({"w": found, "t": found.T}, "out.safetensors")
    assert read_file("out.safetensors")[0]["w"][2] == bytes_of(found.cpu())
    assert read_file("out.safetensors")[0]["t"][2] == bytes_of(found.T.cpu())


def test_lazy_tensors_under_inference_mode():
    with torch.inference_mode():
        weight = torch.ones(50, 50)
        lazy = ckmerge.Lazy(torch.float16, (50, 50), lambda: weight.mul(2).half())
        ckmerge.save({"w": lazy}, "out.safetensors")
    assert ckmerge.open("out.safetensors", framework="torch")["w"].eq(2).all()


def test_tied_tensors_are_written_whole():
    a = torch.randn(100, 10)
    ckmerge.save({"a": a, "b": a, "c": a[:10]}, "out.safetensors")
    tensors, _ = read_file("out.safetensors")
    assert tensors["a"] == tensors["b"] and tensors["c"][2] == bytes_of(a[:10])
    ckmerge.save({"a": a, "b": a}, "out.ckpt")
    loaded = torch.load("out.ckpt", weights_only=True)
    assert loaded["a"].equal(a) and loaded["b"].equal(a)


def test_state_dicts_of_modules():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    ckmerge.save(module.state_dict(), "out.safetensors")
    ckmerge.save(module, "module.safetensors")
    assert read_file("out.safetensors") == read_file("module.safetensors")
    again = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    again.load_state_dict(dict(ckmerge.open("out.safetensors")))
    assert again[0].weight.equal(module[0].weight)


def test_strided_tensors_of_pickles():
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    torch.save({"w": whole.T, "v": whole[1:3, ::2], "u": whole}, "strided.pt")
    for framework in ("torch", "numpy"):
        checkpoint = ckmerge.open("strided.pt", framework=framework)
        assert checkpoint["w"].tolist() == whole.T.tolist()
        assert checkpoint["v"].tolist() == whole[1:3, ::2].tolist()


def test_writing_to_opened_tensors_changes_no_file():
    with open("A.safetensors", "rb") as file:
        before = file.read()
    found = ckmerge.open("A.safetensors", framework="torch")["w"]
    found.mul_(0)
    with open("A.safetensors", "rb") as file:
        assert file.read() == before
    assert ckmerge.open("A.safetensors", framework="torch")["w"][0, 1] == 2
