# SPDX-License-Identifier: Apache-2.0
"""Results that are there already, kept on disk: the server's own cache holds the last prompt only. A folder for what is asked, in it a file for
each result: which file holds it, the SHA-256 of its inputs, and the files that had these sums when they were last looked at. So a result is found
again after a restart, a renaming or another prompt, and inputs that did not change are not read for it."""
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Mapping, Optional

import ckmerge
import folder_paths

MOST_SEEN = 16  # sets of files with the same sums that a result remembers
Sums = dict[str, str]  # the SHA-256 of each input, by its name in the node


@dataclass
class Asked:
    """A command and its options, and the files that are its inputs, by their names in the node."""

    command: str
    options: Mapping[str, Any]  # but those that are files
    target: str  # where results of it lie and how they are called
    inputs: dict[str, str]

    def folder(self) -> str:
        told = {"ckmerge": ckmerge.__version__, "command": self.command, "options": self.options, "target": self.target}
        return os.path.join(folder(), digest(told))

    def seen(self) -> dict[str, list[int]]:
        return {name: identity(path) for name, path in self.inputs.items()}


@dataclass
class Kept:
    path: str
    state: list[int]
    seen: list[dict[str, list[int]]] = field(default_factory=list)
    sums: Optional[Sums] = None  # None: they could not be had

    def there(self) -> bool:
        return state(self.path) == self.state

    def sizes(self) -> dict[str, int]:
        return {name: found[0] for name, found in self.seen[-1].items()}


def folder() -> str:
    if hasattr(folder_paths, "get_system_user_directory"):  # not served to browsers
        return os.path.join(folder_paths.get_system_user_directory("ckmerge"), "results")
    return os.path.join(folder_paths.get_user_directory(), "__ckmerge", "results")


def digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def state(path: str) -> list[int] | None:
    """Changes with a file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def identity(path: str) -> list[int]:
    """The size first. Whoever writes a file anew cannot set the status time back."""
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]


def known(asked: Asked) -> list[tuple[str, Kept]]:
    """(file, result) of each result of this that is there unchanged."""
    try:
        names = sorted(name for name in os.listdir(asked.folder()) if name.endswith(".json"))
    except OSError:
        return []
    found = []
    for name in names:
        place = os.path.join(asked.folder(), name)
        try:
            with open(place, encoding="utf-8") as file:
                kept = Kept(**json.load(file))
            if kept.there() and kept.sizes():
                found.append((place, kept))
        except (OSError, ValueError, TypeError, LookupError, AttributeError):  # of another version, or damaged
            continue
    return found


def find(asked: Asked, sums_of: Callable[[Mapping[str, str]], Optional[Sums]]) -> str | None:
    """The file that holds this result, unless it is gone or was changed since. Inputs are read, by `sums_of`, where a result is of others of the
    same sizes alone."""
    results, seen = known(asked), asked.seen()
    for _, kept in results:
        if seen in kept.seen:
            return kept.path
    sizes = {name: found[0] for name, found in seen.items()}
    alike = [(place, kept) for place, kept in results if kept.sums and kept.sizes() == sizes]
    sums = sums_of(asked.inputs) if alike else None
    for place, kept in alike:
        if kept.sums == sums and asked.seen() == seen:
            kept.seen = [*kept.seen, seen][-MOST_SEEN:]
            write(place, kept)
            return kept.path
    return None


def keep(asked: Asked, seen: dict[str, list[int]], path: str, sums: Optional[Sums]) -> None:
    """Remembers a result of files that were `seen` before it was made, unless they changed meanwhile."""
    found = state(path)
    if found is None or asked.seen() != seen or not seen:
        return
    of = {"sums": sums} if sums else {"seen": seen}
    write(os.path.join(asked.folder(), digest(of) + ".json"), Kept(path, found, [seen], sums))


def write(place: str, kept: Kept) -> None:
    """What cannot be remembered is made again, no more."""
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(place), suffix=".new", delete=False, encoding="utf-8") as file:
            json.dump(asdict(kept), file)
        os.replace(file.name, place)
    except OSError:
        pass


class Watched:
    """Results of this server by what their names begin with, so that a node whose result is gone runs again, though nothing that it was given
    changed and the server has its outputs yet."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, list[int] | None]] = {}
        self._gone: dict[str, int] = {}

    def add(self, prefix: str, path: str) -> None:
        self._states.setdefault(prefix, {})[path] = state(path)

    def times_gone(self, prefix: str) -> int:
        """How often results of this prefix were found to be gone or changed. Of what is made again it is not told twice."""
        states = self._states.get(prefix, {})
        if changed := [path for path, was in states.items() if state(path) != was]:
            self._gone[prefix] = self._gone.get(prefix, 0) + 1
            for path in changed:
                del states[path]
        return self._gone.get(prefix, 0)


watched = Watched()
