# SPDX-License-Identifier: Apache-2.0
"""The real frontend in a headless Chromium: nodes are found by search, placed and run, and tell what they did. With CKMERGE_PICTURES a picture of each kind
of node goes into that folder."""
import os
import pathlib
import time

import browser
from bench import check

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = os.environ.get("CKMERGE_PICTURES")
# A node of each kind; the methods' nodes differ in their parameters alone.
SHOWN = ("ckmerge_weighted_sum", "ckmerge_formula", "ckmerge_plan", "ckmerge_inspect", "ckmerge_options", "ckmerge_convert", "ckmerge_bake", "ckmerge_compose",
         "ckmerge_average", "ckmerge_blocks_sdxl", "ckmerge_CheckpointMerge", "ckmerge_CheckpointSave")
RUN = {"ckmerge_weighted_sum", "ckmerge_plan", "ckmerge_inspect"}  # shown with what they tell
LARGEST = 200_000  # bytes of a picture
LEFT, TOP, MARGIN = 320, 200, 20  # where a node is put, right of and below what else is on the page


def frontend(bench):
    if not browser.program():
        return print("NOT RUN: the nodes in the frontend (no chromium)")
    page = browser.Browser(f"http://127.0.0.1:{bench.server.port}/", 1280, 1500)
    try:
        page.until("!!(window.app && window.app.graph && window.LiteGraph && Object.keys(LiteGraph.registered_node_types).some(name => name.startsWith('ckmerge_')))")
        found_by_search(page)
        runs(bench, page)
        examples(page)
        if PICTURES:
            pictures(page, pathlib.Path(PICTURES))
    finally:
        page.close()


def found_by_search(page):
    page.until("app.graph.nodes.length > 0")  # the page's own first workflow
    page.run("app.graph.clear()")
    for _ in range(10):  # the canvas hears the mouse some time after it is drawn
        page.click(700, 450, times=2)
        time.sleep(1)
        if page.run("!!document.querySelector('input[id^=comfy-vue-node-search-box]')"):
            break
    page.type("ckmerge slerp")
    page.until("document.body.innerText.includes('Merge files: slerp')", 20)
    page.press("Enter", 13)
    page.until("app.graph.nodes.some(node => node.type === 'ckmerge_slerp')", 20)


def placed(kind):
    return (f"(() => {{ app.graph.clear(); const node = LiteGraph.createNode('{kind}'); app.graph.add(node); node.pos = [{LEFT}, {TOP}]; "
            "app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true); return node.id; })()")


def set_widgets(**values):
    return "".join(f"app.graph.nodes[0].widgets.find(one => one.name === '{name}').value = {value};" for name, value in values.items())


TOLD = "((app.graph.nodes[0].widgets.find(one => one.name === 'told') || {value: ''}).value || '')"


def run_here(page, kind, **values):
    page.run(placed(kind))
    page.run(set_widgets(**values))
    page.run("app.queuePrompt(0)")
    return page.until(TOLD)


def runs(bench, page):
    told = run_here(page, "ckmerge_weighted_sum", A="'bare-A.safetensors'", B="'bare-B.safetensors'", filename_prefix="'browser/x'")
    check("browser/x_00001_.safetensors" in told, told)
    for saved in ("app.graph.serialize()", "app.graphToPrompt()"):
        check("x_00001_" not in page.run(f"Promise.resolve({saved}).then(told => JSON.stringify(told))"), f"what the node told is saved by {saved}")
    check((bench.output / "checkpoints/browser/x_00001_.safetensors").exists(), "the page ran nothing")


def examples(page):
    """The example workflows open with every widget at its place."""
    for path in (ROOT / "comfyui/example_workflows").glob("*.json"):
        page.run(f"app.loadGraphData({path.read_text(encoding='utf-8')})")
        prompt = page.run("app.graphToPrompt().then(both => both.output)")
        for node in prompt.values():
            if node["class_type"] == "ckmerge_weighted_sum":
                inputs = node["inputs"]
                check((inputs["A"], inputs["B"], inputs["dtype"], inputs["save_workflow"]) == ("A.safetensors", "B.safetensors", "keep", True),
                      f"{path.name}: {inputs}")
        check(any(isinstance(value, list) for node in prompt.values() for value in node["inputs"].values()), f"{path.name}: nothing is linked")


def pictures(page, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for kind in SHOWN:
        page.run(placed(kind))
        if kind in RUN:
            run_here(page, kind, **({} if kind == "ckmerge_inspect" else {"B": "'bare-B.safetensors'"}))
        page.run("(() => { const node = app.graph.nodes[0]; node.setSize([Math.max(360, node.size[0]), node.computeSize()[1]]); })()")
        time.sleep(0.7)
        width, height = page.run("[app.graph.nodes[0].size[0], app.graph.nodes[0].size[1]]")
        path = folder / f"{kind}.png"
        page.picture(path, LEFT - MARGIN, TOP - 30 - MARGIN, width + 2 * MARGIN, height + 30 + 2 * MARGIN)
        check(path.stat().st_size < LARGEST, f"{path.name} is too large")


CASES = [frontend]
