# SPDX-License-Identifier: Apache-2.0
"""Widgets made from ckmerge's own tables of methods and options, so that what is new there is here by itself."""
from __future__ import annotations

from typing import Any, Iterable, Mapping

from . import engine
from .node import NodeError, Widget
from .text import title

UNSET = "(default)"
# Of a run and its machine, or decided by the node itself.
NOT_OFFERED = {"output", "filename-prefix", "force", "dry-run", "json", "progress", "quiet", "verbose", "help", "hash-cache", "registry",
               "hash", "hash-inputs", "config-from", "no-register", "notify", "save-recipe", "sweep", "config", "wrap", "format", "tensors", "blocks",
               "lora", "allow-unmatched", "tied", "dora"}  # adapters are added by ComfyUI's own LoraLoader
# A widget of their own on the nodes of merges.
ON_MERGE_NODES = {"method", "weight", "mbw", "base-alpha", "mbw-preset", "mbw-presets", "formula", "param", "dtype"}


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def of_parameter(parameter: Mapping[str, str]) -> Widget:
    """A parameter of a method. Numbers per checkpoint, and defaults that are no number, are texts: empty is the default."""
    name, default, meaning = parameter["name"], parameter["default"], parameter["meaning"]
    if parameter["kind"] == "flag":
        return Widget(name, "BOOLEAN", default == "on", tooltip=meaning)
    if parameter["kind"] == "number" and (value := number(default)) is not None:
        if "whole number" in meaning:  # without the control that rolls a new one for each run
            return Widget(name, "INT", int(value), tooltip=meaning, extra={"min": 0, "max": 2**53 - 1, "control_after_generate": False})
        step = 0.0001 if 0 < abs(value) < 0.01 else 0.01
        return Widget(name, "FLOAT", value, tooltip=meaning, extra={"min": -100000.0, "max": 100000.0, "step": step, "round": False})
    return Widget(name, "STRING", "", tooltip=f"{meaning}; empty: {default}", extra={"placeholder": default})


def spelled(value: Any) -> str:
    """A number as it is typed: 1, not 1.0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def parameters(method: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """K=V of each parameter whose widget is not at its default."""
    given = []
    for parameter in method["parameters"]:
        widget, value = of_parameter(parameter), values.get(parameter["name"])
        if value not in (None, widget.default):
            given.append(f"{parameter['name']}={spelled(value)}")
    return given


def options_of(command: str) -> list[Mapping[str, Any]]:
    return [option for option in engine.tables()["options"] if command in option["commands"] and not option.get("of_method")]


def keyword(name: str) -> str:
    return name.replace("-", "_")


def of_option(option: Mapping[str, Any]) -> Widget:
    name, kind, meaning = keyword(option["name"]), option["kind"], option["meaning"]
    if kind == "flag":
        return Widget(name, "BOOLEAN", False, tooltip=meaning)
    if kind == "toggle":
        return Widget(name, "COMBO", UNSET, (UNSET, "yes", "no"), tooltip=meaning)
    if kind == "list":
        return Widget(name, "STRING", "", tooltip=f"{meaning}; one a line", extra={"multiline": True, "placeholder": f"{option['name']}, one a line"})
    if option.get("choices"):
        return Widget(name, "COMBO", UNSET, (UNSET, *option["choices"]), tooltip=meaning)
    return Widget(name, "STRING", "", tooltip=meaning, extra={"placeholder": option.get("value_name") or ""})


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def given(options: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was set of these options, as keywords of a call."""
    found: dict[str, Any] = {}
    for option in options:
        name, value = keyword(option["name"]), values.get(keyword(option["name"]))
        if value in (None, "", False, UNSET):
            continue
        if option["kind"] == "list":
            if told := lines(value):
                found[name] = told
        elif option["kind"] == "toggle":
            found[name] = value == "yes"
        else:
            found[name] = value
    return found


def nodes_with(option: str) -> list[str]:
    """The nodes that this option of the node Options is for."""
    found = dict.fromkeys(title(command) for listed in engine.tables()["options"] if listed["name"] == option for command in listed["commands"])
    return [name for name in found if name != title("run")]


def options_for(command: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the node Options tells a node of this command. An option that the command lacks would be skipped without a word, so it is refused."""
    told = dict(told or {})
    known = {keyword(option["name"]) for option in engine.tables()["options"] if command in option["commands"]}
    if wrong := [name for name in told if name not in known]:
        nodes = ", ".join(nodes_with(wrong[0].replace("_", "-")))
        raise NodeError(f"{', '.join(wrong)} in Options {'is' if len(wrong) == 1 else 'are'} not for {title(command)}: {wrong[0]} is for {nodes}; "
                        f"empty {'it' if len(wrong) == 1 else 'them'} there, or link another Options")
    if isinstance(fields := told.get("set_metadata"), list):
        told["set_metadata"] = pairs("set_metadata", fields)
    return told


def pairs(widget: str, lines: list[str]) -> dict[str, str]:
    """NAME=VALUE of each line."""
    if wrong := [line for line in lines if "=" not in line]:
        raise NodeError(f"{widget}: '{wrong[0]}' is not of the form NAME=VALUE")
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def block_weights(text: str) -> dict[str, list[str]]:
    """`IN04=0.2` and supermerger's `OUT03-OUT06:attn2:0.3` a line each, or its list of numbers."""
    found: dict[str, list[str]] = {"weight": [], "mbw": []}
    for line in lines(text):
        if line.startswith("#"):
            continue
        is_list = "=" not in line and "," in line and all(number(part) is not None for part in line.split(":")[-1].split(","))
        if not is_list and "=" not in line and ":" not in line:
            raise NodeError(f"block_weights: '{line}' is neither BLOCK=NUMBER, such as IN04=0.2, nor a list of numbers by block")
        found["mbw" if is_list else "weight"].append(line)
    return {name: told for name, told in found.items() if told}
