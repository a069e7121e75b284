# SPDX-License-Identifier: Apache-2.0
"""The real frontend in a headless Chromium: nodes are found by search, placed and run, and tell what they did. With CKMERGE_PICTURES a picture of each kind
of node goes into that folder."""
import os
import pathlib
import time

import browser
from bench import check

PICTURES = os.environ.get("CKMERGE_PICTURES")
# A node of each kind; the methods' nodes differ in their parameters alone.
SHOWN = ("ckmerge_weighted_sum", "ckmerge_formula", "ckmerge_plan", "ckmerge_inspect", "ckmerge_options", "ckmerge_convert", "ckmerge_bake", "ckmerge_compose",
         "ckmerge_average", "ckmerge_blocks_sdxl", "ckmerge_CheckpointMerge", "ckmerge_CheckpointSave")
LARGEST = 200_000  # bytes of a picture


def frontend(bench):
    if not browser.program():
        return print("NOT RUN: the nodes in the frontend (no chromium)")
    page = browser.Browser(f"http://127.0.0.1:{bench.server.port}/")
    try:
        page.until("!!(window.app && window.app.graph && window.LiteGraph && Object.keys(LiteGraph.registered_node_types).some(name => name.startsWith('ckmerge_')))")
        page.run("document.querySelectorAll('.p-dialog-close-button').forEach(button => button.click())")
        found_by_search(page)
        runs(bench, page)
        if PICTURES:
            pictures(page, pathlib.Path(PICTURES))
    finally:
        page.close()


def found_by_search(page):
    page.until("app.graph.nodes.length > 0")  # the page's own first workflow
    time.sleep(1)
    page.run("app.graph.clear()")
    page.click(700, 450, times=2)
    page.until("!!document.querySelector('input[id^=comfy-vue-node-search-box]')", 20)
    page.type("ckmerge slerp")
    page.until("document.body.innerText.includes('Merge files: slerp')", 20)
    page.press("Enter", 13)
    page.until("app.graph.nodes.some(node => node.type === 'ckmerge_slerp')", 20)


def placed(kind):
    return (f"(() => {{ app.graph.clear(); const node = LiteGraph.createNode('{kind}'); app.graph.add(node); node.pos = [60, 60]; "
            "app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true); return node.id; })()")


def set_widgets(**values):
    return "".join(f"app.graph.nodes[0].widgets.find(one => one.name === '{name}').value = {value};" for name, value in values.items())


def runs(bench, page):
    page.run(placed("ckmerge_weighted_sum"))
    page.run(set_widgets(A="'bare-A.safetensors'", B="'bare-B.safetensors'", filename_prefix="'browser/x'"))
    page.run("app.queuePrompt(0)")
    page.until("(app.graph.nodes[0].widgets.find(one => one.name === 'told') || {value: ''}).value.includes('browser/x_00001_.safetensors')")
    check((bench.output / "checkpoints/browser/x_00001_.safetensors").exists(), "the page ran nothing")


def pictures(page, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for kind in SHOWN:
        page.run(placed(kind))
        time.sleep(0.7)
        width, height = page.run("(() => { const node = app.graph.nodes[0]; return [node.size[0], node.size[1]]; })()")
        path = folder / f"{kind}.png"
        page.picture(path, 40, 10, width + 40, min(height + 80, 880))
        check(path.stat().st_size < LARGEST, f"{path.name} is too large")


CASES = [frontend]
