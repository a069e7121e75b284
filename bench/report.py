# SPDX-License-Identifier: Apache-2.0
"""results.json to the Markdown between the markers of bench/README.md."""
from statistics import median

from bars import BARS, best, meets, ratios

BEGIN, END = "<!-- table: rewritten by bench/run.py -->", "<!-- end of table -->"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def series(bar, numbers):
    return f"{number(best(bar, numbers))} / {number(median(numbers))} {bar.unit}"


def compared(bar, result):
    if bar.kind == "value":
        return ""
    return " / ".join(f"{ratio:.2f}" for ratio in ratios(bar, result))


def verdict(bar, result):
    if result["other_size"]:
        return f"measured with {result['other_size']}: not the bar's size"
    return "met" if meets(bar, result) else "**UNMET**"


def line(bar, result):
    if result is None or "not_run" in result:
        reason = f": {result['not_run']}" if result else ""
        return [bar.what, bar.text, "", "", "", f"**not measured**{reason}"]
    yardstick = result["yardstick"]
    theirs = f"`{yardstick}`: {series(bar, result['values'][yardstick])}" if yardstick else ""
    ours = series(bar, result["values"]["ckmerge"])
    return [bar.what, bar.text, ours, theirs, compared(bar, result), verdict(bar, result)]


def table(results):
    head = ["what", "bar", "ckmerge, best / median", "yardstick, best / median", "ratios", "verdict"]
    rows = [head, ["---"] * len(head)]
    rows += [line(bar, results["rows"].get(bar.key)) for bar in BARS]
    return ["| " + " | ".join(row) + " |" for row in rows]


def raw(results):
    """Every number, the commands, and what has to be said, line by line of the table."""
    for bar in BARS:
        result = results["rows"].get(bar.key)
        if result is None or "not_run" in result:
            continue
        yield f"\n**{bar.what}** ({result['date']}{', ' + result['machine'] if result['machine'] else ''})\n"
        yield from (f"- `{command}`" for command in result["commands"])
        for name, numbers in result["values"].items():
            yield f"- {name}, {bar.unit}: " + " ".join(number(n) for n in numbers)
        yield from (f"- {note}" for note in result["notes"])


def markdown(results):
    machine = results["machine"]
    if machine:
        yield f"Machine: {'; '.join(machine.values())}.\n"
    yield from table(results)
    yield "\n### Every raw number\n"
    yield "In the order measured."
    yield from raw(results)


def rewrite(readme, results):
    text = readme.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(before + BEGIN + "\n" + "\n".join(markdown(results)) + "\n" + END + after)
