#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: merged_pipelines.py CKMERGE
Folders of pipelines, merged component by component into a folder of the same layout, over models whose names were recorded with
the real converters (tests/layouts)."""
import json
import os
import pathlib
import random
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "layouts")]
import make_models
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors
from recorded_models import Recorded

SDXL = {"unet": ("sdxl", "UNet2DConditionModel"), "vae": ("autoencoder-kl", "AutoencoderKL"),
        "text_encoder_2": ("clip-g-open-clip", "CLIPTextModelWithProjection")}
SANA = {"transformer": ("sana", "SanaTransformer2DModel"), "vae": (None, "AutoencoderDC"), "text_encoder": (None, "Gemma2Model")}
BESIDE = {"scheduler": ("scheduler_config.json", "EulerDiscreteScheduler"), "tokenizer": ("tokenizer_config.json", "CLIPTokenizer"),
          "tokenizer_2": ("tokenizer.json", "TokenizersBackend"), "feature_extractor": ("preprocessor_config.json", "CLIPImageProcessor")}


def done(*words):
    result = call(*words)
    expect(result.returncode == 0, f"{' '.join(words)}: {result.returncode} {result.stderr}")
    return result


def plain(sizes, seed=0, prefix=""):
    return {prefix + name: ([count], make_models.bits(count, "F32", random.Random(f"{name} {seed}"))) for name, count in sizes.items()}


def named(model, naming="right", seed=0):
    if model is None:
        return plain({"layers.0.a.weight": 6, "layers.1.a.weight": 6, "norm.weight": 3}, seed)
    return make_models.tensors(Recorded(model), naming, "F32", seed)


def write(path, tensors):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_models.write(path, tensors, metadata={"format": "pt"})


def file_of(component, variant=""):
    stem = "model" if component.startswith(("text_encoder", "safety_checker", "image_encoder")) else "diffusion_pytorch_model"
    return f"{component}/{stem}{variant}.safetensors"


def pipeline(folder, components, seed=0, variant=""):
    """With a config in every sub-folder, which says whose it is."""
    entries = {"_class_name": "SomePipeline", "_diffusers_version": "0.42.1", "image_encoder": [None, None]}
    for component, (model, kind) in components.items():
        write(f"{folder}/{file_of(component, variant)}", named(model, seed=seed))
        entries[component] = ["diffusers", kind]
        pathlib.Path(folder, component, "config.json").write_text(json.dumps({"_class_name": kind, "of": folder}))
    for component, (name, kind) in BESIDE.items():
        entries[component] = ["transformers", kind]
        pathlib.Path(folder, component).mkdir()
        pathlib.Path(folder, component, name).write_text(json.dumps({"of": folder}))
    pathlib.Path(folder, "model_index.json").write_text(json.dumps(entries, indent=2) + "\n")
    return entries


def weights_in(folder):
    return {str(path.relative_to(folder)): safetensors(path)[1] for path in sorted(pathlib.Path(folder).rglob("*.safetensors"))}


def files_in(folder):
    return {str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file()}


def alone(a, b, *words):
    """What a merge of two files or sub-folders gives."""
    done("merge", a, b, "-o", "alone.safetensors", "-f", *words)
    return safetensors("alone.safetensors")[1]


def is_merge_of(folder, a, b, alphas, what):
    for component, alpha in alphas.items():
        found = safetensors(f"{folder}/{file_of(component)}")[1]
        wanted = alone(f"{a}/{component}", f"{b}/{component}", "--alpha", str(alpha))
        expect(found == wanted, f"{what}: {component}: {len(found)} tensors for {len(wanted)}")


def test_two():
    for components in (SDXL, SANA):
        entries = pipeline("a", components)
        pipeline("b", components, seed=1)
        told = done("merge", "a", "b", "--alpha", "0.3", "-o", "out/")
        expect("warning" not in told.stdout, f"two alike: {told.stdout}")
        is_merge_of("out", "a", "b", dict.fromkeys(components, 0.3), "two alike")
        expect(json.loads(pathlib.Path("out/model_index.json").read_text()) == entries, "the index")
        for component, (name, _) in BESIDE.items():
            expect(json.loads(pathlib.Path("out", component, name).read_text()) == {"of": "a"}, f"{component} is A's")
        expect(files_in("a") <= files_in("out"), f"files of A are gone: {files_in('a') - files_in('out')}")
        first = next(iter(components))
        again = done("run", f"out/{file_of(first)}", "A=a", "B=b", "-o", "again")
        expect(weights_in("again") == weights_in("out"), f"run: {again.stdout}")
        done("merge", "a", "b", "--alpha", "0.3", "-o", "saved", "--save-recipe", "r.yaml", "-f")
        done("run", "r.yaml", "-o", "file/")
        expect(weights_in("file") == weights_in("out"), "run of a recipe file")
        done("average", "a", "b", "-o", "mean/")
        is_merge_of("mean", "a", "b", dict.fromkeys(components, 0.5), "average")
        done("convert", "a", "halved/", "--dtype", "f16", "--dtype", "vae=f32")
        kinds = {path: {tensor[0] for tensor in tensors.values()} for path, tensors in weights_in("halved").items()}
        expect(all(kind == ({"F32"} if path.startswith("vae") else {"F16"}) for path, kind in kinds.items()), f"convert: {kinds}")
        for folder in ("a", "b", "out", "again", "saved", "file", "mean", "halved"):
            shutil.rmtree(folder)


def test_found():
    """`run --models` finds pipelines, by their sum under any name, or by their name."""
    pipeline("kept/a", SANA)
    pipeline("kept/b", SANA, seed=1)
    first = file_of("transformer")
    for words, renamed in ((["--hash"], "kept/called/otherwise"), ([], "kept/moved/a")):
        done("merge", "kept/a", "kept/b", "--alpha", "0.3", *words, "-o", "out/")
        pathlib.Path(renamed).parent.mkdir()
        os.rename("kept/a", renamed)
        done("run", f"out/{first}", "--models", "kept", "--hash-cache", "none", "-o", "again/")
        expect(weights_in("again") == weights_in("out"), f"found {words}")
        os.rename(renamed, "kept/a")
        for folder in ("out", "again"):
            shutil.rmtree(folder)
    shutil.rmtree("kept")


def test_one_file_refused():
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    for words in (("-o", "x.safetensors"), ("--filename-prefix", "x")):
        refused(2, "--component unet", "merge", "a", "b", *words)
    expect(not os.path.exists("x.safetensors"), "refused, and written")
    expect("The result would be" in done("plan", "a", "b").stdout, "a plan without a name")
    refused(2, "already exists and is not empty", "merge", "a", "b", "-o", "a")
    refused(2, "holds the input", "merge", "a", "b", "-o", "b/", "-f")


def test_output_in_input():
    """What is read is not replaced, the folder of --config-from neither."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    before = weights_in("a")
    os.symlink("a", "link")
    for words in (("a", "b", "-o", "a/unet/"), ("b", "a", "-o", "a/vae"), ("b", "link", "-o", "a/unet"), ("a", "b", "-o", "link/unet")):
        refused(2, "is in the input", "merge", *words, "-f")
    refused(2, "holds the input", "merge", "a/unet", "b/unet", "-o", "a", "-f")
    pipeline("c", SDXL, seed=2)
    for out in ("c", "c/unet", "c/vae/"):
        refused(2, "the input c", "merge", "a", "b", "-o", out, "--config-from", "c", "-f")
        refused(2, "the input c", "plan", "a", "b", "-o", out, "--config-from", "c", "-f")
    expect(weights_in("a") == before and os.path.exists("c/unet/config.json"), "refused, and replaced")
    done("merge", "a", "b", "-o", "c", "-f")
    done("merge", "a", "b", "-o", "a/new")


def test_broken_index():
    """One that is no index is told as a config is; settings beside the components are of any kind."""
    entries = pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    index = pathlib.Path("a/model_index.json")
    for text in ("{", "", "[]", '"x"', *(json.dumps(entries | {"unet": entry}) for entry in ("foo", 5, {}, True, ["diffusers"]))):
        index.write_text(text)
        for words in (("a", "b"), ("b", "a"), ("b", "b", "--config-from", "a")):
            refused(3, "a/model_index.json cannot be read", "merge", *words, "-o", "no/")
    expect(not os.path.exists("no"), "refused, and written")
    shutil.copytree("a", "old")
    index.write_text(json.dumps(entries | {"is_distilled": True, "ratio": float("inf"), "size": 10**30, "words": ["x"], "prior": None}))
    done("merge", "a", "b", "-o", "old", "-f")
    expect(pathlib.Path("old/model_index.json").read_text() == index.read_text(), "carried as it is spelled")
    index.unlink()
    index.mkdir()
    refused(1, "a/model_index.json: is no file", "merge", "a", "b", "-o", "no/")


def test_weights():
    """A component's weight is given as a part's is, by the part or by the component's own name."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    done("merge", "a", "b", "--alpha", "0.5", "--weight", "unet=0.3", "--weight", "vae=0", "--weight", "text_encoder_2=1", "-o", "out")
    is_merge_of("out", "a", "b", {"unet": 0.3, "vae": 0, "text_encoder_2": 1}, "weights")
    done("merge", "a", "b", "--weight", "te=0.25", "-o", "te")
    is_merge_of("te", "a", "b", {"unet": 0.5, "text_encoder_2": 0.25}, "an encoder's weight")
    pipeline("c", SANA)
    pipeline("d", SANA, seed=1)
    for selector in ("unet", "transformer"):
        done("merge", "c", "d", "--weight", f"{selector}=0.25", "-o", "flow", "-f")
        is_merge_of("flow", "c", "d", {"transformer": 0.25, "vae": 0.5, "text_encoder": 0.5}, selector)
    refused(2, "text_encoder_3", "merge", "a", "b", "--weight", "text_encoder_3=1", "-o", "no")
    # Tensors of one component alone, and of no other that has the same.
    done("merge", "c", "d", "--only", "^text_encoder\\.", "-o", "only")
    is_merge_of("only", "c", "d", {"transformer": 0, "vae": 0, "text_encoder": 0.5}, "--only")


def test_spellings():
    """Each component is brought to the names that A's of that name has; no other component is looked at."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    write("a/text_encoder/model.safetensors", named("clip-g-open-clip", seed=2))
    write("b/text_encoder/model.safetensors", named("clip-g-open-clip", seed=3))
    plainly = weights_in("a") | {}
    done("merge", "a", "b", "--alpha", "0.3", "-o", "out")
    # As transformers 5 saves the first encoder, and as ComfyUI keeps a VAE.
    write("b/text_encoder/model.safetensors",
          {name.removeprefix("text_model."): tensor for name, tensor in named("clip-g-open-clip", seed=3).items()})
    write("b/vae/diffusion_pytorch_model.safetensors", named("autoencoder-kl", "left", seed=1))
    told = done("merge", "a", "b", "--alpha", "0.3", "-o", "spelled")
    expect(weights_in("spelled") == weights_in("out") and plainly.keys() == weights_in("spelled").keys(), f"spellings: {told.stdout}")
    expect("text_encoder: " in told.stdout and "vae: " in told.stdout, f"what was done is told: {told.stdout}")
    inputs = json.loads(metadata_of("spelled/unet/diffusion_pytorch_model.safetensors")["ckmerge.recipe"])["inputs"]
    expect(any(clause.startswith("vae: ") for clause in inputs[1]["equated"]), f"recorded: {inputs}")
    # An encoder that A lacks is not taken for the one that it has, though both are alike.
    shutil.rmtree("a/text_encoder")
    shutil.rmtree("b/text_encoder_2")
    told = done("merge", "a", "b", "--alpha", "0.3", "-o", "none")
    expect(safetensors("none/text_encoder_2/model.safetensors")[1] == safetensors("a/text_encoder_2/model.safetensors")[1], f"another encoder: {told.stdout}")


def test_policies():
    pipeline("a", SDXL | {"safety_checker": (None, "StableDiffusionSafetyChecker")})
    pipeline("b", SDXL | {"movq": (None, "VQModel")}, seed=1)
    told = done("merge", "a", "b", "-o", "out")
    expect("safety_checker" in told.stdout and "movq" in told.stdout, f"what both do not have is told: {told.stdout}")
    expect(safetensors("out/safety_checker/model.safetensors")[1] == safetensors("a/safety_checker/model.safetensors")[1], "kept")
    expect(not os.path.exists("out/movq") and os.path.exists("out/safety_checker/config.json"), "one that A lacks")
    told = done("merge", "a", "b", "--missing", "drop", "-o", "dropped")
    expect(json.loads(pathlib.Path("dropped/model_index.json").read_text())["safety_checker"] == [None, None], "dropped from the index")
    expect(not os.path.exists("dropped/safety_checker"), "dropped")
    refused(4, "", "merge", "a", "b", "--missing", "error", "-o", "no")
    refused(4, "", "merge", "a", "b", "--extra", "error", "-o", "no")
    done("merge", "a", "b", "--extra", "add", "-o", "added")
    expect(safetensors("added/movq/diffusion_pytorch_model.safetensors")[1] == safetensors("b/movq/diffusion_pytorch_model.safetensors")[1], "added")
    expect(json.loads(pathlib.Path("added/model_index.json").read_text())["movq"] == ["diffusers", "VQModel"], "added to the index")
    expect(json.loads(pathlib.Path("added/movq/config.json").read_text())["of"] == "b", "its config with it")


def test_component():
    """--component is the sub-folder of each pipeline; what is no pipeline is as it is."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    wanted = alone("a/unet", "b/unet", "--alpha", "0.3")
    done("merge", "a", "b", "--component", "unet", "--alpha", "0.3", "-o", "unet.safetensors")
    expect(safetensors("unet.safetensors")[1] == wanted, "merge of one component")
    done("merge", "a", "b/unet/diffusion_pytorch_model.safetensors", "--component", "unet", "--alpha", "0.3", "-o", "unet.safetensors", "-f")
    expect(safetensors("unet.safetensors")[1] == wanted, "merge of one component and a file")
    done("average", "a/", "b", "--component", "vae", "-o", "vae.safetensors")
    expect(safetensors("vae.safetensors")[1] == alone("a/vae", "b/vae"), "average")
    done("convert", "a", "c.safetensors", "--component", "text_encoder_2")
    expect(safetensors("c.safetensors")[1] == safetensors("a/text_encoder_2/model.safetensors")[1], "convert")
    expect(json.loads(done("inspect", "a", "--component", "vae", "--json").stdout)["files"][0]["path"] == "a/vae", "inspect")
    done("merge", "one=a", "two=b", "--component", "vae", "--formula", "0.5*one + 0.5*two", "-o", "f.safetensors")
    expect(safetensors("f.safetensors")[1] == alone("a/vae", "b/vae"), "formula")
    done("merge", "one=a", "two=b", "--formula", "0.5*one + 0.5*two", "-o", "formula")
    is_merge_of("formula", "a", "b", dict.fromkeys(SDXL, 0.5), "a formula of pipelines")
    expect(done("hash", "a", "--component", "vae", "--json").stdout == done("hash", "a/vae", "--json").stdout, "hash")
    # A model in Hugging Face's cache, by its name there.
    snapshot = pathlib.Path("cache/huggingface/hub/models--org--pipe/snapshots/0123456789abcdef0123456789abcdef01234567")
    shutil.copytree("a", snapshot)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text(snapshot.name)
    done("convert", "org/pipe", "hub.safetensors", "--component", "vae")
    expect(safetensors("hub.safetensors")[1] == whole("a", "vae"), "a component of a model in the cache")
    done("merge", "org/pipe", "b", "--alpha", "0.3", "-o", "hub")
    expect(whole("hub", "unet") == wanted, "a pipeline in the cache")
    refused(2, "did you mean 'vae'?", "convert", "a", "x.safetensors", "--component", "vea")
    refused(2, "none of the inputs is the folder of a pipeline", "convert", "c.safetensors", "x.safetensors", "--component", "vae")
    expect(not os.path.exists("x.safetensors"), "refused, and written")
    # One component's file is merged into the pipeline that has it.
    done("merge", "a", "b/unet", "--alpha", "0.3", "-o", "into")
    expect(safetensors("into/unet/diffusion_pytorch_model.safetensors")[1] == wanted, "a component into a pipeline")
    expect(safetensors("into/vae/diffusion_pytorch_model.safetensors")[1] == safetensors("a/vae/diffusion_pytorch_model.safetensors")[1], "the others")
    write("ldm.safetensors", named("sdxl", "left", seed=1))
    done("merge", "a", "ldm.safetensors", "--alpha", "0.3", "-o", "into", "-f")
    expect(safetensors("into/unet/diffusion_pytorch_model.safetensors")[1] == wanted, "a component in other names")


def test_beside_files():
    """A whole file is brought to the names of a folder that is A; a component's file has the folder's component brought to its own."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    lost = set(Recorded("clip-g-open-clip").left_out())
    whole = {"model.diffusion_model." + name: tensor for name, tensor in named("sdxl", "left", 1).items()}
    whole |= {"first_stage_model." + name: tensor for name, tensor in named("autoencoder-kl", "left", 1).items()}
    whole |= {"conditioner.embedders.1.model." + name: tensor for name, tensor in named("clip-g-open-clip", "left", 1).items() if name not in lost}
    write("whole.safetensors", whole)
    done("merge", "a", "b", "--alpha", "0.3", "-o", "out")
    done("merge", "a", "whole.safetensors", "--alpha", "0.3", "-o", "mixed")
    expect(weights_in("mixed") == weights_in("out"), "a folder and a file")
    done("merge", "whole.safetensors", "a", "--alpha", "0.3", "-o", "one.safetensors")
    expect(safetensors("one.safetensors")[1].keys() == whole.keys(), "a file and a folder")
    done("merge", "a/unet", "b", "--alpha", "0.3", "-o", "unet.safetensors")
    expect(safetensors("unet.safetensors")[1] == alone("a/unet", "b/unet", "--alpha", "0.3"), "a component and a folder")
    write("sana.safetensors", named("sana", "left"))
    pipeline("sana", SANA, seed=1)
    done("merge", "sana.safetensors", "sana", "--alpha", "0.3", "-o", "sana-out.safetensors")
    expect(safetensors("sana-out.safetensors")[1] == alone("sana.safetensors", "sana/transformer", "--alpha", "0.3"), "Sana")


def test_meant_components():
    """One component alone is told by where it lies, and a VAE by being the only one, in whatever names."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    wanted = alone("a/vae", "b/vae", "--alpha", "0.3")
    write("ldm.safetensors", named("autoencoder-kl", "left", seed=1))
    write("first.safetensors", {"first_stage_model." + name: tensor for name, tensor in named("autoencoder-kl", "left", seed=1).items()})
    for vae in ("b/vae", "b/vae/", f"b/{file_of('vae')}", "ldm.safetensors", "first.safetensors"):
        told = done("merge", "a", vae, "--alpha", "0.3", "-o", "out/", "-f")
        expect(whole("out", "vae") == wanted and whole("out", "unet") == whole("a", "unet"), f"{vae}: {told.stdout}")
        expect("taken as A's vae" in told.stdout, f"{vae}: {told.stdout}")
    # Of two networks alike.
    two = {"transformer": ("sana", "SanaTransformer2DModel"), "transformer_2": ("sana", "SanaTransformer2DModel")}
    pipeline("c", two)
    pipeline("d", two, seed=1)
    write(f"d/{file_of('transformer_2')}", named("sana", seed=2))
    for meant, other in (("transformer", "transformer_2"), ("transformer_2", "transformer")):
        wanted = alone(f"c/{meant}", f"d/{meant}", "--alpha", "0.3")
        done("merge", "c", f"d/{meant}", "--alpha", "0.3", "-o", "out/", "-f")
        expect(whole("out", meant) == wanted and whole("out", other) == whole("c", other), f"{meant} into a folder")
        done("merge", f"c/{meant}", "d", "--alpha", "0.3", "-o", "one.safetensors", "-f")
        expect(safetensors("one.safetensors")[1] == wanted, f"a folder's {meant}")
        write(f"left/{meant}/x.safetensors", named("sana", "left", seed=2 if meant == "transformer_2" else 1))
        done("merge", "c", f"left/{meant}/x.safetensors", "--alpha", "0.3", "-o", "out/", "-f")
        expect(whole("out", meant) == wanted, f"{meant} in the original's names")
    write("x.safetensors", named("sana", "left", seed=2))
    refused(4, "alike", "merge", "c", "x.safetensors", "-o", "no/")


def test_strangers():
    """Components of one name with nothing in common are named; where what denoises has no partner, nothing is merged."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    write(f"b/{file_of('text_encoder_2')}", plain({"encoder.block.0.weight": 6, "shared.weight": 4}))
    told = done("merge", "a", "b", "--alpha", "0.3", "-o", "out/")
    expect("warning: b: its text_encoder_2 has no tensor name in common" in told.stdout, f"one of another kind: {told.stdout}")
    expect(whole("out", "text_encoder_2") == whole("a", "text_encoder_2"), "it stays A's")
    expect(whole("out", "unet") == alone("a/unet", "b/unet", "--alpha", "0.3"), "the others")
    pipeline("c", {"transformer": ("sana", "SanaTransformer2DModel"), "vae": SDXL["vae"]})
    refused(4, "its transformer has no tensor name in common with the unet of a", "merge", "a", "c", "-o", "no/")
    refused(4, "different families", "merge", "c", "a", "-o", "no/")
    done("merge", "a", "c", "--component", "vae", "-o", "vae.safetensors")
    done("merge", "a", "c", "--only", "^vae", "-o", "vae/")
    done("merge", "a", "c", "--extra", "add", "-o", "both/")


def test_sets_of_options():
    """--like goes by names of single files, which folders do not have."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    for name in ("a1111", "artventure"):
        refused(2, "--like " + name, "merge", "a", "b", "--like", name, "-o", "no/")
        refused(2, "--layout comfy", "plan", "a", "b", "--like", name)
        refused(2, "--layout comfy", "merge", "a", "b", "--layout", "diffusers", "--like", name, "-o", "no/")
    done("merge", "a", "b", "--like", "a1111", "--only", "^unet", "-o", "out/")
    expect(whole("out", "unet") == alone("a/unet", "b/unet", "--alpha", "0.3"), "patterns of one's own")
    done("merge", "a", "b", "--layout", "comfy", "--like", "a1111", "-o", "one.safetensors")
    done("convert", "a", "x.safetensors", "--layout", "comfy")
    done("convert", "b", "y.safetensors", "--layout", "comfy")
    expect(safetensors("one.safetensors")[1] == alone("x.safetensors", "y.safetensors", "--like", "a1111"), "--layout comfy")


def test_bake():
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    write("ldm.safetensors", named("autoencoder-kl", "left", seed=1))
    for vae in ("b/vae", "b", "ldm.safetensors"):
        done("bake", "a", "--vae", vae, "-o", "out", "-f")
        found = weights_in("out")
        expect(found["vae/diffusion_pytorch_model.safetensors"] == safetensors("b/vae/diffusion_pytorch_model.safetensors")[1], f"bake {vae}")
        expect(found["unet/diffusion_pytorch_model.safetensors"] == safetensors("a/unet/diffusion_pytorch_model.safetensors")[1], f"bake {vae}: unet")


def in_shards(folder, component, count, variant=""):
    """Splits a component's file, and lists its shards as diffusers does."""
    path = pathlib.Path(folder, file_of(component, variant))
    tensors = safetensors(path)[1]
    named = {name: (shape, make_models.array.array("I", raw)) for name, (_, shape, raw) in tensors.items()}
    stem, names, listed = path.name.split(".")[0], sorted(named), {}
    for k in range(count):
        shard = f"{stem}{variant}-{k + 1:05}-of-{count:05}.safetensors"
        write(path.parent / shard, {name: named[name] for name in names[k::count]})
        listed |= dict.fromkeys(names[k::count], shard)
    index = path.parent / f"{stem}.safetensors.index{variant}.json"
    index.write_text(json.dumps({"metadata": {"total_size": sum(len(tensor[2]) for tensor in tensors.values())}, "weight_map": listed}))
    path.unlink()
    return tensors


def whole(folder, component):
    """The tensors of all of a component's files."""
    found = {}
    for path in sorted(pathlib.Path(folder, component).glob("*.safetensors")):
        found |= safetensors(path)[1]
    return found


def test_shards():
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    done("merge", "a", "b", "--alpha", "0.3", "-o", "plain")
    in_shards("a", "unet", 3)
    in_shards("b", "text_encoder_2", 2)
    done("merge", "a", "b", "--alpha", "0.3", "-o", "one")
    expect(weights_in("one") == weights_in("plain"), "shards of inputs")
    done("merge", "a", "b", "--alpha", "0.3", "--shard-size", "2KB", "-o", "many", "--verify")
    for component in SDXL:
        expect(whole("many", component) == whole("plain", component), f"{component} in shards")
        files = sorted(path.name for path in pathlib.Path("many", component).glob("*.safetensors"))
        stem = pathlib.Path(file_of(component)).name.split(".")[0]
        index = json.loads(pathlib.Path("many", component, f"{stem}.safetensors.index.json").read_text())
        expect(files == [f"{stem}-{k + 1:05}-of-{len(files):05}.safetensors" for k in range(len(files))] and len(files) > 1, f"names: {files}")
        size = sum(len(tensor[2]) for tensor in whole("many", component).values())
        expect(index["metadata"]["total_size"] == size and set(index["weight_map"].values()) == set(files), f"the index of {component}")
        expect(("total_parameters" in index["metadata"]) == component.startswith("text_encoder"), f"what the index of {component} counts")
        expect(all(name in safetensors(f"many/{component}/{file}")[1] for name, file in index["weight_map"].items()), f"where {component}'s tensors are")
    done("convert", "many", "again")
    expect(weights_in("again") == weights_in("plain"), "shards in one file again")
    done("merge", "a", "b", "--component", "unet", "--alpha", "0.3", "-o", "unet.safetensors")
    expect(safetensors("unet.safetensors")[1] == whole("plain", "unet"), "a component in shards")
    # What the component's own reader takes of a file and an index side by side.
    write("a/unet/diffusion_pytorch_model.safetensors", named("sdxl", seed=7))
    told = done("merge", "a", "b", "--alpha", "0.3", "-o", "one", "-f")
    expect(weights_in("one") == weights_in("plain") and "diffusers reads" in told.stdout, f"a file beside an index: {told.stdout}")


def test_variants():
    """One variant for all components: the plain one, where all have it, else the one that all have."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    done("merge", "a", "b", "--alpha", "0.3", "-o", "plain")
    pipeline("v", SDXL, variant=".non_ema")
    done("merge", "v", "b", "--alpha", "0.3", "-o", "out")
    found = weights_in("out")
    expect(set(found) == {file_of(component, ".non_ema") for component in SDXL}, f"names of the variant: {set(found)}")
    expect(all(found[file_of(component, ".non_ema")] == whole("plain", component) for component in SDXL), "weights of the variant")
    done("merge", "b", "v", "--alpha", "0.7", "-o", "out", "-f")
    expect(set(weights_in("out")) == set(weights_in("plain")), "the names are A's")
    done("merge", "v", "b", "--shard-size", "2KB", "-o", "many")
    expect(os.path.exists("many/unet/diffusion_pytorch_model.safetensors.index.non_ema.json"), "an index of the variant")
    shards = list(pathlib.Path("many/unet").glob("diffusion_pytorch_model.non_ema-*-of-*.safetensors"))
    expect(len(shards) > 1, "names of shards of the variant")
    expect(whole("many", "vae") == alone("v/vae", "b/vae"), "shards of the variant")
    # Beside plain files of some components; then of all.
    write("v/unet/diffusion_pytorch_model.safetensors", named("sdxl", seed=5))
    done("convert", "v", "same")
    expect(whole("same", "unet") == safetensors("v/unet/diffusion_pytorch_model.non_ema.safetensors")[1], "the variant that all have")
    os.unlink("v/unet/diffusion_pytorch_model.non_ema.safetensors")
    done("convert", "v", "same", "-f")
    expect(set(weights_in("same")) == {file_of(component, ".non_ema") for component in SDXL}, "the variant with a plain component")
    for component in SDXL:
        write(f"v/{file_of(component)}", named(SDXL[component][0], seed=5))
    done("convert", "v", "same", "-f")
    expect(weights_in("same") == {file_of(component): safetensors(f"v/{file_of(component)}")[1] for component in SDXL}, "the plain ones")
    # No loader reads two variants.
    pipeline("w", SDXL, variant=".fp16")
    os.rename("w/vae/diffusion_pytorch_model.fp16.safetensors", "w/vae/diffusion_pytorch_model.bf16.safetensors")
    refused(4, "vae as bf16", "merge", "w", "b", "-o", "no")
    done("merge", "w/vae", "b/vae", "-o", "vae.safetensors")
    # A variant that is a dtype is one no more in another.
    pipeline("h", SDXL, variant=".fp32")
    done("convert", "h", "same", "-f")
    expect(set(weights_in("same")) == {file_of(component, ".fp32") for component in SDXL}, "its own dtype")
    done("convert", "h", "same", "-f", "--dtype", "f16")
    expect(set(weights_in("same")) == set(weights_in("plain")), "another dtype")


def test_beside_weights():
    """Licences come along, code where it is asked for; weights of other forms, pictures and the old card do not."""
    pipeline("a", SDXL)
    pipeline("b", SDXL, seed=1)
    for name in ("LICENSE.md", "README.md", "model.py", "x.png", "unet/own_unet.py", "unet/trainer_state.json", "onnx/model.onnx"):
        pathlib.Path("a", name).parent.mkdir(exist_ok=True)
        pathlib.Path("a", name).write_text("of a")
    told = done("merge", "a", "b", "-o", "out")
    there = {name for name in ("LICENSE.md", "model.py", "x.png", "unet/own_unet.py", "unet/trainer_state.json", "onnx") if os.path.exists("out/" + name)}
    expect(there == {"LICENSE.md"} and "base_model:" in pathlib.Path("out/README.md").read_text(), f"beside the weights: {there}")
    expect("unet/own_unet.py (code)" in told.stdout and "x.png" in told.stdout and "onnx/" in told.stdout, f"what is not carried: {told.stdout}")
    done("merge", "a", "b", "-o", "out", "-f")
    done("merge", "a", "b", "-o", "coded", "--copy-code")
    expect(os.path.exists("coded/unet/own_unet.py"), "--copy-code")
    config = {"_class_name": "UNet2DConditionModel", "quantization_config": {"bits": 4}, "dtype": "float16"}
    pathlib.Path("a/unet/config.json").write_text(json.dumps(config))
    told = done("merge", "a", "b", "-o", "out", "-f")
    expect(json.loads(pathlib.Path("out/unet/config.json").read_text()) == {"_class_name": "UNet2DConditionModel", "dtype": "float32"}, "a config")
    os.mkdir("given")
    pathlib.Path("given/vae").mkdir()
    pathlib.Path("given/vae/config.json").write_text('{"_class_name": "AutoencoderKL", "of": "given"}')
    done("merge", "a", "b", "-o", "out", "-f", "--config-from", "given")
    expect(json.loads(pathlib.Path("out/vae/config.json").read_text())["of"] == "given", "--config-from")
    report = json.loads(done("merge", "a", "b", "-o", "out", "-f", "--json").stdout)
    expect({"path": "vae/config.json", "left": None} in report["output"]["beside"], f"beside in JSON: {report['output'].get('beside')}")


run_in_folders(test_shards, test_variants, test_beside_weights, test_two, test_found, test_one_file_refused, test_output_in_input, test_broken_index, test_weights,
               test_spellings, test_policies, test_component, test_beside_files, test_meant_components, test_strangers, test_sets_of_options, test_bake)
