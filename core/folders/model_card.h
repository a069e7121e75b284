// SPDX-License-Identifier: Apache-2.0
// README.md of a merged model: what the hub reads in front of it, and how the model was made. As the weights, it has no
// date, version, path or host in it (invariant I2).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/recipe/provenance.h"

namespace ckmerge {

struct CardFacts {
  std::string library = {};                                       ///< "transformers", "diffusers"; empty: unknown
  std::vector<std::pair<std::string, std::string>> licence = {};  ///< fields that the cards of all inputs have alike
  std::string mergekit_config = {};                               ///< the text of mergekit_config.yml, or empty
};

std::string model_card(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const InputHash> hashes,
                       const CardFacts& facts);

}  // namespace ckmerge
