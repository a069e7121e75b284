// SPDX-License-Identifier: Apache-2.0
// Language models whose head is their embedding are saved without the head. Beside a model that has one, the embedding
// counts as the head that was left out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What a language model's head is, by its names: none is known, its embedding, a tensor of its own.
enum class Head : uint8_t { unknown, tied, own };

struct HeadNames {
  Head head = Head::unknown;
  std::string_view name = {}, embedding = {};
};

/// Of a model that has the tensors for which `has` is true. T5's is never known: what goes into it is scaled.
HeadNames head_among(const std::function<bool(std::string_view)>& has);

/// Of each checkpoint whether a class without a head saved it, which its names tell: they lack the module that classes
/// with one put in front. To be asked before names are brought to those of another.
std::vector<bool> without_head(const std::vector<Checkpoint>& checkpoints);

/// Gives each checkpoint that `recipe` merges and that lacks the first one's head its own embedding under that name,
/// where the shapes agree, and notes it; so with any tensor of the first that the metadata of the other says to be one
/// of its own under another name. One of a class `without_head` says nothing of the head, and leaves it to the first:
/// that is noted. Returns a warning for each head that only others than the first have: it is not merged. REQUIRES:
/// tables are sorted by name.
std::vector<std::string> untie_heads(const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
                                     const std::vector<bool>& without_head = {});

}  // namespace ckmerge
