# SPDX-License-Identifier: Apache-2.0
"""What every case has: the server, its folders, the program, and how workflows are written and files compared."""
import os
import pathlib
import subprocess

import models


class Fault(Exception):
    """A case found what must not be."""


def check(what, told):
    if not what:
        raise Fault(told)


class Workflow:
    """Nodes in API form. `add` gives the number of the node; `link(number, output)` is what goes into an input."""

    def __init__(self):
        self.nodes = {}

    def add(self, kind, **inputs):
        number = str(len(self.nodes) + 1)
        self.nodes[number] = {"class_type": kind, "inputs": inputs}
        return number

    @staticmethod
    def link(number, output=0):
        return [number, output]


class Bench:
    def __init__(self, server, home, ckmerge, scratch):
        self.server, self.home, self.ckmerge, self.scratch = server, pathlib.Path(home), ckmerge, pathlib.Path(scratch)
        self.python = self.source = None  # ComfyUI's
        self.checkpoints, self.output = self.home / "models/checkpoints", self.home / "output"

    def program(self, *words):
        """Runs ckmerge; its output and error."""
        variables = {**os.environ, "XDG_DATA_HOME": "/nonexistent", "XDG_CACHE_HOME": str(self.scratch / "cache")}
        done = subprocess.run([self.ckmerge, *map(str, words)], capture_output=True, text=True, env=variables)
        check(done.returncode == 0, f"ckmerge {words}: {done.stderr}")
        return done

    def filled(self, kind, **inputs):
        """All widgets of a node at their defaults, save those given; a combo without a default has its first."""
        declared, values = self.server.nodes[kind]["input"], {}
        for group in ("required", "optional"):
            for name, (type_, *options) in declared.get(group, {}).items():
                options = options[0] if options else {}
                if "default" in options:
                    values[name] = options["default"]
                elif isinstance(type_, list) or type_ == "COMBO":
                    values[name] = (type_ if isinstance(type_, list) else options["options"])[0]
        return {**values, **inputs}

    def one(self, kind, **inputs):
        """A workflow of one node of files."""
        workflow = Workflow()
        workflow.add(kind, **self.filled(kind, **inputs))
        return workflow.nodes

    def run(self, prompt, status="success", **keywords):
        outcome = self.server.run(prompt, **keywords)
        check(outcome.status == status, f"{outcome.status} instead of {status}: {outcome.error}")
        return outcome

    def written(self, folder="checkpoints"):
        found = (self.output / folder).rglob("*") if (self.output / folder).exists() else ()
        return sorted(str(path.relative_to(self.output / folder)) for path in found if path.is_file())

    def newest(self, folder="checkpoints"):
        return max((path for path in (self.output / folder).rglob("*.safetensors")), key=lambda path: path.stat().st_mtime_ns)

    def same(self, path, expected):
        check(pathlib.Path(path).read_bytes() == pathlib.Path(expected).read_bytes(), f"{path} differs from the command line's {differences(path, expected)}")


def differences(one, other):
    """Which tensors and fields differ, in a few words."""
    (told, mine), (expected, theirs) = models.read(one), models.read(other)
    found = [name for name in sorted(mine.keys() | theirs.keys()) if mine.get(name) != theirs.get(name)]
    fields = [name for name in sorted((told or {}).keys() | (expected or {}).keys()) if (told or {}).get(name) != (expected or {}).get(name)]
    return f"in {len(found)} tensors {found[:4]}, fields {[(name, (told or {}).get(name), (expected or {}).get(name)) for name in fields][:3]}"
