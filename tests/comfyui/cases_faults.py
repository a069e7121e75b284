# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: an interrupt, wrong inputs, a full disk, two prompts at once."""
import time

import models
from bench import Workflow, check

BAR, SLACK = 1.0, 1.0  # seconds from Interrupt to the end of the prompt; what a machine that does other things may add to it


def partial(bench):
    return [str(path) for path in bench.output.rglob("*") if "partial" in path.name]


def interrupted(bench, prompt, told):
    """Interrupts a prompt at its first progress."""
    before, at = bench.written(), []

    def press(event):
        if event["type"] == "progress" and not at:
            at.append(time.monotonic())
            bench.server.interrupt()

    outcome = bench.server.run(prompt, at=press)
    check(at, f"{told}: no progress was told")
    took = time.monotonic() - at[0]
    check(outcome.status == "interrupted", f"{told}: {outcome.status} in place of interrupted")
    check(took < BAR + SLACK, f"{told}: the interrupt took {took:.2f} s")
    check(bench.written() == before and not partial(bench), f"{told}: left behind {set(bench.written()) - set(before)} {partial(bench)}")
    print(f"  {told}: ended {took:.2f} s after Interrupt" + (f", which is more than {BAR} s: run it again on a quiet machine" if took > BAR else ""))


def interrupt(bench):
    big = bench.checkpoints / "big.safetensors"
    if not big.exists():
        models.make_inputs.write(big, {"format": "pt"}, [(f"model.diffusion_model.{n}.weight", "F32", [1 << 27], 1 << 29) for n in range(6)], True)
    asked = bench.one("ckmerge_slerp", A="big.safetensors", B="big.safetensors", filename_prefix="interrupt/x")
    interrupted(bench, asked, "a merge that hashes its inputs")
    bench.program("hash", big)  # now the cache of sums, which is the server's too, has it
    interrupted(bench, asked, "a merge of inputs whose sums are known")
    bench.server.run(bench.one("ckmerge_plan", A="bare-A.safetensors", B="bare-B.safetensors"))
    outcome = bench.run(bench.one("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", filename_prefix="interrupt/after"))
    check(outcome.status == "success", "the next prompt was interrupted as well")


def wrong_inputs(bench):
    """One sentence each, no traceback in it, and nothing written."""
    (bench.checkpoints / "broken.safetensors").write_bytes(b"\xff" * 64)
    models.make_inputs.write(bench.checkpoints / "other.safetensors", {"format": "pt"}, [("other.weight", "F16", [4], bytes(8))], True)
    before = bench.written()
    wrong = {
        "broken.safetensors": {"B": "broken.safetensors"},
        "other.safetensors": {"B": "other.safetensors"},
        "block_weights: 'IN00'": {"B": "bare-B.safetensors", "block_weights": "IN00"},
        "IN77": {"B": "bare-B.safetensors", "block_weights": "IN77=0.3"},
        "te": {"B": "bare-B.safetensors", "dtype_te": "f16"},
    }
    for words, inputs in wrong.items():
        outcome = bench.run(bench.one("ckmerge_weighted_sum", A="bare-A.safetensors", filename_prefix="wrong/x", **inputs), "error")
        check(words in outcome.error and "Traceback" not in outcome.error, f"'{words}' is not in: {outcome.error}")
        check(outcome.error.count("\n") == 0, f"more than a sentence: {outcome.error}")
    outcome = bench.run(bench.one("ckmerge_weighted_sum", A="not-there.safetensors", B="bare-B.safetensors"), "error")
    check("not-there.safetensors is in none of the lists" in outcome.error, outcome.error)
    outcome = bench.run(bench.one("ckmerge_formula", A="bare-A.safetensors", B="bare-B.safetensors", formula="A + ", filename_prefix="wrong/x"), "error")
    check("formula" in outcome.error, outcome.error)
    check(bench.written() == before and not partial(bench), "something was written")


def two_prompts(bench):
    """Two prompts at once run one after the other, and are two files."""
    first = bench.server.post(bench.one("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", alpha=0.11, filename_prefix="two/x"))
    second = bench.server.post(bench.one("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", alpha=0.22, filename_prefix="two/x"))
    for prompt in (first, second):
        check(bench.server.follow(prompt).status == "success", "a prompt failed")
    check(bench.written("checkpoints/two") == ["x_00001_.safetensors", "x_00002_.safetensors"], str(bench.written("checkpoints/two")))


def full_disk(bench):
    """`output/checkpoints/full` is a small file system of its own, where one can be mounted."""
    if not bench.small_disk:
        return print("NOT RUN: a full disk under the nodes in ComfyUI (no small file system can be mounted here)")
    outcome = bench.run(bench.one("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", filename_prefix="full/x"), "error")
    check("disk" in outcome.error or "space" in outcome.error or "free" in outcome.error, outcome.error)
    check(not bench.written("checkpoints/full"), f"left behind {bench.written('checkpoints/full')}")
    workflow, link = Workflow(), Workflow.link
    loader = workflow.add("CheckpointLoaderSimple", ckpt_name="bare-A.safetensors")
    workflow.add("ckmerge_CheckpointSave", model=link(loader), clip=link(loader, 1), vae=link(loader, 2), filename_prefix="checkpoints/full/x", dtype="keep")
    outcome = bench.run(workflow.nodes, "error")
    check("disk" in outcome.error or "space" in outcome.error or "free" in outcome.error, outcome.error)
    check(not bench.written("checkpoints/full"), f"left behind {bench.written('checkpoints/full')}")


CASES = [interrupt, wrong_inputs, two_prompts, full_disk]
