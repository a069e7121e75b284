// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/conv1d.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/adapters/names/target_names.h"

namespace ckmerge {
namespace {

using std::string_view;

string_view last_component(string_view name) { return name.substr(name.rfind('.') + 1); }
string_view before_last(string_view name) {
  const size_t dot = name.rfind('.');
  return name.substr(0, dot == string_view::npos ? 0 : dot);
}

}  // namespace

// What goes into attention is three times as wide as what comes out of it.
bool is_conv1d(string_view name, const std::function<Shape(string_view)>& beside) {
  constexpr auto kModules = std::to_array<string_view>({"c_attn", "c_proj", "c_fc", "q_attn"});
  const string_view module = module_of_tensor(name);
  if (std::ranges::find(kModules, last_component(module)) == kModules.end()) return false;
  const std::string block(before_last(before_last(module)));
  for (const char* const attention : {".attn.c_attn.weight", ".crossattention.c_attn.weight"}) {
    const Shape shape = beside(block + attention);
    if (shape.empty()) continue;
    return shape.size() == 2 && shape[1] == shape[0] * (string_view(attention).starts_with(".attn") ? 3 : 2);
  }
  return false;
}

}  // namespace ckmerge
