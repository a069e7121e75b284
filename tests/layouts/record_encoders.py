# SPDX-License-Identifier: Apache-2.0
"""Text encoders in open_clip's naming."""
from recorded_model import Model, converter

WIDTH = 4


def open_clip(layers, projection):
    def left():
        shapes = {"positional_embedding": [5, WIDTH], "token_embedding.weight": [7, WIDTH], "ln_final.weight": [WIDTH],
                  "ln_final.bias": [WIDTH], "logit_scale": []}  # fmt: skip
        if projection:
            shapes["text_projection"] = [WIDTH, WIDTH]
        for layer in range(layers):
            own = {
                "attn.in_proj_weight": [3 * WIDTH, WIDTH], "attn.in_proj_bias": [3 * WIDTH],
                "attn.out_proj.weight": [WIDTH, WIDTH], "attn.out_proj.bias": [WIDTH], "ln_1.weight": [WIDTH],
                "ln_1.bias": [WIDTH], "ln_2.weight": [WIDTH], "ln_2.bias": [WIDTH],
                "mlp.c_fc.weight": [4 * WIDTH, WIDTH], "mlp.c_fc.bias": [4 * WIDTH],
                "mlp.c_proj.weight": [WIDTH, 4 * WIDTH], "mlp.c_proj.bias": [WIDTH],
            }  # fmt: skip
            if 0 < layer < layers - 1:  # layers are alike: of those between, what says how many there are
                own = {"ln_1.weight": [WIDTH]}
            shapes.update({"transformer.resblocks.{}.{}".format(layer, n): shape for n, shape in own.items()})
        return shapes

    return left


class WidthOnly:
    """What the converter asks its text model for."""

    class config:
        hidden_size = WIDTH


def convert(prefix):
    def run(tensors):
        from diffusers.loaders import single_file_utils

        named = {prefix + name: tensor for name, tensor in tensors.items()}
        return single_file_utils.convert_open_clip_checkpoint(WidthOnly, named, prefix)

    return run


def models():
    by, namings = "convert_open_clip_checkpoint", ("open_clip", "hugging_face")
    yield Model("clip-g-open-clip", "clip", open_clip(2, True), convert("conditioner.embedders.1.model."),
                by=by, namings=namings)  # fmt: skip
    # Stable Diffusion 2 has 24 layers, of which the last is never used.
    yield Model("clip-h-open-clip", "clip", open_clip(24, True), convert("cond_stage_model.model."),
                by=by, namings=namings)  # fmt: skip
