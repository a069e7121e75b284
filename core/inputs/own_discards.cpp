// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/own_discards.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "core/names/name_pattern_set.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kMostNamed = 3;

// What changes of names touch.
struct Kept {
  TensorTable tensors;
  std::vector<UnreadTensor> unread;
  std::vector<std::string> notes, equated;
  std::vector<UnplacedTensor> unplaced;

  explicit Kept(const Checkpoint& checkpoint)
      : tensors(checkpoint.tensors),
        unread(checkpoint.unread),
        notes(checkpoint.notes),
        equated(checkpoint.equated),
        unplaced(checkpoint.unplaced) {}

  void put_back(Checkpoint& checkpoint) && {
    checkpoint.tensors = std::move(tensors);
    checkpoint.unread = std::move(unread);
    checkpoint.notes = std::move(notes);
    checkpoint.equated = std::move(equated);
    checkpoint.unplaced = std::move(unplaced);
  }
};

// Those that cannot be understood are refused where tensors are selected (core/plan/selection).
NamePatternSet patterns_of(const Recipe& recipe) {
  std::vector<NamePattern> patterns;
  for (const std::string& text : recipe.discard) try {
      if (!text.empty()) patterns.emplace_back("--discard", text);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::usage) throw;
    }
  return NamePatternSet(std::move(patterns));
}

size_t discard(Checkpoint& checkpoint, NamePatternSet& patterns) {
  std::vector<std::string> names;
  checkpoint.rename([&](std::string_view name) -> std::string {
    if (!patterns.any_matches(name)) return std::string(name);
    names.emplace_back(name);
    return "";
  });
  const size_t count = names.size();
  if (count == 0) return 0;
  std::string text = sentence(counted(count, "tensor"), count == 1 ? " is" : " are",
                              " left out by --discard before names are changed: ");
  for (size_t i = 0; i < std::min(kMostNamed, count); ++i) text += (i == 0 ? "" : ", ") + names[i];
  checkpoint.notes.push_back(text + (count > kMostNamed ? ", ..." : ""));
  for (std::string& name : names)
    checkpoint.unplaced.push_back({.name = std::move(name), .fate = UnplacedTensor::Fate::discarded});
  return count;
}

}  // namespace

void bring_without_discarded(const Recipe& recipe, const std::vector<Checkpoint*>& checkpoints,
                             const std::function<void()>& bring) {
  NamePatternSet patterns = patterns_of(recipe);
  if (patterns.patterns().empty()) return bring();
  std::vector<Kept> before;
  for (const Checkpoint* checkpoint : checkpoints) before.emplace_back(*checkpoint);
  try {
    bring();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::mismatch) throw;
    size_t discarded = 0;
    for (size_t k = 0; k < checkpoints.size(); ++k) {
      std::move(before[k]).put_back(*checkpoints[k]);
      discarded += discard(*checkpoints[k], patterns);
    }
    if (discarded == 0) throw;
    bring();
  }
}

}  // namespace ckmerge
