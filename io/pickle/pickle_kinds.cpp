// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/pickle_kinds.h"

#include <algorithm>

namespace ckmerge {
namespace {

// A global that begins so makes a pickle one of this kind; the first row that finds one says which.
struct PickleOwner {
  std::string_view begins;
  std::string_view said;
};

constexpr std::string_view kStyleGan =
    "a StyleGAN network, which carries its own program; load it in StyleGAN's repository (legacy.load_network_pkl) and "
    "save its state_dict() with torch.save";
constexpr std::string_view kArrays =
    "NumPy arrays in a pickle, as detectron2, PaddlePaddle and others keep weights; load it in Python and save its "
    "arrays with safetensors.numpy.save_file";

constexpr PickleOwner kOwners[] = {
    {"torch_utils.persistence.", kStyleGan},
    {"dnnlib.tflib.", kStyleGan},
    {"torch.distributed.checkpoint.metadata.",
     "the metadata of torch's distributed checkpoint; bring its folder together with `python -m "
     "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt` and give OUT.pt"},
    {"sklearn.", "a model of scikit-learn, not of tensors to merge"},
    {"xgboost.", "a model of XGBoost, not of tensors to merge"},
    {"lightgbm.", "a model of LightGBM, not of tensors to merge"},
    {"joblib.", "objects saved with joblib, not a PyTorch checkpoint"},
    {"keras.", "a Keras model in a pickle; load it in Keras and save its weights with safetensors.numpy"},
    {"jaxlib.", "JAX arrays in a pickle; load it in Python and save them with safetensors.flax.save_file"},
    {"jax.", "JAX arrays in a pickle; load it in Python and save them with safetensors.flax.save_file"},
    {"numpy.core.multiarray._reconstruct", kArrays},
    {"numpy._core.multiarray._reconstruct", kArrays},
    {"torch.", "tensors pickled without torch.save; load it in Python and save them with torch.save"},
};

}  // namespace

std::string_view other_pickle_kind(std::span<const PickleGlobal> globals) {
  for (const PickleOwner& owner : kOwners)
    if (std::ranges::any_of(globals, [&](const PickleGlobal& global) { return global.name.starts_with(owner.begins); }))
      return owner.said;
  return {};
}

}  // namespace ckmerge
