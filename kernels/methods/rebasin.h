// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct rebasin {
  static constexpr MethodSpec spec{
      .name = "rebasin",
      .summary = "A and B, whose hidden channels and heads have changed places to come as near to those of A as may be",
      .formula =
          "(1 - alpha) * A + alpha * P(B), where P changes places of channels without changing what the network "
          "computes: those for which the sum of products of elements with A's is largest",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "git re-basin's weight matching (arXiv:2209.04836); sd-mecha's \"rebasin\" for SDXL, with alpha 1",
      .note =
          "Places are changed within an MLP, within an attention (its heads, and channels within a head), within a "
          "residual block and within the embeddings of time and size: of CLIP's text encoders, of UNets and VAEs of "
          "Stable Diffusion, and of models with the names of Llama. What lies between modules (the residual stream), "
          "modules with tensors that are not known, and all others are mixed as they are. Each module is matched by "
          "itself, when the first of its tensors is made: of n channels that holds n * n numbers of 4 bytes, 0.8 GB "
          "for the MLPs of Llama 8B. The heads of attention with rotary embeddings are matched where head_channels "
          "says how many channels one has, which no file of weights tells: 128 in most. A module in which some element "
          "is NaN or infinite keeps its places. Differences have no channels of their own and are refused. sd-mecha "
          "leaves heads where they are, and in UNets matches 64 heads, of which there are 10 or 20, so that channels "
          "go from one head to another.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "share of B", nullptr, kShare},
                      {"head_channels", ParameterKind::number, 0, "0",
                       "channels of a head of attention with rotary embeddings; 0 leaves its heads in their places",
                       "head-channels"}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 2; ++k) c[k] = arguments.values[k].number;
    const double channels = c[1];
    if (channels < 0 || channels > 65536 || channels != static_cast<double>(static_cast<uint64_t>(channels)))
      return "head_channels must be a whole number up to 65536: the channels of one head";
    return nullptr;
  }
};

}  // namespace ckmerge::method
