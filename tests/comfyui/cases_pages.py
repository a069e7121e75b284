# SPDX-License-Identifier: Apache-2.0
"""What the frontend asks for: each node's help, the example workflows, the script; and the log's silence about the nodes."""
import json
import pathlib

from bench import check

ROOT = pathlib.Path(__file__).resolve().parents[2]


def ours(bench):
    return {name: node for name, node in bench.server.nodes.items() if name.startswith("ckmerge_")}


def help_pages(bench):
    nodes = ours(bench)
    check(len(nodes) > 20, f"only {len(nodes)} nodes")
    for name in nodes:
        text = bench.server.page(f"/extensions/ckmerge/docs/{name}.md")
        check("\n# " in text, f"{name}: a help page without a title")
    pages = {path.stem for path in (ROOT / "comfyui/web/docs").glob("*.md")}
    check(pages == set(nodes), f"help without a node, or the other way round: {sorted(pages ^ set(nodes))}")
    check("registerExtension" in bench.server.page("/extensions/ckmerge/ckmerge.js"), "no script")


def declared(bench):
    """V3 classes, described, with tooltips; the result is of the type that a loader's list accepts."""
    for name, node in ours(bench).items():
        check(node["description"] and node["display_name"], f"{name} is not described")
        check(node["python_module"] == "custom_nodes.ckmerge", node["python_module"])
        if "filename_prefix" in node["input"]["required"] and node["output_name"][:1] == ["name"]:
            check(node["output"][0] == "*" and node["output_node"], f"{name}: {node['output']}")
    check("Cannot import" not in bench.server.log() and "IMPORT FAILED" not in bench.server.log(), "the log tells of a failed import")


def example_workflows(bench):
    """Each node and each widget that they have is there."""
    known = bench.server.get("/workflow_templates").get("ckmerge", [])
    check(len(known) == 2, f"workflows: {known}")
    for path in (ROOT / "comfyui/example_workflows").glob("*.json"):
        for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
            check(node["type"] in bench.server.nodes or node["type"] in ("Note", "MarkdownNote"), f"{path.name}: {node['type']} is not there")
        check(bench.server.page(f"/api/workflow_templates/ckmerge/{path.name}"), f"{path.name} is not served")


CASES = [help_pages, declared, example_workflows]
