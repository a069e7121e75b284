#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lycoris-lora 4.1.3 with torch 2.15.0 (PyPI, CPU): the file of a DyLoRA network that has a convolution, read again.
#
# Expected: create_lycoris_from_weights() reads what LyCORIS's own DyLoRA wrote, of a Conv2d as of a Linear.
# Seen: of a Conv2d the file has lora_up with two dimensions, where LoCon's has four (8,4,1,1). A file does not say that it is
# DyLoRA's, so it is read as LoCon, which then raises RuntimeError about shapes. The Linear of the same network is read well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 lycoris-lora==4.1.3

cat > read_again.py <<'END'
import torch
from lycoris import create_lycoris, create_lycoris_from_weights


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 8, 3, bias=False)
        self.linear = torch.nn.Linear(8, 6, bias=False)


network = create_lycoris(Net(), 1.0, linear_dim=4, linear_alpha=4, conv_dim=4, conv_alpha=4, algo="dylora", block_size=1)
network.apply_to()
written = network.state_dict()
for part in ("conv", "linear"):
    named = {name: tensor for name, tensor in written.items() if f"_{part}." in name}
    print("file", part, *(tuple(tensor.shape) for name, tensor in sorted(named.items())))
    try:
        read, _ = create_lycoris_from_weights(1.0, None, Net(), weights_sd=named)
        print("read", part, type(read.loras[0]).__name__)
    except RuntimeError as error:
        print("read", part, "RuntimeError:", str(error).splitlines()[0])
END
venv/bin/python read_again.py 2>/dev/null | grep -E '^(file|read) ' | tee seen.txt
diff seen.txt - <<'END'
file conv () (4, 4, 3, 3) (8, 4)
read conv RuntimeError: output with shape [8, 4, 1, 1] doesn't match the broadcast shape [8, 4, 8, 4]
file linear () (4, 8) (6, 4)
read linear LoConModule
END
