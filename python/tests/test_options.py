# SPDX-License-Identifier: Apache-2.0
"""The keywords of the functions against the table of options in the library: neither has one that the other lacks."""
import inspect
import re

import ckmerge
import pytest

FUNCTIONS = {"merge": ckmerge.merge, "plan": ckmerge.plan, "run": ckmerge.run, "convert": ckmerge.convert, "bake": ckmerge.bake,
             "compose": ckmerge.compose, "average": ckmerge.average, "inspect": ckmerge.inspect, "hash": ckmerge.hash,
             "scan": ckmerge.scan, "methods": ckmerge.methods, "doctor": ckmerge.doctor}
OF_REGISTRY = {"list", "show"}  # their one option is the registry itself
ONLY_PRINT = {"completions", "man"}
# Operands, and what Python has its own way for.
OURS = {"inputs", "input", "recipe", "folders", "folder", "name", "output", "progress", "options"}
# Of save: what the name of the function says already, or what makes no sense for tensors in memory.
NOT_OF_SAVE = {"output", "metadata", "key", "allow_expanded", "from_unsafe", "config", "save_recipe", "hash", "set_metadata"}


def options_of(command):
    return {option.name.replace("-", "_") for option in ckmerge.describe().options if command in option.commands}


def keywords_of(function):
    return set(inspect.signature(function).parameters) - OURS


def test_every_command_is_a_function():
    assert {command.name for command in ckmerge.describe().commands} - ONLY_PRINT == set(FUNCTIONS) | OF_REGISTRY


@pytest.mark.parametrize("command", FUNCTIONS)
def test_keywords_are_the_options(command):
    assert keywords_of(FUNCTIONS[command]) == options_of(command) - OURS


def test_save_is_convert():
    assert keywords_of(ckmerge.save) - {"tensors", "path", "metadata"} == options_of("convert") - NOT_OF_SAVE


def test_list_and_show_have_the_registry_alone():
    assert options_of("list") == options_of("show") == {"registry"}


def test_types_go_with_the_kinds():
    shown = {name: str(parameter.annotation) for name, parameter in inspect.signature(ckmerge.merge).parameters.items()}
    for option in ckmerge.describe().options:
        if "merge" not in option.commands or option.name == "output":
            continue
        kind = shown[option.name.replace("-", "_")]
        assert ("bool" in kind) == (option.kind in ("flag", "toggle")), (option.name, kind)
        if option.type == "pattern":
            assert "Patterns" in kind, (option.name, kind)
        if option.kind == "list":
            assert re.search("Pairs|Patterns|Texts|Weights|Dtype", kind), (option.name, kind)


def test_an_option_that_is_none_is_refused_by_name():
    with pytest.raises(ckmerge.UsageError, match="alhpa") as caught:
        ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alhpa=0.3)
    assert "alpha" in caught.value.message


def test_versions_agree():
    assert ckmerge.describe().version == ckmerge.__version__


# What Python's values come to, seen in what the library makes of them.
@pytest.mark.parametrize(("keywords", "words"), [
    ({"alpha": 0.3}, ["--alpha", "0.3"]),
    ({"alpha": 1}, ["--alpha", "1"]),
    ({"method": "linear", "weights": [0.5, 0.25]}, ["-m", "linear", "--weights", "0.5,0.25"]),
    ({"method": "linear", "weights": (1, 2), "normalize": False}, ["-m", "linear", "--weights", "1,2", "--no-normalize"]),
    ({"weights": {"/w/": 0.2}}, ["--weight", "/w/=0.2"]),
    ({"weights": {"alpha": {"/w/": 0.2}}, "alpha": 0.7}, ["--weight", "alpha:/w/=0.2", "--alpha", "0.7"]),
    ({"weight": ["/^/=0.2", "/w/=0.1"]}, ["--weight", "/^/=0.2", "--weight", "/w/=0.1"]),
    ({"param": {"alpha": 1e-05}}, ["--param", "alpha=1e-05"]),
    ({"dtype": "f16"}, ["--dtype", "f16"]),
    ({"dtype": {"all": "bf16", "/w/": "f32"}}, ["--dtype", "bf16", "--dtype", "/w/=f32"]),
    ({"discard": "^x"}, ["--discard", "^x"]),
    ({"discard": [re.compile("X", re.IGNORECASE), "y"]}, ["--discard", "(?i)X", "--discard", "y"]),
    ({"set_metadata": {"title": "mine", "author": "me"}}, ["--set-metadata", "title=mine", "--set-metadata", "author=me"]),
    ({"formula": "A + r*(B - A)", "param": {"r": 0.25}}, ["--formula", "A + r*(B - A)", "--param", "r=0.25"]),
    ({"half": True, "mend": None, "copy_codes": False}, ["--half"]),
    ({"memory": 1 << 27}, ["--memory", "128MiB"]),
    ({"memory": "64MiB", "threads": 1, "device": "cpu"}, ["--memory", "64MiB", "--threads", "1", "--device", "cpu"]),
])
def test_the_bytes_are_the_programs(keywords, words):
    from conftest import program

    inputs = ["A.safetensors", "B.safetensors"]
    done = program("merge", *inputs, *words, "-o", "program.safetensors", "-q")
    assert done.returncode == 0, done.stderr
    with pytest.warns() if "discard" in keywords or "weight" in keywords else _nothing():
        ckmerge.merge(inputs, "module.safetensors", **keywords)
    with open("program.safetensors", "rb") as ours, open("module.safetensors", "rb") as theirs:
        assert ours.read() == theirs.read()


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def test_sweeps():
    report = ckmerge.merge(["A.safetensors", "B.safetensors"], "sweep/", sweep={"alpha": [0.2, 0.5]})
    assert [output.output.path for output in report.outputs] == ["sweep/alpha-0.2.safetensors", "sweep/alpha-0.5.safetensors"]
    report = ckmerge.merge(["A.safetensors", "B.safetensors"], "lists/", method="linear", sweep={"weights": [[1, 1], [1, 2]]})
    assert [output.output.path for output in report.outputs] == ["lists/weights-1_1.safetensors", "lists/weights-1_2.safetensors"]


def test_inputs_of_formulas_have_names():
    named = {"base": "A.safetensors", "tuned": "B.safetensors"}
    ckmerge.merge(named, "out.safetensors", formula="base + 0.5*(tuned - base)")
    with ckmerge.open("out.safetensors", framework="memoryview") as checkpoint:
        assert checkpoint["w"].tolist() == [[1.5, 3.0], [4.5, 6.0]]


def test_paths_that_look_like_something_else(tmp_path):
    import pathlib
    import shutil

    for name in ("@a.safetensors", "x=y.safetensors", "memory:a.safetensors", "-o.safetensors", "ü.safetensors"):
        shutil.copy("A.safetensors", name)
        assert ckmerge.inspect(pathlib.Path(name)).files[0].parameters == 4
        assert ckmerge.merge([pathlib.Path(name), "B.safetensors"], "out.safetensors", formula="(A + B)/2", force=True).counts.merge == 1
    with pytest.raises(ckmerge.UsageError, match="UTF-8"):
        ckmerge.inspect(pathlib.Path("a\udcff.safetensors"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_has_not(value):
    with pytest.raises(ckmerge.UsageError, match="alpha"):
        ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=value)
