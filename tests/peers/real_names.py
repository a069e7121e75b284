# SPDX-License-Identifier: Apache-2.0
"""Every name of whole SD 1.5, SDXL, SD 3 and Flux checkpoints, with its shape, as sd-mecha's model configurations list them: the
block that ckmerge says each lies in, against supermerger's and model-mixer's rules written down apart from core/blocks."""
import json
import math
import pathlib
import re
import subprocess
import sys

import inputs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli" / "commands"))
from block_files import flux_block, sd_block

CONFIGS = {"sd1-ldm": "sd1", "sdxl-sgm": "sdxl", "flux-flux": "flux", "sd3-comfyui": "sd3"}
COUNTS = {"sd1": 26, "sdxl": 20, "flux": 62, "sd3": 27}  # supermerger's 61 and the VAE, which its list leaves alone


def sd3_block(name, _):
    if not name.startswith(inputs.UNET):
        return "BASE"
    if found := re.search(r"joint_blocks\.(\d+)\.", name):
        return f"IN{int(found[1]):02}"
    return "OUT" if "final_layer" in name else "EMBED"


def with_weights(names):
    """An average of ldm's under the name of its weight."""
    averages = {"model_ema." + name[len("model."):].replace(".", ""): name for name in names if name.startswith("model.")}
    return lambda name: averages.get(name, name)


def faults_of(ckmerge, path, kind, names):
    tensors = [(name, "F16", shape, 2 * math.prod(shape)) for name, shape in names.items()]
    inputs.make_inputs.write(path, {"format": "pt"}, tensors, True)  # holes: a file of its full size takes no room
    done = subprocess.run([ckmerge, "inspect", path, "--blocks", "--json"], capture_output=True, text=True)
    pathlib.Path(path).unlink()
    if done.returncode:
        return [f"{kind}: {done.stderr}"]
    file = json.loads(done.stdout)["files"][0]
    block, weight = {"sd1": sd_block, "sdxl": sd_block, "flux": flux_block, "sd3": sd3_block}[kind], with_weights(names)
    wrong = [f"{kind}: {tensor['name']} lies in {tensor['block']}, not in {block(weight(tensor['name']), kind)}" for tensor in file["tensors"]
             if tensor["block"] != block(weight(tensor["name"]), kind)]
    if len(file["blocks"]) != COUNTS[kind]:
        wrong.append(f"{kind}: {len(file['blocks'])} blocks instead of {COUNTS[kind]}")
    print(f"names of {kind}: {len(file['tensors'])} of {len(names)} in {len(file['blocks'])} blocks, {len(wrong)} of them elsewhere")
    return wrong

