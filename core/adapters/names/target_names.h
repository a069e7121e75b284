// SPDX-License-Identifier: Apache-2.0
// What a module of an adapter may be called in a checkpoint, behind what its maker puts in front of names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

/// Which components of a pipeline a prefix means.
struct TargetScope {
  enum class Kind : uint8_t { any, model, encoder };  // model: what denoises
  Kind kind = Kind::any;
  uint32_t number = 0;  ///< of encoders: 0 the first
};

struct AskedName {
  TargetScope scope;
  std::string name;  ///< in components with dots, or joined by underscores
};

/// In the order in which they are to be looked for: the whole name first, then without one prefix after another.
std::vector<AskedName> asked_names(std::string_view module);

/// `name` with underscores in place of its dots, as kohya's scripts write it.
std::string underscored(std::string_view name);

/// The module of a tensor, and whether it is its weight: "a.b" of "a.b.weight"; the whole name of one that is called
/// otherwise. Empty: it is a bias.
std::string_view module_of_tensor(std::string_view name);

}  // namespace ckmerge
