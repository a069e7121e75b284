# SPDX-License-Identifier: Apache-2.0
"""Errors and warnings name keywords, and not the options of the command line."""
import re

import ckmerge
import pytest
from ckmerge._words import in_python, keyword_of
from conftest import floats, write_file

INPUTS = ["A.safetensors", "B.safetensors"]


@pytest.mark.parametrize(("said", "ours"), [
    ("out: already exists; use -f to replace it", "out: already exists; use force=True to replace it"),
    ("name another folder with -o DIR", "name another folder with output=DIR"),
    ("as in -o sweep/", "as in output=sweep/"),
    ("give -o another folder", "give output another folder"),
    (": --sweep makes several files", ": sweep makes several files"),
    ("as in --param r=0.3", 'as in param={"r": 0.3}'),
    ("as in --dtype vae=f32", 'as in dtype={"vae": "f32"}'),
    ("leave it out (--discard '^x')", "leave it out (discard='^x')"),
    ("keep it (--missing keep)", 'keep it (missing="keep")'),
    ("(--no-normalize)", "(normalize=False)"),
    ("--no-fsync is given", "no_fsync=True is given"),
    ("`ckmerge convert --mend` writes it", "ckmerge.convert(..., mend=True) writes it"),
    ("`ckmerge merge A B -o OUT`", "ckmerge.merge([A, B], OUT)"),
    ("`ckmerge bake MODEL --vae FILE` puts it", "ckmerge.bake(MODEL, vae=FILE) puts it"),
    ("`ckmerge merge --help` lists", "help(ckmerge.merge) lists"),
    ("set --memory and --threads low", "set memory and threads low"),
    ("a--force.safetensors, x -f.safetensors, --nothing", "a--force.safetensors, x -f.safetensors, --nothing"),
])
def test_sentences(said, ours):
    assert in_python(said) == ours


def test_paths_stay():
    path = "my --force `ckmerge merge` -f"
    assert in_python(f"{path}: already exists; use -f", path) == f"{path}: already exists; use force=True"


@pytest.mark.parametrize(("where", "ours"), [
    ("--alpha", "alpha"), ("--param t", "param"), ("--first-channels", "first_channels"), ("-o", "output"), ("-o.safetensors", "-o.safetensors"),
    ("--nothing", "--nothing"), ("a.safetensors", "a.safetensors"), ("", ""),
])
def test_places(where, ours):
    assert keyword_of(where) == ours


CALLS = {
    "a target that exists": lambda: ckmerge.merge(INPUTS, "B.safetensors"),
    "a number out of range": lambda: ckmerge.merge(INPUTS, "out.safetensors", threads=-1),
    "a folder for a file": lambda: ckmerge.merge(INPUTS, "sweep.safetensors", sweep={"alpha": [0.1, 0.2]}),
    "a word that is none of the choices": lambda: ckmerge.merge(INPUTS, "out.safetensors", missing="never"),
    "no output": lambda: ckmerge.merge(INPUTS),
    "a method that there is not": lambda: ckmerge.merge(INPUTS, "out.safetensors", method="average"),
    "two that exclude each other": lambda: ckmerge.merge(INPUTS, "out.safetensors", formula="A", method="slerp"),
    "a file that is there": lambda: ckmerge.convert("A.safetensors", "kept.safetensors"),
    "a device that there is not": lambda: ckmerge.merge(INPUTS, "out.safetensors", device="cuda:99"),
    "a key": lambda: ckmerge.open("A.safetensors", key="a.b"),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_dashes(name):
    write_file("kept.safetensors", {"w": ("F32", (1,), floats(1))})
    try:
        CALLS[name]()
    except ckmerge.Error as error:
        assert not re.search(r"(?<![\w-])--?[a-z][a-z-]*\b", str(error)), str(error)
        assert not error.where.startswith("-")


def test_warnings_name_keywords():
    with pytest.warns(ckmerge.Warning) as caught:
        report = ckmerge.merge(INPUTS, "out.safetensors", copy_codes=True)
    assert report.warnings == ["copy_codes=True changes nothing: no input is quantized"]
    assert str(caught[0].message) == report.warnings[0]
