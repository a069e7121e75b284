# SPDX-License-Identifier: Apache-2.0
"""What is said of the module: examples run, types hold, the syntax is that of Python 3.9."""
import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys

import ckmerge
import pytest
from conftest import ROOT

PACKAGE = ROOT / "python" / "ckmerge"
MODULES = sorted(module.name for module in pkgutil.iter_modules([str(PACKAGE)]))
PAGES = ["README.md", "docs/python.md"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name, doctest_namespace):
    if name in ("_torch", "_numpy"):
        pytest.importorskip(name[1:], reason=f"NOT RUN: examples of {name} (it is missing)")
    module = importlib.import_module(f"ckmerge.{name}")
    results = doctest.testmod(module, extraglobs=doctest_namespace, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_pages(page, doctest_namespace):
    pytest.importorskip("numpy", reason=f"NOT RUN: the examples of {page} (no numpy)")
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:python|pycon)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks, f"{page} has no example"
    names = dict(doctest_namespace)
    for block in blocks:
        if ">>>" not in block:
            exec(compile(block, page, "exec"), names)
            continue
        test = doctest.DocTestParser().get_doctest(block, names, page, page, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(test, clear_globs=False)
        assert runner.failures == 0
        names.update(test.globs)


def test_types():
    pytest.importorskip("mypy", reason="NOT RUN: mypy --strict (no mypy)")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", "--cache-dir", "/dev/null"],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


CALLERS = """
import ckmerge
report: ckmerge.Report = ckmerge.merge(["A", "B"], "out", alpha=0.3, only=["x"], dtype="f16", progress=True)
ckmerge.merge(["A", "B"], "out", weights={"IN04": 0.2})
ckmerge.plan({"A": "a.safetensors"}, formula="A").steps
ckmerge.merge([b"A", "B"], b"out"); ckmerge.open(b"A")
ckmerge.merge(["A", "B"], "out", alhpa=0.3)
ckmerge.merge(["A", "B"], "out", force="yes")
"""


def test_users_are_checked(tmp_path):
    pytest.importorskip("mypy", reason="NOT RUN: mypy of users' programs (no mypy)")
    (tmp_path / "user.py").write_text(CALLERS)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", "/dev/null", str(tmp_path / "user.py")],
                          env={"MYPYPATH": str(ROOT / "python"), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, cwd=tmp_path)
    found = re.findall(r"user.py:(\d+): error", done.stdout)
    assert found == ["7", "8"], done.stdout


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_syntax_of_python_39(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))
    # _meanings.py is made from the table of options, and as long as that.
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300 or path.name == "_meanings.py"
    for node in ast.walk(tree):
        # X | Y outside of annotations, which are not evaluated, is of 3.10.
        assert not isinstance(node, ast.Match), path
        if isinstance(node, (ast.Assign,)) and isinstance(node.value, ast.BinOp):
            assert not isinstance(node.value.op, ast.BitOr) or "Union" not in ast.dump(node), path


def test_everything_public_is_told():
    for name in ckmerge.__all__:
        value = getattr(ckmerge, name)
        if isinstance(value, (type, type(ckmerge.merge))):
            assert value.__doc__, name
    told = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    missing = [name for name in ckmerge.__all__ if not re.search(rf"\b{name}\b", told)]
    assert not missing, missing


def test_every_name_has_its_room():
    assert sorted(name for names in ckmerge._ROOMS.values() for name in names) == sorted(ckmerge.__all__)
    assert set(ckmerge.__all__) <= set(dir(ckmerge))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ckmerge.nothing


def test_imports_are_light():
    code = "import sys; import ckmerge; print(sorted({'numpy', 'torch', 'tqdm', 'ml_dtypes'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "python")})
    assert done.stdout == "[]\n", done.stderr


def test_notebooks():
    planned = ckmerge.plan(["A.safetensors", "B.safetensors"], "<b>.safetensors")
    assert "&lt;b&gt;.safetensors" in planned._repr_html_() and "weighted_sum" in planned._repr_html_()
    found = ckmerge.inspect(["A.safetensors", "B.safetensors"])
    assert "<td style='text-align:left'>A.safetensors, 1 tensor, 4 parameters, F32, 96 B" in found._repr_html_().replace(" B</td>", " B")
    assert repr(found).startswith("<Report file: A.safetensors, 1 tensor, 4 parameters, F32")
    assert "SHA-256 " in repr(ckmerge.hash("A.safetensors"))
    assert "weighted_sum" in repr(ckmerge.methods("weighted_sum")) + ckmerge.methods("weighted_sum")._repr_html_()
    assert repr(planned).startswith("<Plan method: weighted_sum, alpha 0.5")


def test_annotations_are_found_at_run_time():
    import typing

    for name in ckmerge.__all__:
        value = getattr(ckmerge, name)
        if isinstance(value, (type, type(ckmerge.merge))):
            assert typing.get_type_hints(value) is not None
    assert "alpha" in typing.get_type_hints(importlib.import_module("ckmerge._signatures").Merges)
