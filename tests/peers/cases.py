# SPDX-License-Identifier: Apache-2.0
"""What is compared with other programs: what they are asked, the command that means the same, and how far apart the two
may lie, with the reason, in units of 2^-24 (half of f32's unit) of the largest magnitude that the inputs have in the
element, or that inputs and result have in the tensor where a method has norms. After that both round once to the output's dtype, to nearest: values
that lie that close can come to stand one step apart there."""
from dataclasses import dataclass

SLIDERS = {"input": 0.25, "middle": 0.5, "out": 0.875}
SD1 = {**{f"input_blocks.{n}.": round(0.05 * n + 0.1, 2) for n in range(12)}, **{f"middle_block.{n}.": 0.3 * n + 0.2 for n in range(3)},
       **{f"output_blocks.{n}.": round(1 - 0.07 * n, 2) for n in range(12)}, "time_embed.": 0.45, "out.": 0.05}
BLOCKS1 = {"BASE": 0.1, "M00": 0.9} | {f"{side}{n:02}": round(0.03 * n + start, 2) for side, start in (("IN", 0.2), ("OUT", 0.4)) for n in range(12)}
BLOCKSXL = {"BASE": 0.1, "M00": 0.9, "VAE": 0.35} | {f"{side}{n:02}": round(0.04 * n + start, 2) for side, start in (("IN", 0.2), ("OUT", 0.4)) for n in range(9)}


@dataclass
class Case:
    name: str
    peer: str
    call: dict  # what the peer is asked, as peer_calls.py reads it
    words: str  # ckmerge's, before the files
    inputs: str  # letters, in ckmerge's order
    units: float  # how far apart; 0 is to the bit
    why: str
    layout: str = "plain"
    of_tensor: bool = False  # units of the largest magnitude that the tensor has in the inputs and in the result
    dtypes: tuple = ("F32",)
    skip: str = ""  # names that the peer treats by another rule, said in docs/peers.md
    keeps_equal: bool = True  # whether elements that all inputs share are theirs here; not where weights do not sum to one


def weight_words(weights, kept=False):
    """A --weight per block; of what ComfyUI keeps of the first model the rest to one."""
    return " ".join(f"--weight {key}={round(1 - value, 4) if kept else value}" for key, value in weights.items())


ALL = ("F32", "F16", "BF16")
# Tensors of fewer rows than columns.
WIDE = r"body.0.weight|head.weight|headers.\d.2.weight|extras.0.0.weight|base_net.7.branch\d.0.conv.weight"
OURS = "c0*A + c1*B here, the peer has "
MECHA = [
    Case("weighted_sum", "sd-mecha", {"method": "weighted_sum", "alpha": 0.3}, "-m weighted_sum --alpha 0.3", "AB", 5,
         OURS + "fma(alpha, B - A, A)", dtypes=ALL),
    Case("weighted_sum, most of B", "sd-mecha", {"method": "weighted_sum", "alpha": 0.7}, "-m weighted_sum --alpha 0.7", "AB", 5,
         OURS + "fma(-(B - A), 1 - alpha, B)", dtypes=ALL),
    Case("n_average", "sd-mecha", {"method": "n_average"}, "-m n_average", "ABC", 8, "a sum of thirds here, a mix with 1/2 and one with 1/3 there"),
    Case("add_difference", "sd-mecha", {"method": "add_difference", "alpha": 0.7}, "-m add_difference --alpha 0.7", "ABC", 7,
         "the product is rounded here, there it is not (fma)", dtypes=ALL),
    Case("train_difference", "sd-mecha", {"method": "train_difference", "alpha": 0.9}, "-m train_difference --alpha 0.9", "ABC", 16,
         "the same operations in another order, on a difference that is multiplied by up to 1.8"),
    Case("add_opposite", "sd-mecha", {"method": "add_opposite", "alpha": 0.8}, "-m add_opposite --alpha 0.8", "ABC", 16,
         "A + B - 2*C there, (A - C) + (B - C) here"),
    Case("add_strict_opposite", "sd-mecha", {"method": "add_strict_opposite", "alpha": 0.8}, "-m add_strict_opposite --alpha 0.8", "ABC", 16,
         "the same operations in another order"),
    Case("geometric", "sd-mecha", {"method": "geometric_sum", "alpha": 0.4}, "-m geometric --alpha 0.4", "AB", 32,
         "complex powers in f32 there, a power here that is rounded once", skip="head.gain"),  # written there with twice its bytes
    Case("clamp", "sd-mecha", {"method": "clamp"}, "-m clamp", "ABC", 0, "a choice among values", dtypes=ALL),
    Case("tensor_sum", "sd-mecha", {"method": "tensor_sum", "width": 0.5}, "-m tensor_sum --alpha 0.5 --beta 0", "AB", 0, "a choice of rows",
         dtypes=ALL, skip="body.1.bias"),  # of 31 rows half is 16 there, 15 here and in supermerger
    Case("truncate_rank", "sd-mecha", {"method": "truncate_rank", "rank": 3, "merge_dtype": "F64"}, "-m truncate_rank --rank 3", "AB", 3,
         "in f64 there, too, as asked for; in f32 it is up to 260 units off", of_tensor=True, keeps_equal=False),
    Case("rotate", "sd-mecha", {"method": "rotate", "alpha": 0.3, "centralization": 0.0, "merge_dtype": "F64"}, "-m rotate --alpha 0.3 --centralization 0",
         "AB", 3, "in f64 there, too, as asked for; in f32 it is up to 96 units off", of_tensor=True, keeps_equal=False),
    Case("top_k_tensor_sum", "sd-mecha", {"method": "top_k_tensor_sum", "width": 0.4, "offset": 0.3}, "-m top_k_tensor_sum --width 0.4 --offset 0.3", "AB", 0,
         "a choice among values", dtypes=ALL, keeps_equal=False),
    Case("crossover", "sd-mecha", {"method": "crossover", "alpha": 0.3, "tilt": 0.0}, "-m crossover --alpha 0.3 --tilt 0", "AB", 16,
         "transforms in f32 there, in f64 here", of_tensor=True, keeps_equal=False),
    Case("crossover with a slope", "sd-mecha", {"method": "crossover", "alpha": 0.4, "tilt": 0.3}, "-m crossover --alpha 0.4 --tilt 0.3", "AB", 16,
         "the same", of_tensor=True, keeps_equal=False),
    Case("rotate by a part", "sd-mecha", {"method": "rotate", "alpha": 0.0, "alignment": 0.4, "centralization": 1.0, "merge_dtype": "F64"},
         "-m rotate --alignment 0.4", "AB", 3, "in f64 there, too; of fewer rows than columns Q is not the only one", of_tensor=True, keeps_equal=False,
         skip=WIDE),
    Case("blocks of SD 1", "sd-mecha", {"method": "weighted_sum", "blocks": BLOCKS1, "config": "sd1"},
         "-m weighted_sum " + weight_words(BLOCKS1), "AB", 5, "as weighted_sum", layout="sd1", skip="time_embed"),  # of BASE there, of IN00 here
    Case("blocks of SDXL", "sd-mecha", {"method": "weighted_sum", "blocks": BLOCKSXL, "config": "sdxl"},
         "-m weighted_sum " + weight_words(BLOCKSXL).replace("VAE=", "vae="), "AB", 5, "as weighted_sum",
         layout="sdxl", skip="time_embed|label_emb"),
    Case("a formula", "sd-mecha", {"method": "nested"}, "--formula 0.6*(A+0.7*(B-C))+0.4*B", "ABC", 12, "as the two methods in it"),
]
# 1e-6 of the tensor's largest element is 16.8 units.
TENSOR_SUMS = "sums over the tensor in f32 there, in f64 here"
LINE_SUMS = "sums over columns in f32 there, in f64 here"
# Its differences have a cosine of -0.986, by which roundings of f32 become 570 and 1,400 units of f64's result there.
OPPOSED = "body.1.bias"
MECHA += [
    Case("slerp", "sd-mecha", {"method": "slerp", "alpha": 0.3}, "-m unit_slerp --alpha 0.3", "AB", 16, TENSOR_SUMS, of_tensor=True, dtypes=ALL,
         keeps_equal=False, skip="head.gain"),  # of one element, opposite: noise there
    Case("perpendicular_component", "sd-mecha", {"method": "perpendicular_component"}, "-m perpendicular_component", "AB", 16, TENSOR_SUMS,
         of_tensor=True, keeps_equal=False),
    Case("add_perpendicular", "sd-mecha", {"method": "add_perpendicular", "alpha": 0.7}, "-m add_perpendicular --alpha 0.7", "ABC", 16, TENSOR_SUMS,
         of_tensor=True),
    Case("add_cosine_a", "sd-mecha", {"method": "add_cosine_a", "alpha": 0.4}, "-m add_cosine_a --alpha 0.4", "AB", 16, LINE_SUMS, of_tensor=True),
    Case("add_cosine_b", "sd-mecha", {"method": "add_cosine_b", "alpha": 0.4}, "-m add_cosine_b --alpha 0.4", "AB", 16, LINE_SUMS, of_tensor=True),
    Case("geometric_median", "sd-mecha", {"method": "geometric_median", "merge_dtype": "F64"}, "-m geometric_median", "ABC", 16,
         "in f64 there, steps alone in f64 here", of_tensor=True),
]
MECHA += [
    Case("ties_sum", "sd-mecha", {"method": "ties_sum", "alpha": 0.9, "k": 0.4}, "-m ties_sum --alpha 0.9 --k 0.4", "ABC", 7,
         "one product is not rounded there (fma)"),
    Case("ties_sum of all, by size", "sd-mecha", {"method": "ties_sum", "k": 1.0, "vote_sgn": True}, "-m ties_sum --vote-sgn", "ABC", 7,
         "sums in another order"),
    Case("ties_sum_extended", "sd-mecha", {"method": "ties_sum_extended", "k": 0.3, "apply_stock": True}, "-m ties_sum_extended --k 0.3", "ABC", 7,
         "the same; apply_stock=True is without it there"),
    Case("ties_sum_extended, median", "sd-mecha", {"method": "ties_sum_extended", "k": 0.3, "apply_median": True},
         "-m ties_sum_extended --k 0.3 --apply-median", "ABC", 16, "steps in f32 there, in f64 here", of_tensor=True),
]
MERGEKIT = [
    Case("linear", "mergekit", {"merge_method": "linear", "weights": {"A": 0.3, "B": 0.5, "C": 0.4}}, "-m linear --weights 0.3,0.5,0.4", "ABC", 8,
         "products unrounded (fma), divided by the sum of weights at the end there; coefficients divided first here", dtypes=ALL),
    Case("linear, not normalized", "mergekit", {"merge_method": "linear", "weights": {"A": 0.3, "B": 0.5, "C": 0.4}, "normalize": False},
         "-m linear --weights 0.3,0.5,0.4 --no-normalize", "ABC", 8, "products unrounded (fma) there", dtypes=ALL, keeps_equal=False),
    Case("slerp", "mergekit", {"merge_method": "slerp", "base": "A", "t": 0.3}, "-m slerp --param t=0.3", "AB", 16,
         "sums of products and the angle in f32 there, in f64 here", of_tensor=True, dtypes=ALL, keeps_equal=False),
    Case("task_arithmetic, one task", "mergekit", {"merge_method": "task_arithmetic", "base": "A", "weights": {"B": 0.7}},
         "--formula A+0.7*(B-A)", "AB", 0, "the same operations"),
    Case("task_arithmetic", "mergekit", {"merge_method": "task_arithmetic", "base": "A", "weights": {"B": 0.7, "C": 0.4}},
         "-m task_arithmetic --weights 1,0.7,0.4", "ABC", 0, "the same operations", dtypes=ALL),
    Case("task_arithmetic as a formula", "mergekit", {"merge_method": "task_arithmetic", "base": "A", "weights": {"B": 0.7, "C": 0.4}},
         "--formula A+0.7*(B-A)+0.4*(C-A)", "ABC", 10, "the deltas are added up first there"),
    Case("nearswap", "mergekit", {"merge_method": "nearswap", "base": "A", "t": 0.01}, "-m nearswap --param t=0.01", "AB", 0,
         "the same operations"),
    Case("nuslerp", "mergekit", {"merge_method": "nuslerp", "weights": {"A": 0.7, "B": 0.2}}, "-m nuslerp --weights 0.7,0.2", "AB", 16, TENSOR_SUMS,
         of_tensor=True, dtypes=ALL, keeps_equal=False),
    Case("nuslerp with a base", "mergekit", {"merge_method": "nuslerp", "base": "A", "weights": {"B": 0.6, "C": 0.4}},
         "-m nuslerp --weights 0,0.6,0.4", "ABC", 16, TENSOR_SUMS, of_tensor=True, skip=OPPOSED),
    Case("multislerp", "mergekit", {"merge_method": "multislerp", "weights": {"A": 0.7, "B": 0.2, "C": 0.4}}, "-m multislerp --weights 0.7,0.2,0.4", "ABC",
         16, TENSOR_SUMS, of_tensor=True, dtypes=ALL, keeps_equal=False),
    Case("multislerp with a base", "mergekit", {"merge_method": "multislerp", "base": "A", "weights": {"B": 0.6, "C": 0.5}},
         "-m multislerp --base --weights 0,0.6,0.5", "ABC", 16, TENSOR_SUMS, of_tensor=True),
    Case("karcher", "mergekit", {"merge_method": "karcher"}, "-m karcher", "ABC", 16, TENSOR_SUMS, of_tensor=True, keeps_equal=False,
         # likewise; the others are shorter than tol, zeros there and their average here
         skip="head.gain|base_net.7.(ConvLinear.bn.running_mean|branch0.2.bn.bias|branch1.2.bn.bias|branch2.3.bn.bias)"),
    Case("model_stock", "mergekit", {"merge_method": "model_stock", "base": "A"}, "-m model_stock", "ABC", 16, TENSOR_SUMS, of_tensor=True, dtypes=ALL,
         skip=OPPOSED),
    Case("ram", "mergekit", {"merge_method": "ram", "base": "A"}, "-m ram", "ABC", 0, "the same operations"),
    Case("ramplus_tl", "mergekit", {"merge_method": "ramplus_tl", "base": "A", "r": 0.3, "alpha": 5}, "-m ramplus_tl --param r=0.3 --alpha 5", "ABC", 4,
         "the factor of what one checkpoint changes alone in f32 there, in f64 here"),
    Case("ties", "mergekit", {"merge_method": "ties", "base": "A", "weights": {"B": 0.7, "C": 0.4}, "density": 0.4},
         "-m ties --weights 1,0.7,0.4 --density 0.4", "ABC", 0, "the same operations"),
    Case("ties, not normalized, rescaled", "mergekit",
         {"merge_method": "ties", "base": "A", "weights": {"B": 0.7, "C": -0.4}, "density": 0.4, "normalize": False, "rescale": True, "lambda": 0.8},
         "-m ties --weights 1,0.7,-0.4 --density 0.4 --no-normalize --rescale --alpha 0.8", "ABC", 16, "sums of magnitudes in f32 there, in f64 here",
         of_tensor=True),
    # Of a tensor of one element nothing is left there.
    Case("breadcrumbs", "mergekit", {"merge_method": "breadcrumbs", "base": "A", "weights": {"B": 0.7, "C": 0.4}, "density": 0.6, "gamma": 0.1},
         "-m breadcrumbs --weights 1,0.7,0.4 --density 0.6 --gamma 0.1", "ABC", 0, "the same operations", skip="head.gain"),
    Case("breadcrumbs_ties", "mergekit",
         {"merge_method": "breadcrumbs_ties", "base": "A", "weights": {"B": 0.7, "C": 0.4}, "density": 0.6, "gamma": 0.1, "normalize": True},
         "-m breadcrumbs_ties --weights 1,0.7,0.4 --density 0.6 --gamma 0.1 --normalize", "ABC", 0, "the same operations", skip="head.gain"),
    Case("sce", "mergekit", {"merge_method": "sce", "base": "A"}, "-m sce", "ABC", 16, "average squares in f32 there, in f64 here", of_tensor=True),
    Case("sce of a third", "mergekit", {"merge_method": "sce", "base": "A", "select_topk": 0.33}, "-m sce --select-topk 0.33", "ABC", 16,
         "the same", of_tensor=True),
    Case("dare_linear of all elements", "mergekit", {"merge_method": "dare_linear", "base": "A", "weights": {"B": 0.7, "C": 0.4}, "normalize": True},
         "-m dare_linear --weights 1,0.7,0.4 --normalize", "ABC", 0, "the same operations"),
    Case("dare_ties of all elements", "mergekit", {"merge_method": "dare_ties", "base": "A", "weights": {"B": 0.7, "C": 0.4}},
         "-m dare_ties --weights 1,0.7,0.4", "ABC", 0, "the same operations"),
    Case("dare_ties of all elements, normalized", "mergekit",
         {"merge_method": "dare_ties", "base": "A", "weights": {"B": 0.7, "C": 0.4}, "normalize": True, "lambda": 0.9},
         "-m dare_ties --weights 1,0.7,0.4 --normalize --alpha 0.9", "ABC", 0, "the same operations"),
    Case("passthrough", "mergekit", {"merge_method": "passthrough", "scale": 0.6}, "-m scale --alpha 0.6", "A", 0, "one product", dtypes=ALL),
]
COMFY = [Case(f"ModelMergeSimple {ratio}", "ComfyUI", {"node": "ModelMergeSimple", "ratio": ratio},
              f"--alpha {round(1 - ratio, 4)} --only ^model\\.diffusion_model\\.", "AB", 0, "the same operations", layout="sd1", dtypes=ALL)
         for ratio in (0.7, 0.25, 1.0, 0.0)] + [
    Case("ModelMergeBlocks", "ComfyUI", {"node": "ModelMergeBlocks", "sliders": SLIDERS},
         "--alpha 0 --weight IN*=0.75 --weight M00=0.5 --weight OUT*=0.125", "AB", 0, "the same operations", layout="sd1", dtypes=ALL),
    Case("ModelMergeSD1", "ComfyUI", {"node": "ModelMergeSD1", "sliders": SD1}, "--alpha 0 " + weight_words(SD1, kept=True), "AB", 0,
         "the same operations", layout="sd1", dtypes=ALL),
    Case("ModelMergeSubtract, ModelMergeAdd", "ComfyUI", {"node": "Subtract, Add", "multiplier": 0.8},
         "-m add_difference --alpha 0.8 --only ^model\\.diffusion_model\\.", "ABC", 12, "0.8*B - 0.8*C there, 0.8*(B - C) here",
         layout="sd1", dtypes=ALL),
]
CASES = MECHA + MERGEKIT + COMFY
