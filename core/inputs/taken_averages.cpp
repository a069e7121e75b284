// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/taken_averages.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/names/training_state.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// By row of the weight, npos where there is none.
struct Averages {
  std::vector<size_t> rows;
  size_t taken = 0;
  std::vector<std::string> without = {};  // weights below model. that have none
};

void expect_fitting(const Checkpoint& checkpoint, size_t weight, size_t average, std::vector<bool>& used) {
  const TensorTable& tensors = checkpoint.tensors;
  const string_view name = tensors.name(weight);
  if (used[average])
    throw Error(ErrorCode::mismatch, std::string(name),
                sentence(checkpoint.path, ": ", name, " and another weight would have the same average, ",
                         tensors.name(average), ", because its name has no dots; use --ema drop"));
  used[average] = true;
  if (!std::ranges::equal(tensors[weight].shape, tensors[average].shape))
    throw Error(ErrorCode::mismatch, std::string(name),
                sentence(checkpoint.path, ": ", name, " and its average, ", tensors.name(average),
                         ", differ in shape; use --ema drop"));
}

Averages averages_of(const Checkpoint& checkpoint, std::vector<bool>& used) {
  const TensorTable& tensors = checkpoint.tensors;
  Averages found{.rows = std::vector<size_t>(tensors.size(), TensorTable::npos)};
  std::string average;
  for (size_t i = 0; i < tensors.size(); ++i) {
    ema_name(tensors.name(i), average);
    if (average.empty()) continue;
    found.rows[i] = tensors.find(average);
    if (found.rows[i] == TensorTable::npos) {
      found.without.emplace_back(tensors.name(i));
      continue;
    }
    expect_fitting(checkpoint, i, found.rows[i], used);
    ++found.taken;
  }
  return found;
}

std::string counted_with_first(const std::vector<std::string>& names) {
  return sentence(counted(names.size(), "tensor"), " (", names[0], names.size() > 1 ? ", ...)" : ")");
}

}  // namespace

void take_averages(Checkpoint& checkpoint) {
  const TensorTable& tensors = checkpoint.tensors;
  std::vector<bool> used(tensors.size());
  const Averages averages = averages_of(checkpoint, used);
  if (averages.taken == 0) return;
  TensorTable made;
  std::vector<std::string> of_nothing;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const string_view name = tensors.name(i);
    if (!is_ema(name))
      made.add_again(name, tensors, averages.rows[i] == TensorTable::npos ? i : averages.rows[i]);
    else if (!used[i] && !is_training_state(name))
      of_nothing.emplace_back(name);
  }
  made.sort_by_name();
  std::string note =
      sentence("averages of ", counted(averages.taken, "weight"), " (model_ema.) are taken in their place");
  if (!averages.without.empty()) note += sentence("; ", counted_with_first(averages.without), " without one as stored");
  if (!of_nothing.empty()) note += sentence("; averages of no weight are left out: ", counted_with_first(of_nothing));
  checkpoint.tensors = std::move(made);
  checkpoint.notes.push_back(std::move(note));
  checkpoint.average_taken = true;
}

}  // namespace ckmerge
