// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/combination_faults.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string of_several(const std::string& what) {
  if (what.starts_with("is ")) return "are" + what.substr(2);
  if (what.starts_with("has ")) return "have" + what.substr(3);
  return what;
}

}  // namespace

std::string CombinationFaults::Cause::text() const {
  if (thing.empty()) return sentence(path, ": ", what);
  if (names.size() == 1) return sentence(path, ": ", thing, " '", first, "' ", what);
  return sentence(path, ": ", counted(names.size(), thing), ", the first of them '", first, "', ", of_several(what));
}

void CombinationFaults::add(const std::string& path, std::string_view name, const std::string& what,
                            const std::string& thing) {
  const auto is_it = [&](const Cause& cause) {
    return cause.path == path && cause.thing == thing && cause.what == what;
  };
  auto cause = std::ranges::find_if(causes_, is_it);
  if (cause == causes_.end())
    cause = causes_.insert(cause, {.path = path, .thing = thing, .what = what, .first = std::string(name)});
  cause->names.emplace(name);
}

void CombinationFaults::throw_all() const {
  if (causes_.empty()) return;
  if (causes_.size() == 1) throw Error(ErrorCode::mismatch, causes_[0].path, causes_[0].text());
  std::vector<std::string> lines;
  for (const Cause& cause : causes_) lines.push_back(cause.text());
  throw Error(ErrorCode::mismatch, causes_[0].path, sentence(causes_.size(), " things stand against it"),
              std::move(lines));
}

}  // namespace ckmerge
