// SPDX-License-Identifier: Apache-2.0
#include "kernels/peer_results.h"

#include <array>

namespace ckmerge {
namespace {

constexpr const char* kMecha = "sd-mecha 1.1.8";
constexpr const char* kMergekit = "mergekit 0.1.5";
constexpr const char* kComfy = "ComfyUI 0.3.75";
constexpr const char* kSums = "sums over the tensor in f32 there, in f64 here";
constexpr const char* kSame = "the same operations";
constexpr const char* kEqualMagnitudes =
    "the same operations, where no two magnitudes of a difference are equal; one "
    "element stays at least";
constexpr double kOther = PeerResult::kDifferent;

constexpr auto kResults = std::to_array<PeerResult>({
    {"add_cosine_a", kMecha, "add_cosine_a", 16, true, "sums over columns in f32 there, in f64 here"},
    {"add_cosine_b", kMecha, "add_cosine_b", 16, true, "sums over columns in f32 there, in f64 here"},
    {"add_difference", kComfy, "ModelMergeSubtract, ModelMergeAdd", 12, false, "0.8*B - 0.8*C there, 0.8*(B - C) here"},
    {"add_difference", kMecha, "add_difference", 7, false, "the product is rounded here, there it is not (fma)"},
    {"add_opposite", kMecha, "add_opposite_mask", 16, false, "A + B - 2*C there, (A - C) + (B - C) here"},
    {"add_perpendicular", kMecha, "add_perpendicular", 16, true, kSums},
    {"add_strict_opposite", kMecha, "add_strict_opposite_mask", 16, false, "the same operations in another order"},
    {"arcee_fusion", kMergekit, "arcee_fusion", kOther, false,
     "exact quartiles; beside the threshold an element in some ten thousand lies on its other side"},
    {"breadcrumbs", kMergekit, "breadcrumbs", 0, false, kEqualMagnitudes},
    {"breadcrumbs_ties", kMergekit, "breadcrumbs_ties", 0, false, kEqualMagnitudes},
    {"clamp", kMecha, "clamp", 0, false, "a choice among values"},
    {"crossover", kMecha, "crossover", 16, true, "transforms in f32 there, in f64 here"},
    {"dare_linear", kMergekit, "dare_linear", 0, false,
     "with density 1; else masks are ckmerge's own, and with "
     "mergekit_masks those of mergekit-yaml"},
    {"dare_ties", kMergekit, "dare_ties", 0, false,
     "with density 1; else masks are ckmerge's own, and with "
     "mergekit_masks those of mergekit-yaml"},
    {"della", kMergekit, "della", kOther, false,
     "masks are ckmerge's own; with mergekit_masks the same elements as mergekit-yaml's, within 16 units"},
    {"della_linear", kMergekit, "della_linear", kOther, false,
     "masks are ckmerge's own; with mergekit_masks the same elements as mergekit-yaml's, within 16 units"},
    {"dropout", kMecha, "dropout", kOther, false,
     "masks of a tensor's own here, the same for all of a shape there; with "
     "overlap_average the same mean"},
    {"geometric", kMecha, "geometric_sum", 32, false, "complex powers in f32 there, a power here that is rounded once"},
    {"geometric_median", kMecha, "geometric_median", 16, true, "its result in f64; in f32 it stops early"},
    {"karcher", kMergekit, "karcher", 16, true, kSums},
    {"linear", kMergekit, "linear", 8, false, "products unrounded (fma) there, coefficients divided first here"},
    {"model_stock", kMergekit, "model_stock", 16, true, kSums},
    {"model_stock", kMecha, "n_model_stock", kOther, false,
     "neighbours alone and rows there, all pairs and tensors here"},
    {"multislerp", kMergekit, "multislerp", 16, true, kSums},
    {"n_average", kMecha, "n_average", 8, false, "a sum of thirds here, a mix with 1/2 and one with 1/3 there"},
    {"nearswap", kMergekit, "nearswap", 0, false, kSame},
    {"nuslerp", kMergekit, "nuslerp", 16, true, kSums},
    {"perpendicular_component", kMecha, "perpendicular_component", 16, true, kSums},
    {"ram", kMergekit, "ram", 0, false, kSame},
    {"ramplus_tl", kMergekit, "ramplus_tl", 4, false, "one factor in f32 there, in f64 here"},
    {"rebasin", kMecha, "rebasin", kOther, false,
     "the same places of channels where units are the same; heads are whole here, and the residual stream stays"},
    {"rotate", kMecha, "rotate", 3, true, "its result in f64"},
    {"scale", kMergekit, "passthrough", 0, false, "one product"},
    {"sce", kMergekit, "sce", 16, true, "average squares and variances are rounded otherwise there"},
    {"slerp", kMergekit, "slerp", 16, true, kSums},
    {"task_arithmetic", kMergekit, "task_arithmetic", 0, false, kSame},
    {"tensor_sum", kMecha, "tensor_sum", 0, false, "a choice of rows, whose number is rounded there and cut here"},
    {"ties", kMergekit, "ties", 0, false, kEqualMagnitudes},
    {"ties", kMergekit, "ties with rescale", 16, true, kSums},
    {"ties_sum", kMecha, "ties_sum", 7, false, "sums in another order, one product unrounded (fma) there"},
    {"ties_sum_extended", kMecha, "ties_sum_extended, apply_stock=True", 7, false,
     "as ties_sum; without t, as its name says"},
    {"ties_sum_extended", kMecha, "ties_sum_extended, apply_median=True", 16, true,
     "steps in f32 there, in f64 here; of two differences"},
    {"ties_sum_extended", kMecha, "ties_sum_extended", kOther, false,
     "a t of each row and of neighbours there, with apply_stock one of the tensor here"},
    {"ties_sum_with_dropout", kMecha, "ties_sum_with_dropout", kOther, false,
     "masks of a tensor's own here, the same for all of a shape there"},
    {"top_k_tensor_sum", kMecha, "top_k_tensor_sum", 0, false, "a choice among values"},
    {"train_difference", kMecha, "train_difference_mask", 16, false, "the same operations in another order"},
    {"truncate_rank", kMecha, "truncate_rank", 3, true, "its result in f64, without its approximate basis"},
    {"unit_slerp", kMecha, "slerp", 16, true, kSums},
    {"weighted_sum", kComfy, "ModelMergeSimple, ModelMergeBlocks", 0, false, kSame},
    {"weighted_sum", kMecha, "weighted_sum", 5, false, "c0*A + c1*B here, the product is not rounded there (fma)"},
});

}  // namespace

std::span<const PeerResult> peer_results() { return kResults; }

}  // namespace ckmerge
