#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sd-mecha 1.1.8 with torch 2.15.0 and safetensors 0.8.0 (PyPI, CPU): geometric_sum of tensors without dimensions.
#
# Expected: a file with the geometric mean of each tensor, scalars included (a learned gain, CLIP's logit_scale).
# Seen: the merge ends well, the file cannot be opened. The method's powers are complex and the result is a view of their real
# parts; torch calls a view without dimensions contiguous, though its storage holds the imaginary part as well, and
# sd-mecha writes the storage: 8 bytes for an F32 scalar, which the header then says too. safetensors refuses the whole
# file. Tensors with dimensions are copied before they are written and are right; safetensors' own save_file takes the
# scalar's 4 bytes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 safetensors==0.8.0 numpy==2.4.6 sd-mecha==1.1.8

cat > merge.py <<'END'
import json

import sd_mecha
import torch
from safetensors.torch import load_file, save_file

for name, gain in (("a", 2.0), ("b", 8.0)):
    save_file({"gain": torch.tensor(gain), "row": torch.full((3,), gain)}, name + ".safetensors")
merged = sd_mecha.geometric_sum(sd_mecha.model("a.safetensors"), sd_mecha.model("b.safetensors"), alpha=0.5)
sd_mecha.merge(merged, output="out.safetensors", output_dtype=None, threads=1)
raw = open("out.safetensors", "rb").read()
header = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])
for name in ("gain", "row"):
    begin, end = header[name]["data_offsets"]
    print(name, header[name]["dtype"], header[name]["shape"], end - begin, "bytes")
try:
    load_file("out.safetensors")
    print("opens")
except Exception as error:
    print(type(error).__name__)
save_file({"gain": torch.complex(torch.tensor(4.0), torch.tensor(1.0)).real}, "own.safetensors")
print("save_file:", load_file("own.safetensors")["gain"].item())
END
venv/bin/python merge.py 2>log | tee seen

diff - seen <<'END'
gain F32 [] 8 bytes
row F32 [3] 12 bytes
SafetensorError
save_file: 4.0
END
echo "as described"
