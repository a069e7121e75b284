# SPDX-License-Identifier: Apache-2.0
"""Results that are there already, kept on disk: the server's own cache holds the last prompt only. The key is made of what the
inputs hold (SHA-256) and of what is asked, so that a result is found again after a restart, a renaming or another prompt."""
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from typing import Any, Mapping

import ckmerge
import folder_paths


def folder() -> str:
    if hasattr(folder_paths, "get_system_user_directory"):  # not served to browsers
        return os.path.join(folder_paths.get_system_user_directory("ckmerge"), "results")
    return os.path.join(folder_paths.get_user_directory(), "__ckmerge", "results")


def key(command: str, digests: Mapping[str, str], options: Mapping[str, Any], target: str) -> str:
    asked = {"ckmerge": ckmerge.__version__, "command": command, "inputs": digests, "options": options, "target": target}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def state(path: str) -> list[int]:
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]


def find(of: str) -> str | None:
    """The file that holds this result, unless it is gone or was changed since."""
    try:
        with open(os.path.join(folder(), of + ".json"), encoding="utf-8") as file:
            kept = json.load(file)
        return kept["path"] if state(kept["path"]) == kept["state"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(of: str, path: str) -> None:
    """Remembers a result. What cannot be remembered is made again, no more."""
    try:
        os.makedirs(folder(), exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder(), suffix=".new", delete=False, encoding="utf-8") as file:
            json.dump({"path": path, "state": state(path)}, file)
        os.replace(file.name, os.path.join(folder(), of + ".json"))
    except OSError:
        pass
