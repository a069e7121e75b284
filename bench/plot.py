#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws speed.svg from results.json: how long the merge of the table's cold rows takes, each way."""
import json
from pathlib import Path
from statistics import median
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 760, 190, 90, 64, 24, 12
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 12px; fill: #57606a }
  .ours { fill: #0969da } .floor { fill: #6e7781 } .theirs { fill: #bf8700 } .best { stroke: #24292f; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #8d96a0 } .best { stroke: #e6edf3 }
    .ours { fill: #2f81f7 } .floor { fill: #8d96a0 } .theirs { fill: #d29922 }
  }
"""
# (label, key of the result, contender; None = the yardstick), fastest expected first
CHART = (("the disk alone (fio)", "cold", None, "floor"), ("ckmerge", "cold", "ckmerge", "ours"),
         ("ckmerge in 96 MiB", "cgroup", "ckmerge", "ours"), ("torch, the best script", "torch-best", None, "theirs"),
         ("torch, the usual script", "torch-naive", None, "theirs"))


def bars(rows):
    """(label, class, seconds) of every result that is there."""
    for label, key, contender, look in CHART:
        result = rows.get(key, {})
        if "values" in result:
            yield label, look, result["values"][contender or result["yardstick"]]


def draw_bar(y, label, look, seconds, scale):
    length, least = median(seconds) * scale, min(seconds) * scale
    yield f'<text x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(label)}</text>'
    yield f'<rect class="{look}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    yield f'<line class="best" x1="{LEFT + least:.1f}" x2="{LEFT + least:.1f}" y1="{y + 5}" y2="{y + BAR - 5}"/>'
    yield f'<text x="{LEFT + length + 8:.1f}" y="{y + 17}">{median(seconds):.1f} s</text>'


def draw(results):
    series = list(bars(results["rows"]))
    scale = (WIDTH - LEFT - RIGHT) / max(median(seconds) for *_, seconds in series)
    height = TOP + len(series) * (BAR + GAP) + 8
    size = results["rows"].get("cold", {}).get("other_size") or "3 GiB"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    yield f"<title>Time of a merge, several ways</title><style>{STYLE}</style>"
    yield f'<text class="title" x="16" y="26">Merging two {size} checkpoints from a cold disk, output durable</text>'
    yield (f'<text class="small" x="16" y="46">Seconds, medians; the tick is the best run. '
           f'{escape(results["machine"].get("cpu", ""))}</text>')
    for i, (label, look, seconds) in enumerate(series):
        yield from draw_bar(TOP + i * (BAR + GAP), label, look, seconds, scale)
    yield "</svg>"


def main():
    results = json.loads((HERE / "results.json").read_text())
    if not list(bars(results["rows"])):
        raise SystemExit("results.json holds no cold row yet: run bench/run.py first")
    (HERE / "speed.svg").write_text("\n".join(draw(results)) + "\n")


if __name__ == "__main__":
    main()
