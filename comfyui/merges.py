# SPDX-License-Identifier: Apache-2.0
"""Nodes that merge files: one for each method, with the widgets of its parameters, one for formulas, one that plans any of them."""
from __future__ import annotations

from typing import Any, Mapping

from . import engine, file_work, lists, widgets
from .node import Hidden, Node, NodeError, Output, Result, Widget

CATEGORY = "ckmerge/merge"
LETTERS = "ABCDEFGH"
SAME, KEEP = "(as dtype)", "keep"
PARTS = {"unet": "diffusion model", "te": "text encoders", "vae": "VAE"}


def input_widgets(least: int, most: int | None) -> list[Widget]:
    most = len(LETTERS) if most is None else min(most, len(LETTERS))
    return [Widget(letter, "COMBO", choices=lists.names(optional=k >= least), default=lists.NONE if k >= least else None,
                   tooltip="A checkpoint, or a diffusion model, a text encoder or a VAE alone (behind the name of their list).")
            for k, letter in enumerate(LETTERS[:most])]


def dtype_widgets() -> list[Widget]:
    floats = [KEEP, *(dtype["name"].lower() for dtype in engine.tables()["dtypes"] if dtype["kind"] == "real")]
    return [Widget("dtype", "COMBO", KEEP, floats, tooltip="What float tensors are stored as; keep: as in A."),
            *(Widget(f"dtype_{part}", "COMBO", SAME, (SAME, *floats), tooltip=f"The same for the {told}.") for part, told in PARTS.items())]


def dtypes(values: Mapping[str, Any]) -> list[str]:
    told = [] if values.get("dtype", KEEP) == KEEP else [values["dtype"]]
    return told + [f"{part}={values[f'dtype_{part}']}" for part in PARTS if values.get(f"dtype_{part}", SAME) != SAME]


WEIGHTS = Widget("block_weights", "STRING", "", optional=True, tooltip="Other numbers for some blocks or names, the last that selects a tensor holds: "
                 "IN04=0.2, OUT*=[0,1], /attn2/=0, a line each; or supermerger's list of 26, 25, 20 or 61 numbers; or the node Block weights.",
                 extra={"multiline": True, "placeholder": "IN00..IN08=0.2\nOUT*=0.7"})


def recipe_options(values: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = dict(widgets.block_weights(values.get("block_weights") or ""))
    if told := dtypes(values):
        options["dtype"] = told
    return options


def of_method(method: Mapping[str, Any]) -> Node:
    def node_widgets() -> list[Widget]:
        return [*input_widgets(method["min_inputs"], method["max_inputs"]), *map(widgets.of_parameter, method["parameters"]), WEIGHTS,
                *dtype_widgets(), *file_work.target_widgets(f"ckmerge/{method['name']}")]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        files = file_work.chosen(values, LETTERS)
        options = {"method": method["name"], "param": widgets.parameters(method, values), **recipe_options(values)}
        if not options["param"]:
            del options["param"]
        return file_work.do(file_work.Work("merge", [path for _, path in files], options, files[0][0]), values, hidden)

    told = f"{method['summary']}: {method['formula']}. Source: {method['source']}. Files are merged, none is loaded."
    return Node(f"ckmerge_{method['name']}", f"Merge files: {method['name']}", CATEGORY, told, node_widgets, file_work.OUTPUTS, run, True,
                file_work.fingerprint)


def named_inputs(values: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    chosen = [letter for letter in LETTERS if values.get(letter) not in (None, "", lists.NONE)]
    if gap := next((letter for letter, had in zip(LETTERS, chosen) if letter != had), None):
        raise NodeError(f"{chosen[LETTERS.index(gap)]} is chosen and {gap} is not: choose the files of a formula from A on, without a gap")
    return {letter: lists.resolve(values[letter]) for letter in chosen}


def formula_work(values: Mapping[str, Any]) -> file_work.Work:
    files = named_inputs(values)
    options = {"formula": values["formula"], **recipe_options(values)}
    if told := widgets.lines(values.get("parameters") or ""):
        options["param"] = told
    return file_work.Work("merge", {letter: path for letter, (_, path) in files.items()}, options, files["A"][0])


PARAMETERS = Widget("parameters", "STRING", "", optional=True, tooltip="NAME=NUMBER, one a line: parameters of the method, or numbers of the formula that "
                    "have a name.", extra={"multiline": True, "placeholder": "alpha=0.3"})


def formula() -> Node:
    def node_widgets() -> list[Widget]:
        text = Widget("formula", "STRING", "A + 0.7*(B - C)", tooltip="What to compute of the files A, B, C, ...: + - * / and the methods as functions, "
                      "slerp(A, B, t=0.3).", extra={"multiline": True})
        return [*input_widgets(1, None), text, PARAMETERS, WEIGHTS, *dtype_widgets(), *file_work.target_widgets("ckmerge/formula")]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        return file_work.do(formula_work(values), values, hidden)

    return Node("ckmerge_formula", "Merge files: formula", CATEGORY, "Computes a formula of checkpoints, tensor by tensor, in one run and without "
                "files in between.", node_widgets, file_work.OUTPUTS, run, True, file_work.fingerprint)


def plan() -> Node:
    def node_widgets() -> list[Widget]:
        methods = [method["name"] for method in engine.tables()["methods"]]
        return [*input_widgets(1, None), Widget("method", "COMBO", "weighted_sum", methods), PARAMETERS,
                Widget("formula", "STRING", "", optional=True, tooltip="In place of the method, if there is one.", extra={"multiline": True}), WEIGHTS,
                *dtype_widgets(), Widget("options", "CKMERGE_OPTIONS", optional=True)]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        if values.get("formula"):
            work = formula_work(values)
        else:
            files = file_work.chosen(values, LETTERS)
            work = file_work.Work("merge", [path for _, path in files], {"method": values["method"], **recipe_options(values)})
            if told := widgets.lines(values.get("parameters") or ""):
                work.options["param"] = told
        work.options |= widgets.options_for("merge", values.get("options"))
        told = file_work.planned(work).text
        return Result((told,), told)

    return Node("ckmerge_plan", "Plan a merge of files", "ckmerge", "Shows what a merge would do, or all that stands against it. Writes nothing.",
                node_widgets, (Output("STRING", "plan"),), run, True, file_work.fingerprint)


def nodes() -> list[Node]:
    return [plan(), formula(), *(of_method(method) for method in engine.tables()["methods"])]
