// SPDX-License-Identifier: Apache-2.0
#include "io/pickle/pickle_members.h"

#include <algorithm>

#include "io/pickle/pickle_globals.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr int kMostLevels = 8;  // classes in classes
constexpr size_t kLongestPart = 1000;

bool is_identifier(std::string_view name) {
  const auto is_letter = [](unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](unsigned char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && name.size() <= kLongestPart && !is_digit(static_cast<unsigned char>(name[0])) &&
         std::ranges::all_of(name, [&](unsigned char c) { return is_letter(c) || is_digit(c); });
}

// What each does with its arguments, by their places.
constexpr PickleCaller kCallers[] = {
    {"torch._tensor", "_rebuild_from_type_v2", 1, 2},
    {"torch._tensor", "_rebuild_from_type", 1, 2},
    {"torch.tensor", "_rebuild_from_type", 1, 2},
    {"numpy.random._pickle", "__randomstate_ctor", 2, 0},
    {"numpy.random._pickle", "__generator_ctor", 2, 0},
    {"numpy.random._pickle", "__bit_generator_ctor", 1, 0},
    {"numpy.random", "__RandomState_ctor", 2, 0},
    // An object that is its own value is handed back as it is, and can be called.
    {"numpy.core.multiarray", "scalar", 2, 0},
    {"numpy._core.multiarray", "scalar", 2, 0},
};

}  // namespace

bool is_getattr(const PickleValues& values, PickleRef value) {
  return values.kind(value) == PickleKind::global &&
         looks_up_members(values.text(values.global_module(value)), values.text(values.global_name(value)));
}

bool is_member(const PickleValues& values, PickleRef value) {
  return values.kind(value) == PickleKind::call && is_getattr(values, values.called(value));
}

std::optional<DottedName> looked_up(const PickleValues& values, PickleRef arguments) {
  std::string name;
  for (int level = 0; level < kMostLevels; ++level) {
    const std::span<const PickleRef> all = values.tuple(arguments);
    if (all.size() != 2 || values.kind(all[1]) != PickleKind::text) return std::nullopt;
    const std::string_view part = values.text(all[1]);
    const bool ends = values.kind(all[0]) == PickleKind::global;
    if (!ends && !is_member(values, all[0])) return std::nullopt;
    if ((level > 0 || !ends) && !is_identifier(part)) return std::nullopt;
    name = level == 0 ? std::string(part) : sentence(part, ".", name);
    if (ends)
      return DottedName{values.text(values.global_module(all[0])),
                        sentence(values.text(values.global_name(all[0])), ".", name)};
    arguments = values.arguments(all[0]);
  }
  return std::nullopt;
}

std::optional<DottedName> dotted_name(const PickleValues& values, PickleRef value) {
  if (values.kind(value) == PickleKind::global)
    return DottedName{values.text(values.global_module(value)), std::string(values.text(values.global_name(value)))};
  return is_member(values, value) ? looked_up(values, values.arguments(value)) : std::nullopt;
}

const PickleCaller* caller_of(std::string_view module, std::string_view name) {
  const auto row = std::ranges::find_if(
      kCallers, [&](const PickleCaller& caller) { return caller.module == module && caller.name == name; });
  return row == std::end(kCallers) ? nullptr : row;
}

}  // namespace ckmerge
