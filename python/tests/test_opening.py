# SPDX-License-Identifier: Apache-2.0
"""Opened checkpoints: copies and pickles of them, files that change under them, files without tensors, saving over them."""
import copy
import gc
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import zipfile

import ckmerge
import pytest
from conftest import ROOT, floats, program, read_file, write_file


def values_of(checkpoint):
    return checkpoint["w"].tolist()


def test_halves_come_without_numpy():
    write_file("half.safetensors", {"w": ("F16", (2,), b"\0\x3c\0\x40"), "s": ("F16", (), b"\0\x3c")})
    with ckmerge.open("half.safetensors", framework="memoryview") as checkpoint:
        assert bytes(checkpoint["w"]) == b"\0\x3c\0\x40" and bytes(checkpoint["s"]) == b"\0\x3c"
        if sys.version_info >= (3, 12):
            assert checkpoint["w"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda opened: pickle.loads(pickle.dumps(opened))])
@pytest.mark.parametrize("is_mapped", [False, True])
def test_copies_have_files_of_their_own(again, is_mapped):
    opened = ckmerge.open("A.safetensors", framework="memoryview")
    if is_mapped:
        assert values_of(opened) == [[1, 2], [3, 4]]
    other = again(opened)
    assert (other.path, other.framework, list(other)) == (opened.path, "memoryview", ["w"])
    other.close()
    del other
    gc.collect()
    with open("B.safetensors", "rb"):  # takes the number that was let go
        assert values_of(opened) == [[1, 2], [3, 4]]
    kept = again(opened)
    opened.close()
    assert values_of(kept) == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="closed"):
        again(opened)


def test_workers_open_it_themselves():
    opened = ckmerge.open("A.safetensors", framework="memoryview")
    os.mkdir("other")
    os.chdir("other")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(values_of, [opened]) == [[[1, 2], [3, 4]]]


def replace(path):
    write_file("new.safetensors", {"w": ("F32", (2, 2), floats(5, 6, 7, 8))})
    os.replace("new.safetensors", path)


def test_a_file_that_was_replaced_is_told():
    opened = ckmerge.open("A.safetensors", framework="memoryview")
    pickled = pickle.dumps(opened)
    replace("A.safetensors")
    assert values_of(opened) == [[1, 2], [3, 4]]
    with pytest.raises(ckmerge.InputError, match="replaced since it was opened"):
        ckmerge.merge([opened, "B.safetensors"], "out.safetensors")
    with pytest.raises(ckmerge.InputError, match="replaced since it was opened"):
        pickle.loads(pickled)
    os.remove("A.safetensors")
    with pytest.raises(ckmerge.InputError, match="is gone"):
        ckmerge.merge([opened, "B.safetensors"], "out.safetensors")


def test_opened_files_are_found_from_other_folders(scene):
    opened = ckmerge.open("A.safetensors", framework="memoryview")
    os.mkdir("other")
    os.chdir("other")
    assert ckmerge.merge([opened, scene / "B.safetensors"], "out.safetensors").counts.merge == 1


def test_saving_over_the_file_that_is_opened():
    tensors = {"w": ("F32", (2, 2), floats(1, 2, 3, 4)), "h": ("BF16", (3,), b"\x80?\0@@@"), "e": ("F32", (0, 2), b"")}
    write_file("A.safetensors", tensors, {"title": "old"})
    opened = ckmerge.open("A.safetensors", framework="memoryview")
    ckmerge.save(opened, "A.safetensors", metadata={"title": "new"})
    assert read_file("A.safetensors") == (tensors, {"title": "new"})
    again = ckmerge.open("A.safetensors", framework="memoryview")
    os.symlink("A.safetensors", "link.safetensors")
    ckmerge.save(again, "link.safetensors", dtype="f16")
    assert read_file("link.safetensors")[0]["w"] == ("F16", (2, 2), b"\0\x3c\0\x40\0\x42\0\x44")


def torch_file(path, value):
    with zipfile.ZipFile(path, "w") as archive:
        data = io.BytesIO()
        pickle.dump(value, data, protocol=2)
        archive.writestr("archive/data.pkl", data.getvalue())
        archive.writestr("archive/version", "3\n")


def test_a_file_without_tensors_says_why():
    torch_file("steps.pt", {"step": 3})
    with pytest.raises(ckmerge.InputError, match="steps.pt has no tensors to open: .*no dict of tensors has a known name") as caught:
        ckmerge.open("steps.pt")
    assert "--key" not in str(caught.value) and "step" in str(caught.value)
    write_file("empty.safetensors", {})
    assert len(ckmerge.open("empty.safetensors")) == 0


AT_EXIT = """
import sys
sys.path.insert(0, {path!r})
import ckmerge
class Last:  # lives until the modules are gone
    def __init__(self): self.opened = ckmerge.open("A.safetensors", framework="memoryview")
sys.last = Last()
ckmerge.checkpoint.os = None
del sys.last
"""


def test_nothing_is_printed_at_exit():
    done = subprocess.run([sys.executable, "-c", AT_EXIT.format(path=str(ROOT / "python"))], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_forms_of_the_program(tmp_path):
    # What is opened is what the program sees, of torch's form too.
    program("convert", "A.safetensors", "A.ckpt", "-q")
    opened = ckmerge.open(os.fsencode(tmp_path / "A.ckpt"), framework="memoryview")
    assert values_of(opened) == [[1, 2], [3, 4]]
    ckmerge.save(opened, "A.ckpt")
    assert values_of(ckmerge.open("A.ckpt", framework="memoryview")) == [[1, 2], [3, 4]]
