# SPDX-License-Identifier: Apache-2.0
"""What every node that makes a file of files does: plan it or make it, find it made already, hand its name on and load it."""
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from comfy.cli_args import args
from comfy_execution.graph_utils import ExecutionBlocker

from . import engine, lists, loading, results, text, widgets
from .node import ANY, Hidden, NodeError, Output, Result, Widget

OUTPUTS = (Output(ANY, "name", "the new file's name, for any loader's list and for other nodes of ckmerge"),
           Output("MODEL", "model", "with `load`"), Output("CLIP", "clip", "with `load`"), Output("VAE", "vae", "with `load`"))


@dataclass
class Work:
    """A command of ckmerge with all that it needs."""

    command: str
    inputs: list[Any]  # paths, or for formulas {letter: path}
    options: dict[str, Any] = field(default_factory=dict)
    list_name: str = lists.CHECKPOINTS  # which list the result belongs to


def target_widgets(prefix: str) -> list[Widget]:
    return [
        Widget("filename_prefix", "STRING", prefix, tooltip="The new file is called PREFIX_00001_.safetensors, with the next free number, in the "
               "folder of the output folder that the loaders look into. It may hold folders and %year%, %month%, %day%, %hour%, %minute%, %second%."),
        Widget("save_workflow", "BOOLEAN", True, tooltip="Write this workflow into the file, as ComfyUI's Save nodes do."),
        Widget("load", "BOOLEAN", False, tooltip="Load the new file: MODEL, CLIP and VAE."),
        Widget("plan_only", "BOOLEAN", False, tooltip="Show what would be done, and write nothing."),
        Widget("clip_type", "COMBO", "stable_diffusion", loading.clip_types(), "The `type` of Load CLIP, where `load` loads a text encoder alone.", optional=True),
        Widget("options", "CKMERGE_OPTIONS", optional=True, tooltip="More options, from the node Options.")]


def chosen(values: Mapping[str, Any], names: Sequence[str], among: Sequence[str] = lists.LISTS) -> list[tuple[str, str]]:
    """(list, path) of each of these inputs that was chosen."""
    given = [values.get(name) for name in names]
    return [lists.resolve(value, among) for value in given if value not in (None, "", lists.NONE)]


def fingerprint(values: Mapping[str, Any]) -> str:
    """Changes with the files that are named, so that one that was replaced under its name is read again, where a result is gone, and with the time in the new name."""
    found: list[Any] = []
    for value in values.values():
        try:
            found.append(results.state(lists.resolve(value)[1]) if isinstance(value, str) and "\n" not in value else None)
        except Exception:  # no file's name
            found.append(None)
    prefix = str(values.get("filename_prefix"))
    found += [results.watched.times_gone(prefix), lists.with_fields(prefix)]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def workflow(hidden: Hidden) -> dict[str, str]:
    """The fields that ComfyUI's Save nodes write, without what the server added to the prompt while it ran."""
    if args.disable_metadata:
        return {}
    fields = {}
    if hidden.prompt is not None:
        fields["prompt"] = json.dumps({number: {name: value for name, value in node.items() if name != "is_changed"}
                                       for number, node in hidden.prompt.items()})
    return fields | {name: json.dumps(value) for name, value in (hidden.extra_pnginfo or {}).items()}


def is_path(value: Any) -> bool:
    return isinstance(value, str) and os.path.isabs(value)


def files_of(work: Work) -> dict[str, str]:
    """The inputs by letter, number or option."""
    named = work.inputs if isinstance(work.inputs, dict) else dict(enumerate(work.inputs))
    return {str(name): path for name, path in named.items()} | {name: value for name, value in work.options.items() if is_path(value)}


def sums_of(files: Mapping[str, str]) -> results.Sums | None:
    """The SHA-256 of each, which ckmerge's cache has of files that did not change; None where one cannot be read."""
    try:
        document = engine.call("hash", list(dict.fromkeys(files.values())))
    except NodeError:
        return None
    sums = {file["path"]: file["sha256"] for file in document["files"]}
    return {name: sums[path] for name, path in files.items()}


def recorded_sums(document: Mapping[str, Any], files: Mapping[str, str]) -> results.Sums | None:
    """The same, as a command found them while it read the files."""
    if not document.get("hashes"):
        return None
    sums = {file["path"]: found for file, found in zip(document["inputs"], document["hashes"]["inputs"])}
    return {name: sums[path] for name, path in files.items()} if all(sums.get(path) for path in files.values()) else None


def can_hash(command: str) -> bool:
    return any(option["name"] == "hash-inputs" and command in option["commands"] for option in engine.tables()["options"])


def planned(work: Work) -> Result:
    document = engine.call(work.command, work.inputs, **work.options, dry_run=True)
    return Result(tuple(ExecutionBlocker(None) for _ in OUTPUTS), text.plan(document))


def run(work: Work, **options: Any) -> dict[str, Any]:
    """The document of the work, with the inputs' sums from the same reading, where they can be had."""
    if can_hash(work.command):
        try:
            return engine.call(work.command, work.inputs, **options, hash_inputs=True)
        except NodeError as error:
            if not error.where.lstrip("-").startswith("hash"):
                raise
    return engine.call(work.command, work.inputs, **options)


def made(work: Work, prefix: str, fields: Mapping[str, str]) -> tuple[str, str]:
    """The path of the result, and what to tell of it."""
    folder, files = lists.target_folder(work.list_name), files_of(work)
    by_name = {name: value for name, value in work.options.items() if not is_path(value)}
    asked = results.Asked(work.command, by_name, os.path.join(folder, prefix), files)
    if (found := results.find(asked, sums_of)) and not lists.is_hidden(found, work.list_name):
        return found, f"{lists.name_of(found, work.list_name)}: there already, of the same inputs and the same recipe"
    options = dict(work.options)
    if fields:
        options["set_metadata"] = {**options.get("set_metadata", {}), **fields}
    seen = asked.seen()
    document = run(work, **lists.target(work.list_name, prefix), **options)
    path = document["output"]["path"]
    results.keep(asked, seen, path, recorded_sums(document, files))
    return path, text.report(document, lists.name_of(path, work.list_name))


def do(work: Work, values: Mapping[str, Any], hidden: Hidden) -> Result:
    work.options = {**work.options, **widgets.options_for(work.command, values.get("options"))}
    if values.get("plan_only"):
        return planned(work)
    path, told = made(work, lists.with_fields(values["filename_prefix"]), workflow(hidden) if values.get("save_workflow") else {})
    results.watched.add(str(values["filename_prefix"]), path)
    loaded = [ExecutionBlocker("switch `load` on for MODEL, CLIP and VAE")] * 3
    if values.get("load"):
        loaded = loading.load(work.list_name, path, values.get("clip_type") or "stable_diffusion")
    return Result((lists.name_of(path, work.list_name), *loaded), told)
