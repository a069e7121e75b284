# SPDX-License-Identifier: Apache-2.0
"""The real ComfyUI 0.3.75, from the wheel that tests/peers unpacks, ready to be started: its Python, a copy of its source, and a base folder with
its models, its output and this repository's nodes."""
import json
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/peers"))
from environment import environment, not_run

# What its server wants beside the packages of the peers.
FRONTEND = ["comfyui-frontend-package==1.32.9", "comfyui-workflow-templates==0.7.25", "comfyui-embedded-docs==0.3.1"]
OF_SERVER = ["requests==2.33.1"]
FOLDERS = ("models/checkpoints", "models/diffusion_models", "models/text_encoders", "models/vae", "models/loras", "custom_nodes", "output", "input", "temp", "user/default")


def server_python(folder, peers_python):
    """An environment of its own over that of the peers, so that nothing is installed twice."""
    venv, ready = folder / "server-venv", folder / "server-ready"
    wanted = "\n".join([*FRONTEND, *OF_SERVER, str(peers_python)])
    if not (ready.exists() and ready.read_text() == wanted):
        ready.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        packages = next(venv.glob("lib/python3*/site-packages"))
        (packages / "peers.pth").write_text(f"{next(peers_python.parents[1].glob('lib/python3*/site-packages'))}\n")
        pip = [venv / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        for step in ([*pip, "--no-deps", *FRONTEND], [*pip, *OF_SERVER]):
            if subprocess.run([str(word) for word in step]).returncode:
                not_run("the nodes in ComfyUI", f"failed: {' '.join(map(str, step[3:6]))}")
                sys.exit(77)
        ready.write_text(wanted)
    return venv / "bin/python"


def source(folder, unpacked):
    """A copy without the list of model folders that its wheel brings along."""
    copy = folder / "comfyui"
    if not (copy / "main.py").exists():
        shutil.copytree(unpacked, copy, dirs_exist_ok=True)
        (copy / "extra_model_paths.yaml").unlink(missing_ok=True)
    return copy


OF_PAGE = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False}  # so that a new user's page shows its canvas and nothing on it
# The pack once more, as a ComfyUI without comfy_api.latest loads it.
AS_V1 = """import importlib.util
import pathlib
import sys

folder = pathlib.Path(__file__).resolve().parents[1] / "ckmerge"
latest = sys.modules["comfy_api.latest"]
sys.modules["comfy_api.latest"] = None
try:
    spec = importlib.util.spec_from_file_location("ckmerge_as_v1", folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
finally:
    sys.modules["comfy_api.latest"] = latest
NODE_CLASS_MAPPINGS = {f"v1_{name}": node for name, node in module.NODE_CLASS_MAPPINGS.items()}
"""


def base(folder):
    """An empty home for one server, with the nodes linked in."""
    home = folder / "base"
    shutil.rmtree(home, ignore_errors=True)
    for name in FOLDERS:
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "user/default/comfy.settings.json").write_text(json.dumps(OF_PAGE))
    (home / "custom_nodes/ckmerge").symlink_to(ROOT / "comfyui")
    (home / "custom_nodes/ckmerge_v1").mkdir(exist_ok=True)
    (home / "custom_nodes/ckmerge_v1/__init__.py").write_text(AS_V1)
    return home


def prepare(folder, peers_folder):
    """(Python, ComfyUI's source)"""
    folder.mkdir(parents=True, exist_ok=True)
    peers_python, unpacked = environment(peers_folder)
    return server_python(folder, peers_python), source(folder, unpacked)
