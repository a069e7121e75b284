// SPDX-License-Identifier: Apache-2.0
#include "kernels/method.h"

#include <algorithm>

namespace ckmerge {
namespace {

char plain(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == ' ' || c == '-' ? '_' : c;
}

bool same_name(std::string_view x, std::string_view y) { return std::ranges::equal(x, y, {}, plain, plain); }

bool is_called(const MethodSpec& spec, std::string_view name) {
  return same_name(spec.name, name) ||
         std::ranges::any_of(spec.aliases, [&](const char* alias) { return alias && same_name(alias, name); });
}

}  // namespace

const Method* find_method(std::string_view name) {
  const auto all = methods();
  const auto found = std::ranges::find_if(all, [&](const Method& method) { return is_called(*method.spec, name); });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace ckmerge
