#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures ckmerge against its yardsticks and rewrites the table of bench/README.md.

Every row is kept in results.json as soon as it is measured, so that a bench that was interrupted goes on with --only.
"""
import argparse
import datetime
import json
import re
import shutil
import sys
from pathlib import Path

from bars import BARS, GIB, MB, MIB, ROWS
from measure import NotRun, machine, warm_memory
from report import rewrite
from rows import MEASURES as MERGE_MEASURES, PAIR_SIZE, PLAN_COUNT, RSS_SIZES, WARM_SIZE, Bench
from rows_adapters import MEASURES as ADAPTER_MEASURES
from rows_folders import MEASURES as FOLDER_MEASURES
from rows_formulas import MEASURES as FORMULA_MEASURES
from rows_layouts import MEASURES as LAYOUT_MEASURES
from rows_matrices import MEASURES as MATRIX_MEASURES
from rows_operations import MEASURES as OPERATION_MEASURES
from rows_options import MEASURES as OPTION_MEASURES
from rows_python import MEASURES as PYTHON_MEASURES
from rows_save import MEASURES as SAVE_MEASURES
from rows_statistics import MEASURES as STATISTICS_MEASURES

HERE = Path(__file__).resolve().parent
MEASURES = (MERGE_MEASURES | OPTION_MEASURES | OPERATION_MEASURES | FORMULA_MEASURES | LAYOUT_MEASURES | PYTHON_MEASURES
            | SAVE_MEASURES | FOLDER_MEASURES | ADAPTER_MEASURES | STATISTICS_MEASURES | MATRIX_MEASURES)


def size(text):
    match = re.fullmatch(r"(\d+)(MB|MiB|GiB)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 300MB or 3GiB")
    return int(match[1]) * {"MB": MB, "MiB": MIB, "GiB": GIB}[match[2]]


def chosen_rows(text):
    rows = text.split(",")
    if set(rows) - set(ROWS):
        raise argparse.ArgumentTypeError(f"the rows are {', '.join(ROWS)}")
    return rows


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=chosen_rows, default=ROWS, metavar="ROW,...", help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build/release", help="folder of the programs")
    parser.add_argument("--data", type=Path, default=HERE.parent / "build/bench-data",
                        help="folder for checkpoints, on the disk to be measured")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    parser.add_argument("--torch", type=Path, default=HERE.parent / "build/bench-venv/bin/python",
                        help="a Python that has torch and safetensors")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "build/release/tests/peers",
                        help="folder of sd-mecha and ComfyUI, as scripts/test.sh peers leaves it")
    parser.add_argument("--size", type=size, default=PAIR_SIZE, help="of each input, cold (default 3GiB)")
    parser.add_argument("--warm-size", type=size, default=WARM_SIZE, help="of each input, on tmpfs (default 2GiB)")
    parser.add_argument("--rss-sizes", type=lambda t: tuple(map(size, t.split(","))), default=RSS_SIZES,
                        help="of each input, of each large input, of the one tensor")
    parser.add_argument("--plan-count", type=int, default=PLAN_COUNT)
    parser.add_argument("--no-warm-up", action="store_true", help="do not touch free memory first")
    parser.add_argument("--keep", action="store_true", help="keep the checkpoints")
    parser.add_argument("--table-only", action="store_true", help="measure nothing, rewrite the table")
    return parser.parse_args()


def log(text):
    print(text, file=sys.stderr, flush=True)


def load(path):
    return json.loads(path.read_text()) if path.exists() else {"machine": {}, "rows": {}}


def keep(results, row, measured, options):
    here = machine(options.data)
    results["machine"] = results["machine"] or here
    elsewhere = "" if here == results["machine"] else "; ".join(here.values())
    for bar in BARS:
        if bar.row == row:
            results["rows"][bar.key] = measured[bar.key] | {"date": str(datetime.date.today()), "machine": elsewhere}
    options.results.write_text(json.dumps(results, indent=1) + "\n")


def measure_row(bench, row):
    log(f"{row}:")
    try:
        return MEASURES[row](bench)
    except NotRun as reason:
        log(f"  not run: {reason}")
        return {bar.key: {"not_run": str(reason)} for bar in BARS if bar.row == row}


def remove_data(data):
    for path in (*data.glob("*.safetensors"), *data.glob("*.ckpt"), *data.glob("*.new"), *data.glob("floor.bin")):
        path.unlink()
    for folder in data.glob("folder-*"):
        shutil.rmtree(folder)


def main():
    options = parse()
    results = load(options.results)
    if not options.table_only:
        bench = Bench(options, log)
        if not options.no_warm_up:
            log(f"touched {warm_memory() / GIB:.1f} GiB of memory")
        try:
            for row in options.only:
                keep(results, row, measure_row(bench, row), options)
        finally:
            if not options.keep:
                remove_data(options.data)
    if options.results.parent == HERE:  # results elsewhere are a trial
        rewrite(HERE / "README.md", results)


if __name__ == "__main__":
    main()
