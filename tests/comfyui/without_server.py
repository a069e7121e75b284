# SPDX-License-Identifier: Apache-2.0
"""usage: without_server.py LIBRARY
The nodes' own code, without ComfyUI: its modules are made up here, but for the folders of a list, which are real. What a list calls a new file,
what an option is for, which names a dtype is of, and how a node speaks."""
import os
import pathlib
import struct
import sys
import tempfile
import time
import traceback
import types
import warnings
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/cli")]
os.environ["CKMERGE_LIBRARY"] = sys.argv[1]
for name in ("comfy", "comfy.cli_args", "comfy.float", "comfy.lora", "comfy.model_base", "comfy.model_management", "comfy.model_patcher", "comfy.model_sampling",
             "comfy.sd", "comfy.utils", "comfy_execution", "comfy_execution.graph_utils", "folder_paths", "nodes", "torch", "torch.utils", "torch.utils._pytree"):
    sys.modules[name] = mock.MagicMock(name=name)
    if "." in name:
        setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], sys.modules[name])
sys.modules["torch"].Tensor = type("Tensor", (), {})
sys.modules["comfy.model_management"].InterruptProcessingException = type("InterruptProcessingException", (Exception,), {})
sys.modules["nodes"].CLIPLoader.INPUT_TYPES.return_value = {"required": {"type": (["stable_diffusion", "sd3"],)}}
pack = types.ModuleType("pack")
pack.__path__ = [str(ROOT / "comfyui")]
sys.modules["pack"] = pack

import ckmerge
import make_inputs
import models
from pack import blocks, checkpoint_save, engine, file_work, lists, loading, merges, model_merge, node, operations, text, widgets

UNET, VAE = "model.diffusion_model.", "first_stage_model."


def refused(call, *arguments):
    """The sentence with which a node refuses."""
    try:
        call(*arguments)
    except node.NodeError as error:
        return str(error)
    raise AssertionError(f"{call.__name__}{arguments} was not refused")


class Lists:
    """Two folders of checkpoints, as ComfyUI has them: the models' before the output's."""

    def __init__(self, home):
        self.output = os.path.join(home, "output")
        self.folders = [os.path.join(home, "models/checkpoints"), os.path.join(self.output, "checkpoints")]
        for folder in self.folders:
            os.makedirs(folder)
        paths = sys.modules["folder_paths"]
        paths.get_folder_paths.side_effect = lambda name: self.folders
        paths.get_output_directory.side_effect = lambda: self.output
        paths.get_full_path.side_effect = self.full_path
        paths.get_filename_list.side_effect = lambda name: []

    def full_path(self, name, relative):
        return next((path for path in (os.path.join(folder, relative) for folder in self.folders) if os.path.isfile(path)), None)


def model(path, seed):
    names = [(f"{UNET}input_blocks.0.0.weight", 4), (f"{UNET}out.2.weight", 4), (f"{VAE}decoder.conv_in.weight", 2)]
    make_inputs.write(path, {"format": "pt"}, [(name, "F16", [count], seed * 2 * count) for name, count in names], True)
    return path


def touch(*parts):
    path = pathlib.Path(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"older")


def merged(home, prefix):
    inputs = [model(os.path.join(home, f"{letter}.safetensors"), letter.encode()) for letter in "AB"]
    document = engine.call("merge", inputs, method="weighted_sum", no_register=True, **lists.target("checkpoints", prefix))
    return document["output"]["path"]


def a_name_of_another_folder_is_not_taken(home):
    """A loader opens the first file of a name, so a new one gets a number above those of all folders."""
    there = Lists(home)
    touch(there.folders[0], "ckmerge/weighted_sum_00001_.safetensors")
    path = merged(home, "ckmerge/weighted_sum")
    assert path == os.path.join(there.folders[1], "ckmerge/weighted_sum_00002_.safetensors"), path
    name = lists.name_of(path, "checkpoints")
    assert there.full_path("checkpoints", name) == path and lists.resolve(name) == ("checkpoints", path)
    assert merged(home, "ckmerge/weighted_sum").endswith("weighted_sum_00003_.safetensors")
    assert merged(home, "alone").endswith("alone_00001_.safetensors")
    touch(there.folders[1], "alone_00009_x.txt")
    assert merged(home, "alone").endswith("alone_00010_.safetensors")


def a_hidden_file_has_no_name(home):
    there = Lists(home)
    touch(there.folders[1], "x_00001_.safetensors")
    path = os.path.join(there.folders[1], "x_00001_.safetensors")
    assert lists.name_of(path, "checkpoints") == "x_00001_.safetensors" and not lists.is_hidden(path, "checkpoints")
    touch(there.folders[0], "x_00001_.safetensors")
    assert lists.is_hidden(path, "checkpoints")
    assert os.path.join(there.folders[0], "x_00001_.safetensors") in refused(lists.name_of, path, "checkpoints")
    assert "lies in no folder" in refused(lists.name_of, os.path.join(home, "x.safetensors"), "checkpoints")
    there.folders.insert(0, os.path.join(there.output, "checkpoints", "inner"))  # a folder of the list in another: the name that opens it counts
    touch(there.folders[2], "inner", "y.safetensors")
    assert lists.name_of(os.path.join(there.folders[0], "y.safetensors"), "checkpoints") == "y.safetensors"


def a_prefix_stays_in_its_folder(home):
    there = Lists(home)
    touch(there.folders[0], "../x_00001_.safetensors")
    os.symlink(home, os.path.join(there.folders[1], "away"))
    touch(there.folders[0], "away/x_00001_.safetensors")
    for prefix in ("../x", "away/x", "..", "/"):
        told = refused(merged, home, prefix)
        assert "filename_prefix" in told and "-o" not in told and "--" not in told, told
    assert os.listdir(there.folders[1]) == ["away"]


def fields_of_a_prefix(home):
    now = lists.time.localtime()
    assert lists.with_fields("%year%/%month%-%day%_%width%") == f"{now.tm_year}/{now.tm_mon:02}-{now.tm_mday:02}_0"
    assert lists.with_fields("100%") == "100%"


def tomorrow_has_its_own_name(home):
    """A result is kept under the name that it got, not under %day%."""
    there, day = Lists(home), lists.time.localtime()
    sys.modules["folder_paths"].get_system_user_directory.side_effect = lambda name: os.path.join(home, "user", name)
    inputs = [model(os.path.join(there.folders[0], f"{letter}.safetensors"), letter.encode()) for letter in "AB"]
    values = {"A": "A.safetensors", "filename_prefix": "%year%-%month%-%day%"}

    def made():
        work = file_work.Work("merge", list(inputs), {"method": "weighted_sum", "param": ["alpha=0.3"]})
        return str(file_work.do(work, dict(values), node.Hidden()).outputs[0])

    names, prints = [], []
    for ahead in (0, 0, 1, 1):
        with mock.patch.object(lists.time, "localtime", lambda: time.struct_time((*day[:2], day.tm_mday + ahead, *day[3:]))):
            names.append(made())
            prints.append(file_work.fingerprint(values))
    assert names[0] == names[1] and names[2] == names[3] and names[0] != names[2], names
    assert prints[0] == prints[1] and prints[2] == prints[3] and prints[0] != prints[2]
    touch(there.folders[0], names[2])  # what is kept cannot be loaded any more
    assert made() == names[0]
    with mock.patch.object(lists.time, "localtime", lambda: time.struct_time((*day[:2], day.tm_mday + 1, *day[3:]))):
        assert made() == names[2].replace("_00001_", "_00002_")


def saves_do_not_hide(home):
    """Checkpoint Save counts over the folders of the list too."""
    there = Lists(home)
    path = os.path.join(there.output, "checkpoints/ComfyUI")
    assert checkpoint_save.in_list(path) == ["ComfyUI"] and checkpoint_save.in_list(os.path.join(there.output, "other/x")) == []
    touch(there.folders[0], "ComfyUI_00004_.safetensors")
    assert lists.next_number("checkpoints", "ComfyUI") == 5 and lists.next_number("checkpoints", "Comfy") == 1


class Given:
    """A tensor of ckmerge.save without numpy and torch."""

    def __init__(self, dtype, count):
        self.dtype, self.shape = dtype, (count,)

    def read_into(self, offset, view):
        view[:] = bytes(len(view))


FAMILIES = {  # what ComfyUI puts before the names: diffusion model, text encoders, VAE
    "SD 1.5": ("model.diffusion_model.", "cond_stage_model.", "first_stage_model."),
    "SD3": ("model.diffusion_model.", "text_encoders.", "first_stage_model."),
    "Stable Audio": ("model.model.", "conditioner.conditioners.prompt.", "pretransform.model."),
    "Hunyuan Video": ("model.model.", "text_encoders.", "vae."),
    "Hunyuan3D": ("model.", "conditioner.", "vae."),
}


def dtypes_go_by_the_names_that_parts_got(home):
    inner = {"unet": ("double_blocks.0.img_attn.qkv.weight", "out.weight", "scale"), "clip": ("l.weight", "g.weight"), "vae": ("decoder.weight", "scale")}
    for family, prefixes in FAMILIES.items():
        parts = {part: {prefix + name for name in inner[part]} for part, prefix in zip(inner, prefixes)}
        tensors = {name: Given("F32", 4) for names in parts.values() for name in names} | {"v_pred": Given("F32", 0), "odd.weight": Given("F32", 1)}
        chosen = {"dtype": "float16", "dtype_clip": "bfloat16", "dtype_vae": "keep"}
        path = os.path.join(home, f"{family}.safetensors")
        ckmerge.save(tensors, path, **checkpoint_save.dtype_options(chosen, parts, tensors))
        stored = {name: dtype for name, (dtype, _, _) in models.read(path)[1].items()}
        expected = {name: {"unet": "F16", "clip": "BF16", "vae": "F32"}[part] for part, names in parts.items() for name in names}
        assert stored == expected | {"v_pred": "F32", "odd.weight": "F32"}, (family, stored)
    bare = {"a.weight", "b.c.weight", "b.d"}
    assert checkpoint_save.pattern(bare, {"b.e", "av"}) == r"^(?:a\.|b\.c\.|b\.d$)"
    assert checkpoint_save.dtype_options({"dtype_clip": "float16"}, {"unet": bare}, bare) == {}


def options_say_whose_they_are(home):
    told = refused(widgets.options_for, "convert", {"missing": "error", "only": ["x"], "memory": "1G"})
    assert told.startswith("missing, only in Options are not for Convert a file: missing is for Merge files") and "ckmerge_describe" not in told, told
    assert widgets.options_for("average", {"missing": "error"}) == {"missing": "error"} and widgets.options_for("bake", None) == {}
    assert widgets.options_for("merge", {"set_metadata": ["a=b=c", "d="]})["set_metadata"] == {"a": "b=c", "d": ""}
    assert "NAME=VALUE" in refused(widgets.options_for, "merge", {"set_metadata": ["a"]})
    tooltips = {widget.name: widget.tooltip for widget in operations.options().widgets()}
    assert "Only for Merge files" in tooltips["missing"] and "Average files" in tooltips["missing"] and "Convert" not in tooltips["missing"]
    assert "Only for" not in tooltips["memory"]


def a_formula_has_no_gap(home):
    there = Lists(home)
    for letter in "ABC":
        model(os.path.join(there.folders[0], f"{letter}.safetensors"), letter.encode())
    values = {letter: f"{letter}.safetensors" for letter in "AC"} | {"formula": "A + C"}
    told = refused(merges.formula_work, values)
    assert told.startswith("C is chosen and B is not"), told
    assert refused(merges.formula_work, {**values, "A": lists.NONE}).startswith("C is chosen and A is not")
    assert list(merges.formula_work({**values, "B": "B.safetensors", "D": lists.NONE}).inputs) == ["A", "B", "C"]


def nodes_speak_of_widgets(home):
    inputs = [model(os.path.join(home, f"{letter}.safetensors"), letter.encode()) for letter in "AB"]
    wrong = {  # what is asked, and how the sentence begins or ends
        "block_weights: 'alpha IN77=0.3'": {"weight": ["IN77=0.3"]},
        "block_weights: 'alpha mbw=1,2'": {"mbw": ["1,2"]},
        "alpha: 'x' is not a number": {"param": ["alpha=x"]},
        "dtype_te: the result": {"dtype": ["te=f16"]},
        "set_metadata: 'a'": {"set_metadata": ["a"]},
        "only 'zzz'": {"only": ["zzz"]},
        "give another filename_prefix": {"output": inputs[0].replace("A.", "C.")},
    }
    touch(home, "C.safetensors")
    for words, options in wrong.items():
        told = refused(lambda given: engine.call("merge", inputs, **{"method": "weighted_sum", "output": os.path.join(home, "o.safetensors"), **given}), options)
        assert words in told and "--" not in told and " -" not in told, told
    assert "choose one in the node" in refused(engine.call, "bake", inputs[:1])
    assert text.spoken("a--b.safetensors: x/--y.ckpt") == "a--b.safetensors: x/--y.ckpt"
    same = {"only 'zzz' matches no tensor name": ("--only 'zzz' matches no tensor name", "only='zzz' matches no tensor name"),
            "dtype_te: none": ("--dtype te=...: none", 'dtype={"te": ...}: none'), "device cuda: none": ("--device cuda: none", 'device="cuda": none'),
            "half and dtype, or dtype_unet, dtype_te or dtype_vae": ("--half and --dtype, or --dtype of parts", "half=True and dtype, or dtype of parts"),
            "block_weights: 'x' is not a number": ("--weight: 'x' is not a number", "weight: 'x' is not a number"),
            "no VAE is given; choose one in the node": ("no VAE is given; `ckmerge bake MODEL --vae FILE -o OUT`",
                                                        "no VAE is given; ckmerge.bake(MODEL, OUT, vae=FILE)"),
            "B is a VAE: the node Bake a VAE into a file puts it in place, the node Compose a checkpoint of files into none": (
                "B is a VAE: `ckmerge bake MODEL --vae FILE` puts it in place, `ckmerge compose --unet F --te F --vae F` into none",
                "B is a VAE: ckmerge.bake(MODEL, vae=FILE) puts it in place, ckmerge.compose(..., unet=F, te=F, vae=F) into none"),
            "the node Convert a file, with `mend` in Options, writes it": ("`ckmerge convert --mend` writes it", "ckmerge.convert(..., mend=True) writes it"),
            "parameters: 'a' is no pair": ("--param: 'a' is no pair", "param: 'a' is no pair")}
    for told, sentences in same.items():
        assert {text.spoken(sentence) for sentence in sentences} == {told}, [text.spoken(sentence) for sentence in sentences]
    for dashed, bare in (("--allow-expanded lets it pass", "allow_expanded lets it pass"), ("filename_prefix: a is not inside b; name another folder with output=",
                         "filename_prefix: a is not inside b; give a filename_prefix")):
        assert text.spoken(dashed).startswith(bare), text.spoken(dashed)


def only_this_packs_warnings_are_silent(home):
    def warned(module):
        with warnings.catch_warnings(record=True) as seen:
            warnings.filters[:] = filters
            warnings.warn_explicit("x", ckmerge.Warning, f"{module}.py", 1, module=module, registry={})
        return bool(seen)

    filters = list(warnings.filters)
    assert not warned(engine.__name__) and warned("another_pack") and warned(engine.__name__ + "2")
    path = model(os.path.join(home, "A.safetensors"), b"A")
    with warnings.catch_warnings(record=True) as seen:
        warnings.filters[:] = filters
        document = engine.call("merge", [path, path], output=os.path.join(home, "o.safetensors"), method="weighted_sum")
    assert document.get("warnings") and not seen, (document.get("warnings"), [str(one.message) for one in seen])


def a_text_encoder_loads(home):
    Lists(home)
    sd = sys.modules["comfy.sd"]
    loaded = loading.load("text_encoders", "te.safetensors", "sd3")
    assert loaded[1] is sd.load_clip.return_value and sd.load_clip.call_args.kwargs["clip_type"] is sd.CLIPType.SD3
    widget = next(widget for widget in file_work.target_widgets("x") if widget.name == "clip_type")
    assert widget.choices == ["stable_diffusion", "sd3"] and widget.optional and widget.default == "stable_diffusion"


# A tensor of each block, with those by which ckmerge tells the architecture.
BLOCKS = {
    "SD 3 Medium": {"EMBED": "x_embedder.proj.weight", "IN": "joint_blocks.{}.context_block.attn.qkv.weight", "OUT": "final_layer.linear.weight"},
    "SD 3.5 Large": {"EMBED": "x_embedder.proj.weight", "IN": "joint_blocks.{}.context_block.attn.qkv.weight", "OUT": "final_layer.linear.weight"},
    "AuraFlow": {"IN": "init_x_linear.weight", "D": "double_layers.{}.attn.w1q.weight", "S": "single_layers.{}.attn.w1q.weight", "OUT": "final_linear.weight"},
    "Wan 2.1 14B": {"IN": "patch_embedding.weight", "B": "blocks.{}.self_attn.q.weight", "OUT": "head.modulation"},
    "Qwen-Image": {"IN": "txt_norm.weight", "T": "transformer_blocks.{}.attn.add_q_proj.weight", "OUT": "proj_out.weight"},
}


def sliders_are_the_blocks_of_their_model(home):
    for model_name, templates in BLOCKS.items():
        listed = blocks.MODELS[model_name]
        names = [templates[block] if block in templates and "{}" not in templates[block] else templates[block[:-2]].format(int(block[-2:])) for block in listed]
        paths = [os.path.join(home, f"{model_name}-{letter}.safetensors") for letter in "AB"]
        for path, value in zip(paths, (b"\0\x3c", b"\0\x40")):
            make_inputs.write(path, {"format": "pt"}, [(f"model.diffusion_model.{name}", "F16", [1], value) for name in names], True)
        found = engine.call("inspect", paths[:1], blocks=True)["files"][0]["blocks"]
        assert sorted(block["name"] for block in found) == sorted(listed), (model_name, found)
        made = next(one for one in blocks.nodes() if one.title == f"Block weights: {model_name}")
        assert [widget.name for widget in made.widgets()] == listed
        numbers = {block: n / 128 for n, block in enumerate(listed)}
        given = widgets.block_weights(made.run(numbers, node.Hidden()).outputs[0])
        output = os.path.join(home, "out.safetensors")
        engine.call("merge", paths, method="weighted_sum", output=output, force=True, dtype=["f32"], no_register=True, **given)
        values = {name: struct.unpack("<f", data)[0] for name, (_, _, data) in models.read(output)[1].items()}
        assert values == {f"model.diffusion_model.{name}": 1 + number for name, number in zip(names, numbers.values())}, model_name


def the_pack_is_whole(home):
    kinds = {made.id for made in (*merges.nodes(), *operations.nodes(), *blocks.nodes(), checkpoint_save.node(), model_merge.checkpoint_merge())}
    pages = {path.stem for path in (ROOT / "comfyui/web/docs").glob("*.md")}
    assert kinds == pages, kinds ^ pages
    assert (ROOT / "comfyui/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    project = (ROOT / "comfyui/pyproject.toml").read_text(encoding="utf-8")
    assert 'license = { file = "LICENSE" }' in project and '""' not in project


CASES = [a_name_of_another_folder_is_not_taken, a_hidden_file_has_no_name, a_prefix_stays_in_its_folder, fields_of_a_prefix, tomorrow_has_its_own_name,
         saves_do_not_hide,
         dtypes_go_by_the_names_that_parts_got, options_say_whose_they_are, a_formula_has_no_gap, nodes_speak_of_widgets,
         only_this_packs_warnings_are_silent, a_text_encoder_loads,
         sliders_are_the_blocks_of_their_model, the_pack_is_whole]


def main():
    failed = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="ckmerge-nodes-") as home:
            os.environ.update(XDG_CACHE_HOME=f"{home}/cache", XDG_DATA_HOME=f"{home}/data")
            try:
                case(home)
            except Exception:
                failed += 1
                print(f"FAILED: {case.__name__}:\n{traceback.format_exc()}")
    print(f"{len(CASES)} cases, {failed} failed")
    sys.exit(1 if failed else 0)


main()
