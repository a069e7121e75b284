# SPDX-License-Identifier: Apache-2.0
"""A folder with a home and checkpoints of its own, runs of ckmerge in it, and what is expected of them."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
faults = []
UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
CROSS = UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def expect(good, sentence):
    if not good:
        faults.append(sentence)


class Place:
    """A folder with its own home, and runs of ckmerge in it."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder).resolve()
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("CKMERGE_", "XDG_"))}
        self.env |= {"HOME": str(self.path / "home"), "TERM": "dumb"}
        self.database = self.path / "home/.local/share/ckmerge/registry.db"

    def __truediv__(self, name):
        return self.path / name

    def run(self, *words, status=0, **keywords):
        done = subprocess.run([ckmerge, *(word if isinstance(word, bytes) else str(word) for word in words)], cwd=self.path, env=self.env, capture_output=True, **keywords)
        expect(done.returncode == status, f"{words}: exit {done.returncode}, not {status}: {done.stdout} {done.stderr}")
        return done

    def json(self, *words, **keywords):
        text = self.run(*words, "--json", **keywords).stdout
        try:
            return json.loads(text)
        except ValueError:
            expect(False, f"{words}: no document: {text}")
            return {}

    def names(self, *words):
        return [file["name"] for file in self.json("list", *words)["files"]]

    def make(self, name, *tensors, meta=None, seed=0):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = tensors or (("w", "F32", [4], struct.pack("<4f", seed, 1, 2, 3)),)
        make_inputs.write(path, meta or {"format": "pt"}, list(tensors), True)
        return path


def settle():
    """Files of the last 50 ms count as ones that may still change."""
    time.sleep(0.08)


def checkpoint(cross=768, seed=0):
    return [(CROSS, "F16", [1, cross], bytes(2 * cross)), (VAE + "decoder.conv_in.bias", "F32", [1], struct.pack("<f", seed)),
            (TEXT + "x", "F32", [1], struct.pack("<f", seed))]


def finish(*checks):
    """Runs each check in a place of its own and ends the test."""
    for check in checks:
        with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
            try:
                check(Place(name))
            except (KeyError, IndexError, OSError) as error:  # what follows a fault that is told
                faults.append(f"{check.__name__}: {error!r}")
    for fault in faults:
        print("FAILED:", fault)
    sys.exit(1 if faults else 0)
