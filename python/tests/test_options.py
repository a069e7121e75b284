# SPDX-License-Identifier: Apache-2.0
"""The keywords of the functions against the table of options in the library: neither has one that the other lacks."""
import inspect
import re

import ckmerge
import pytest
from conftest import read_file

FUNCTIONS = {"merge": ckmerge.merge, "plan": ckmerge.plan, "run": ckmerge.run, "convert": ckmerge.convert, "bake": ckmerge.bake,
             "compose": ckmerge.compose, "average": ckmerge.average, "mergekit": ckmerge.mergekit, "lora": ckmerge.lora, "inspect": ckmerge.inspect, "hash": ckmerge.hash,
             "scan": ckmerge.scan, "methods": ckmerge.methods, "doctor": ckmerge.doctor}
OF_REGISTRY = {"list", "show"}  # their one option is the registry itself
ONLY_PRINT = {"completions", "man"}
# Operands, and what Python has its own way for.
OURS = {"inputs", "input", "recipe", "folders", "folder", "name", "output", "progress", "options"}
# Of save: what the name of the function says already, or what makes no sense for tensors in memory.
NOT_OF_SAVE = {"output", "metadata", "key", "allow_expanded", "from_unsafe", "config", "config_from", "save_recipe", "hash", "hash_inputs", "set_metadata",
               "component", "shard_size", "copy_code"}


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
    assert "alpha" in caught.value.message and caught.value.where == "alhpa"


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


def test_a_value_of_a_sweep_may_be_one():
    report = ckmerge.merge(["A.safetensors", "B.safetensors"], "sweep/", sweep={"alpha": 0.2})
    assert [output.output.path for output in report.outputs] == ["sweep/alpha-0.2.safetensors"]


def test_plans_of_sweeps():
    inputs = ["A.safetensors", "B.safetensors"]
    swept = ckmerge.plan(inputs, "sweep/", sweep={"alpha": [0.2, 0.5]})
    one = ckmerge.plan(inputs, "out.safetensors")
    assert [plan.output.path for plan in swept.outputs] == ["sweep/alpha-0.2.safetensors", "sweep/alpha-0.5.safetensors"]
    assert [step.name for step in swept.steps] == ["w", "w"] and swept.size == sum(plan.size for plan in swept.outputs)
    assert swept.sizes == [plan.size for plan in swept.outputs] and one.sizes == [one.size]
    assert [found.name for found in swept.passes] == ["merge", "merge"] and [found.name for found in one.passes] == ["merge"]
    assert swept.warnings == [] and one.outputs == [one]
    warned = ckmerge.plan(inputs, "sweep/", sweep={"alpha": [0.2, 0.5]}, discard="^nothing")
    assert len(warned.warnings) == 1


@pytest.mark.parametrize(("call", "said"), [
    (lambda: ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", only=[re.compile(b"w")]), "names are texts"),
    (lambda: ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", only=re.compile(" w ", re.VERBOSE)), "re.VERBOSE"),
    (lambda: ckmerge.merge(["A.safetensors", "B.safetensors"], 5), "a path is a text"),
    (lambda: ckmerge.merge([5, "B.safetensors"], "out.safetensors"), "an input is a path"),
    (lambda: ckmerge.run(5, "out.safetensors"), "a path is a text"),
    (lambda: ckmerge.Lazy("F32", (-1,), None), "no shape"),
    (lambda: ckmerge.Lazy("F32", (1 << 64,), None), "no shape"),
    (lambda: ckmerge.save({"a\0b": ckmerge.Lazy("F32", (1,), None)}, "out.safetensors"), "NUL"),
    (lambda: ckmerge.merge({"a\0b": {"w": ckmerge.Lazy("F32", (1,), None)}}, "out.safetensors", formula="a"), "NUL"),
    (lambda: ckmerge.save("A.safetensors", "out.safetensors", set_metadata={"k": "v"}), "metadata="),
    (lambda: ckmerge.save("A.safetensors", "out.safetensors", metadata={"a": "\udc80"}), "not Unicode text"),
    (lambda: ckmerge.save("A.safetensors", "out.safetensors", metadata={"a": 1}), "texts to texts"),
])
def test_what_is_refused_is_a_usage_error(call, said, scene):
    with pytest.raises(ckmerge.UsageError, match=said):
        call()
    assert not (scene / "out.safetensors").exists()


def test_metadata_is_written_as_it_is():
    metadata = {"k": "a=b=c", "empty": "", "two words": "é\n\"x\"", "-o": "--force", "json": '{"a": [1]}', "format": "np", "": "no name",
                "a=b": "c=d", "=": "=", "nul": "a\0b\0", "\0": "", "\x001\x00x": "=", "1\0": "\0=", "a\0=b": "c"}
    for path in ("out.safetensors", "out.ckpt"):
        ckmerge.save("A.safetensors", path, metadata=metadata)
        assert ckmerge.open(path, framework="memoryview").metadata == metadata, path
    assert read_file("out.safetensors")[1] == metadata
    ckmerge.merge(["A.safetensors", "B.safetensors"], "merged.safetensors", set_metadata=metadata | {"format": "pt"}, metadata="set")
    assert read_file("merged.safetensors")[1] == metadata | {"format": "pt"}
    ckmerge.merge(["A.safetensors", "B.safetensors"], "merged.safetensors", set_metadata={"a=b": "c", "": "d"}, force=True)
    ckmerge.run("merged.safetensors", "again.safetensors", {"A": "A.safetensors", "B": "B.safetensors"})
    assert read_file("again.safetensors") == read_file("merged.safetensors") and read_file("again.safetensors")[1]["a=b"] == "c"
    ckmerge.convert("A.safetensors", "more.safetensors", set_metadata={"k": "a=b=c", "n": 3})
    found = ckmerge.open("more.safetensors", framework="memoryview").metadata
    assert (found["k"], found["n"]) == ("a=b=c", "3")


def test_large_metadata():
    # Workflows of ComfyUI may have megabytes.
    try:
        ckmerge.save("A.safetensors", "out.safetensors", metadata={"prompt": "x" * 2_000_000})
    except ckmerge.UsageError as error:
        if "more than 1048576" in error.message:
            pytest.skip("NOT RUN: large metadata (the library is older)")
        raise
    assert len(ckmerge.open("out.safetensors", framework="memoryview").metadata["prompt"]) == 2_000_000


def test_inputs_of_run_in_order(scene):
    ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=0.25)
    for inputs in ({"A": scene / "A.safetensors", "B": "B.safetensors"}, ["A=A.safetensors", "B=B.safetensors"]):
        ckmerge.run("out.safetensors", "again.safetensors", inputs, force=True)
        assert (scene / "again.safetensors").read_bytes() == (scene / "out.safetensors").read_bytes()


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, "save"} - {"inspect", "methods", "doctor"}))
def test_help_says_what_keywords_mean(name):
    function = getattr(ckmerge, name)
    told = inspect.getdoc(function).partition("Keywords (None: not given):\n")[2]
    assert told
    of_its_own = {"tensors", "path", "metadata", "force", "folders"}
    missing = [keyword for keyword in keywords_of(function) - of_its_own if not re.search(rf"^    {keyword}: \w", told, re.MULTILINE)]
    assert not missing
    assert not re.search(r"(?<![\w-])--[a-z]", told)


def test_what_a_merge_is_comes_first():
    assert list(inspect.signature(ckmerge.merge).parameters)[:8] == ["inputs", "output", "method", "alpha", "weights", "formula",
                                                                     "only", "dtype"]


def test_meanings_are_the_librarys():
    import subprocess
    import sys

    from conftest import ROOT

    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "python_help.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
