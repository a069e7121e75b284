// SPDX-License-Identifier: Apache-2.0
// Every dict and list of tensors that a pickle holds, so that none is left behind unseen.
#pragma once

#include <string>
#include <vector>

#include "io/pickle/pickle_values.h"
#include "io/table/tensor_dict.h"

namespace ckmerge {

struct FoundDict {
  PickleRef at = PickleValues::kNone;
  TensorDict dict;
};

/// In the order in which they are met. What lies inside of calls is not looked at. An optimizer's state is one entry,
/// whatever lies in it; so are settings.
std::vector<FoundDict> tensor_dicts(const PickleValues& values, PickleRef top);

/// What a value is called in the dict, list or tuple that holds it.
struct MemberName {
  PickleRef key = PickleValues::kNone;  ///< of a dict's member
  uint32_t index = 0;                   ///< of an item
};
std::string text_of(const PickleValues& values, MemberName name);

/// Calls `each(name, value)` for what `value`, a dict, list or tuple, holds.
template <typename Each>
void for_each_inside(const PickleValues& values, PickleRef value, const Each& each) {
  uint32_t index = 0;
  const auto item = [&](PickleRef found) { each(MemberName{PickleValues::kNone, index++}, found); };
  switch (values.kind(value)) {
    case PickleKind::dict:
      values.for_each_member(value, [&](PickleRef key, PickleRef found) { each(MemberName{key, 0}, found); });
      break;
    case PickleKind::list: values.for_each_item(value, item); break;
    case PickleKind::tuple:
      for (const PickleRef found : values.tuple(value)) item(found);
      break;
    default: break;
  }
}

}  // namespace ckmerge
