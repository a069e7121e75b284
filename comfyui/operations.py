# SPDX-License-Identifier: Apache-2.0
"""Nodes of ckmerge's other commands that make a file: convert, bake, compose, average, and what comes after them. Their widgets are the
options that merge does not have; the rest is in the node Options."""
from __future__ import annotations

import itertools
import re
from typing import Any, Mapping

from . import engine, file_work, lists, text, widgets
from .merges import LETTERS, dtype_widgets, dtypes, input_widgets
from .node import Hidden, Node, Output, Result, Widget

# Options whose value is a file of ComfyUI's lists.
FILES = {"unet": ("diffusion_models", "checkpoints"), "te": ("text_encoders", "checkpoints"), "te2": ("text_encoders", "checkpoints"),
         "te3": ("text_encoders", "checkpoints"), "vae": ("vae", "checkpoints")}
# What merge has too, and is the point of the command.
ITS_OWN = {"bake": {"vae"}, "compose": {"vae"}, "average": {"beta", "gamma"}}
TITLES = {"convert": "Convert a file", "bake": "Bake a VAE into a file", "compose": "Compose a checkpoint of files", "average": "Average files"}
NOT_NODES = {"merge", "plan", "run"}  # nodes of their own; a recipe file is not in ComfyUI's lists
LIST_OF_PART = {"unet": "diffusion_models", "te": "text_encoders", "vae": "vae"}


def own_options(command: str) -> list[Mapping[str, Any]]:
    return [option for option in engine.tables()["options"] if command in option["commands"] and option["name"] not in widgets.NOT_OFFERED
            and ("merge" not in option["commands"] or option["name"] in ITS_OWN.get(command, set()))]


def operand_letters(operands: str) -> tuple[int, int]:
    """How many files a command takes, least and most, from how its help writes them: `IN OUT`, `A B [C ...]`, or none."""
    words = operands.split()
    files = list(itertools.takewhile(lambda word: not word.startswith("-"), (word for word in words if word != "OUT")))
    least = sum(not word.startswith("[") and word != "...]" for word in files)
    return least, len(LETTERS) if "..." in operands else least


def option_widget(option: Mapping[str, Any]) -> Widget:
    if among := FILES.get(option["name"]):
        return Widget(widgets.keyword(option["name"]), "COMBO", lists.NONE, lists.names(among, optional=True), tooltip=option["meaning"])
    return widgets.of_option(option)


def options_given(options: list[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    found = widgets.given([option for option in options if option["name"] not in FILES], values)
    for option in options:
        value = values.get(widgets.keyword(option["name"]))
        if option["name"] in FILES and value not in (None, "", lists.NONE):
            found[widgets.keyword(option["name"])] = lists.resolve(value, FILES[option["name"]])[1]
    return found


# Names change before parts are told, so what is not of the part is left out by its names.
SCHEDULES = r"^(betas|alphas_\w+|sqrt_\w+|log_\w+|logvar|posterior_\w+|scale_factor|v_pred|ztsnr|(edm_vpred|denoiser)\.\w+)$"
OF_MODEL, OF_ENCODERS, OF_VAE = r"^(model|model_ema)\.", r"^(cond_stage_model|conditioner|text_encoders)\.", r"^(first_stage_model|vae)\."
ENCODER = re.compile(r"(cond_stage_model|conditioner\.embedders\.\d+|text_encoders\.\w+)\.(transformer|model)\.")


def encoders(path: str) -> set[str]:
    """What the names of each text encoder of this checkpoint begin with."""
    names = (tensor["name"] for tensor in engine.call("inspect", [path])["files"][0]["tensors"])
    return {found[0] for found in map(ENCODER.match, names) if found}


def loadable(options: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Of a VAE and of a text encoder that are taken out of a checkpoint ComfyUI's loaders want the bare names. Several encoders (SDXL, SD 3) are several
    files for them: one file of all keeps its names, which compose takes."""
    part = options.get("part", "")
    rest = {name: value for name, value in options.items() if name != "part"}
    if own := [told for told in options.get("dtype", ()) if told.startswith(f"{part}=")]:  # bare names tell no part
        rest["dtype"] = [own[-1].partition("=")[2], *(told for told in options["dtype"] if "=" in told and told not in own)]
    if part == "vae":
        return {**rest, "rename": [rf"{OF_VAE}="], "discard": [OF_MODEL, OF_ENCODERS, r"^[^.]+$"]}
    if part == "te" and len(found := encoders(paths[0])) == 1:
        return {**rest, "rename": [f"^{re.escape(found.pop())}="], "discard": [OF_MODEL, OF_ENCODERS, OF_VAE, SCHEDULES]}
    return options


def result_list(files: list[tuple[str, str]], given: Mapping[str, Any]) -> str:
    if part := LIST_OF_PART.get(str(given.get("part", ""))):
        return part
    return files[0][0] if files else lists.CHECKPOINTS


def operation(command: Mapping[str, Any]) -> Node:
    name = command["name"]
    least, most = operand_letters(command["operands"])
    letters = LETTERS[:most]

    def node_widgets() -> list[Widget]:
        return [*(input_widgets(least, most) if most else []), *map(option_widget, own_options(name)), *dtype_widgets(),
                *file_work.target_widgets(f"ckmerge/{name}")]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        files = file_work.chosen(values, letters)
        options = options_given(own_options(name), values)
        if told := dtypes(values):
            options["dtype"] = told
        paths = [path for _, path in files]
        work = file_work.Work(name, paths, loadable(options, paths), result_list(files, options))
        return file_work.do(work, values, hidden)

    return Node(f"ckmerge_{name}", TITLES.get(name, f"{name.capitalize()} files"), "ckmerge", command["meaning"], node_widgets, file_work.OUTPUTS, run,
                True, file_work.fingerprint)


def inspect() -> Node:
    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        path = lists.resolve(values["file"])[1]
        told = text.inspected(engine.call("inspect", [path], blocks=values.get("blocks", False))["files"][0])
        return Result((told,), told)

    def node_widgets() -> list[Widget]:
        return [Widget("file", "COMBO", choices=lists.names()), Widget("blocks", "BOOLEAN", False, tooltip="List the blocks, as block weights know them.")]

    return Node("ckmerge_inspect", "Inspect a file", "ckmerge", "Shows a checkpoint's tensors, dtypes, blocks and metadata, without loading it.",
                node_widgets, (Output("STRING", "text"),), run, True, file_work.fingerprint)


def options() -> Node:
    offered = [option for option in widgets.options_of("merge") if option["name"] not in widgets.NOT_OFFERED | widgets.ON_MERGE_NODES | set(FILES)]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        return Result((widgets.given(offered, values),))

    return Node("ckmerge_options", "Options", "ckmerge", "Options for the nodes of ckmerge that make a file: names, policies, metadata, memory.",
                lambda: [widgets.of_option(option) for option in offered], (Output("CKMERGE_OPTIONS", "options"),), run)


def nodes() -> list[Node]:
    makers = {option_command for option in engine.tables()["options"] if option["name"] == "filename-prefix" for option_command in option["commands"]}
    return [inspect(), options(), *(operation(command) for command in engine.tables()["commands"] if command["name"] in makers - NOT_NODES)]
