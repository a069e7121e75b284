// SPDX-License-Identifier: Apache-2.0
// A dict of tensors in a pickle: a file may hold several, of which a merge takes what its user means.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

enum class DictRole : uint8_t {
  weights,
  average,   ///< of weights (io/table/average_rows.h)
  training,  ///< an optimizer's moments, counters, states of random numbers
  settings,  ///< of a program: its arguments, its configuration
};
inline constexpr const char* kDictRoleNames[] = {"weights", "average", "training", "settings"};

struct TensorDict {
  std::string key;       ///< how it is reached from the top, with dots; empty: it is the top itself
  uint64_t tensors = 0;  ///< of training and settings, all that are below it
  DictRole role = DictRole::weights;
  bool named = true;   ///< false: a list or tuple, whose tensors have no names
  bool taken = false;  ///< its tensors are the checkpoint's
};

}  // namespace ckmerge
