// SPDX-License-Identifier: Apache-2.0
// A number of a method for some of the tensors, as it was given: blocks unresolved. docs/blocks.md describes the texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

struct WeightRule {
  enum class By : uint8_t {
    selector,  ///< core/blocks/block_selector.h
    list,      ///< one number per block, in an order of supermerger's (core/blocks/block_table.h)
    elements,  ///< supermerger's: blocks and parts of names
  };
  std::string parameter = {};  ///< of the method
  int input = -1;              ///< of a parameter of one number per checkpoint: whose; else -1
  By by = By::selector;
  std::string selector = {};  ///< or the blocks, by elements
  std::string elements = {};
  std::vector<double> values = {};  ///< one; a gradient over layers; or the list

  friend bool operator==(const WeightRule&, const WeightRule&) = default;
};

/// "alpha IN00..IN08=0.2", "alpha mbw=0,0.1,...", "alpha OUT03-OUT06:attn2:0.3", "weights of B IN*=1".
std::string text_of(const WeightRule& rule);

/// The number of a gradient where `place` of `count` layers is asked for: linear between its numbers, the first at the
/// first layer and the last at the last; of a single layer the last. REQUIRES: neither is empty.
double gradient_at(const std::vector<double>& numbers, size_t place, size_t count);

}  // namespace ckmerge
