#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: buffers.py CKMERGE
Marks, noise schedules and positions, and the metadata that readers act on: through merge, bake, compose, convert and
run, on files made here and, where they are, on those that users reported."""
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, run_in_folders
from operation_files import CLIP, UNET, VAE, make, produces, read

REPORTED = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"


def model(value, **more):
    return {UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": ("F32", [1, 768], [value] * 768),
            CLIP + "embeddings.position_ids": ("I64", [1, 3], [0, 1, 2]), CLIP + "final_layer_norm.weight": ("F32", [2], [value] * 2),
            VAE + "decoder.conv_in.weight": ("F32", [1, 4], [value] * 4), "alphas_cumprod": ("F32", [2], [0.5, 0.25]), **more}


def told(done, *texts):
    expect(done.returncode == 0, f"{done.args}: {done.returncode} {done.stderr}")
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    expect(len(warnings) == len(texts), f"{done.args}: {warnings}")
    for text in texts:
        expect(any(text in line for line in warnings), f"{done.args}: nothing says {text}: {warnings}")
    return done


def merge(*words):
    return call("merge", *words, "-o", "out.safetensors", "-f")


def test_marks():
    make("eps.safetensors", model(1))
    make("v.safetensors", model(2, v_pred=("F16", [0], []), ztsnr=("F16", [0], [])), {"modelspec.prediction_type": "v"})
    told(merge("eps.safetensors", "eps.safetensors"), "are the same file")
    told(merge("v.safetensors", "eps.safetensors", "--half"), "predicts v, not noise", "ztsnr is in")
    out = read("out.safetensors")
    expect(out["v_pred"][0] == "F16" and out["alphas_cumprod"][0] == "F32", f"dtypes: {out['v_pred']} {out['alphas_cumprod']}")
    told(merge("eps.safetensors", "v.safetensors"), "v_pred is in", "ztsnr is in")
    expect("modelspec.prediction_type" not in metadata_of("out.safetensors"), "B's prediction is written")
    told(merge("eps.safetensors", "v.safetensors", "--only", "^first_stage_model"))
    told(merge("eps.safetensors", "v.safetensors", "--alpha", "1"), "v_pred of v.safetensors", "ztsnr of v.safetensors")
    told(merge("v.safetensors", "v.safetensors", "--discard", "^v_pred$"), "same file", "v_pred, by which programs go, is left out")
    make("wrong.safetensors", model(2, v_pred=("F16", [0], [])), {"modelspec.prediction_type": "epsilon"})
    told(call("convert", "wrong.safetensors", "out.safetensors", "-f"), "programs go by the tensor")
    whole = read("v.safetensors")
    produces({name: whole[name] for name in whole if name.startswith(UNET) or name in ("v_pred", "ztsnr", "alphas_cumprod")},
             "convert", "v.safetensors", "out.safetensors", "--part", "unet")
    produces({name: whole[name] for name in whole if name.startswith(VAE)}, "convert", "v.safetensors", "out.safetensors", "--part", "vae")
    eps = read("eps.safetensors")
    composed = {name: (whole if name.startswith(UNET) or name not in eps or name == "alphas_cumprod" else eps)[name] for name in whole}
    produces(composed, "compose", "--unet", "v.safetensors", "--te", "eps.safetensors", "--vae", "eps.safetensors", "-o", "out.safetensors")
    bare = {name.removeprefix(UNET): entry for name, entry in model(3).items() if name.startswith(UNET)}
    make("bare.safetensors", {**bare, "v_pred": ("F32", [0], []), "__x0__": ("F32", [0], [])})
    told(call("compose", "--unet", "bare.safetensors", "-o", "out.safetensors", "-f"))
    expect({"v_pred", UNET + "__x0__"} < set(read("out.safetensors")), f"of a bare unet: {sorted(read('out.safetensors'))}")


def test_schedules():
    make("a.safetensors", model(1))
    make("b.safetensors", model(2, alphas_cumprod=("F32", [2], [0.5, 0])))
    make("half.safetensors", model(2, alphas_cumprod=("F16", [2], [0.5, 0.25])))
    make("pruned.safetensors", {name: entry for name, entry in model(2).items() if name != "alphas_cumprod"})
    told(merge("a.safetensors", "b.safetensors", "--dtype", "f16"), "noise schedule differs between the checkpoints (alphas_cumprod)")
    expect(read("out.safetensors")["alphas_cumprod"] == read("a.safetensors")["alphas_cumprod"], "the schedule is A's")
    told(merge("a.safetensors", "half.safetensors"))
    told(merge("a.safetensors", "pruned.safetensors"), "only a.safetensors has a noise schedule")
    told(merge("pruned.safetensors", "a.safetensors"), "it is left out")
    plan = json.loads(call("plan", "a.safetensors", "b.safetensors", "--json").stdout)
    expect(plan["counts"]["copy_buffer"] == 1 and plan["merge_buffers"] is False, f"counts: {plan['counts']}")
    done = json.loads(merge("a.safetensors", "b.safetensors", "--json").stdout)
    expect(any("noise schedule differs" in text for text in done["warnings"]), f"warnings: {done['warnings']}")
    mean = dict(read("a.safetensors"))
    for name in mean:
        if mean[name][0] == "F32":
            mean[name] = ("F32", mean[name][1], struct.pack("<2f", 0.5, 0.125) if name == "alphas_cumprod"
                          else struct.pack("<f", 1.5) * (len(mean[name][2]) // 4))
    produces(mean, "merge", "a.safetensors", "b.safetensors", "--merge-buffers", "-o", "out.safetensors")


def test_positions():
    ids = CLIP + "embeddings.position_ids"
    make("a.safetensors", model(1, **{ids: ("F16", [1, 3], [0, 0.9995, 2])}))
    make("float.safetensors", model(1, **{ids: ("F16", [1, 3], [0, 1, 2])}))
    make("b.safetensors", model(2))
    told(merge("float.safetensors", "b.safetensors"))
    told(merge("a.safetensors", "b.safetensors"), "(F16) is not 0, 1, 2")
    make("other.safetensors", model(1, **{ids: ("I64", [1, 3], [0, 1, 1])}))
    told(merge("b.safetensors", "other.safetensors"), "a table of positions differs")
    mended = {**read("b.safetensors")}
    produces(mended, "merge", "a.safetensors", "b.safetensors", "--alpha", "1", "--mend", "-o", "out.safetensors")
    told(call("convert", "a.safetensors", "out.ckpt", "--mend", "--half", "-f"))
    told(call("convert", "out.ckpt", "back.safetensors", "--dtype", "f32"))
    expect(read("back.safetensors")[ids] == mended[ids], f"mended in a .ckpt: {read('back.safetensors')[ids]}")
    produces({ids: mended[ids]}, "merge", "a.safetensors", "b.safetensors", "--mend", "--discard", "weight", "--discard", "cumprod", "-o", "out.safetensors")


def test_metadata():
    make("a.safetensors", model(1), {"config": '{"a": 1}', "modelspec.title": "A", "license": "mit"})
    make("b.safetensors", model(2), {"config": '{"a": 2}', "modelspec.title": "B", "license": "mit", "note": "n"})
    told(merge("a.safetensors", "b.safetensors"), 'config is \'{"a": 1}\'')
    fields = metadata_of("out.safetensors")
    expect((fields["config"], fields["modelspec.title"], fields["note"]) == ('{"a": 1}', "A", "n"), f"fields: {fields}")
    told(merge("a.safetensors", "b.safetensors", "--like", "a1111"), "that of a.safetensors is kept")
    fields = metadata_of("out.safetensors")
    expect((fields["config"], fields["modelspec.title"]) == ('{"a": 1}', "B"), f"as A1111: {fields}")
    told(merge("a.safetensors", "b.safetensors", "--metadata", "recipe"))
    told(call("bake", "a.safetensors", "--vae", "b.safetensors", "-o", "out.safetensors", "-f"), "left out, being of no VAE",
         "the vae comes from b.safetensors, but config")
    told(merge("a.safetensors", "b.safetensors", "--alpha", "1", "--exclude", "^first_stage"), "config is", "the unet and the te come from b")
    told(call("compose", "--unet", "a.safetensors", "--vae", "b.safetensors", "-o", "out.safetensors", "-f"), "no unet", "no VAE", "config is",
         "the vae comes from b.safetensors, but config")
    expect(metadata_of("out.safetensors")["config"] == '{"a": 1}', "the unet's configuration")
    told(merge("a.safetensors", "b.safetensors", "--set-metadata", 'config={"a": 3}'))
    make("same.safetensors", model(2), {"config": '{"a":1}', "license": "nc"})
    told(merge("a.safetensors", "same.safetensors"), "license is")
    told(merge("a.safetensors", "same.safetensors", "--metadata", "last"), "that of same.safetensors is kept")
    make("none.safetensors", model(2))
    told(call("bake", "none.safetensors", "--vae", "b.safetensors", "-o", "out.safetensors", "-f"), "being of no VAE", "config of b.safetensors is left out")


def test_parts():
    predicts = {"modelspec.prediction_type": "v", "config": "1"}
    make("v.safetensors", model(1, v_pred=("F32", [0], [])), predicts)
    for part in ("vae", "te"):
        told(call("convert", "v.safetensors", "out.safetensors", "--part", part, "-f"))
        expect("modelspec.prediction_type" not in metadata_of("out.safetensors"), f"prediction of a {part}")
    told(call("convert", "v.safetensors", "out.safetensors", "--part", "unet", "-f"))
    expect(metadata_of("out.safetensors")["modelspec.prediction_type"] == "v", "prediction of a unet")
    told(call("convert", "v.safetensors", "out.safetensors", "--add-prefix", "foo.", "--half", "-f"))
    expect(read("out.safetensors")["foo.v_pred"][0] == "F32", "a mark below a prefix is no weight")
    make("eps.safetensors", model(1), {"modelspec.prediction_type": "epsilon", "config": "2"})
    told(call("compose", "--unet", "v.safetensors", "--te", "eps.safetensors", "--vae", "eps.safetensors", "-o", "out.safetensors", "-f"),
         "being of no unet", "being of no text encoder", "being of no VAE", "config is", "the te and the vae come from eps.safetensors, but config")


def test_reported():
    if not REPORTED.is_dir():
        return print("NOT RUN: the reported files are not there")
    at = lambda name: str(REPORTED / (name + ".safetensors"))
    told(merge(at("schedule/ordinary"), at("schedule/zt"), "--half"), "the noise schedule differs")
    before, after = read(at("schedule/ordinary")), read("out.safetensors")
    expect(all(after[name] == before[name] for name in before if "alphas_cumprod" in name or name == "betas"), "A's schedule")
    told(merge(at("sigmas/A"), at("sigmas/B")), "model_sampling.sigmas")
    told(merge(at("marks/edit-2509"), at("marks/edit-2511")), "__index_timestep_zero__")
    told(merge(at("vpred/eps"), at("vpred/vpred")), "v_pred is in", "ztsnr is in")
    told(merge(at("config/A"), at("config/B")), "config is", "model_version is '0.9.5'")


run_in_folders(test_marks, test_schedules, test_positions, test_metadata, test_parts, test_reported)
