// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/common_spelling.h"

#include <algorithm>
#include <numeric>

#include "core/families/spellings.h"
#include "core/inputs/whole_part.h"
#include "core/names/prefix_swap.h"
#include "core/recipe/layout_fields.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr size_t kSamples = 256;  // names by which files with names in common are told, which are most
constexpr string_view kModel = "model.", kDoubled = "model.model.";

const TensorTable& smaller_of(const TensorTable& a, const TensorTable& b) { return a.size() <= b.size() ? a : b; }

// Whether a tenth of the smaller one's names are the other's as they are.
bool share_names(const TensorTable& a, const TensorTable& b) {
  const TensorTable &few = smaller_of(a, b), &many = &few == &a ? b : a;
  const size_t samples = std::min(kSamples, few.size());
  size_t found = 0;
  for (size_t s = 0; s < samples; ++s) found += many.find(few[s * few.size() / samples].name) != TensorTable::npos;
  return found * 10 >= samples;
}

std::vector<uint32_t> all_rows(const TensorTable& tensors) {
  std::vector<uint32_t> rows(tensors.size());
  std::iota(rows.begin(), rows.end(), uint32_t{0});
  return rows;
}

// Nine in ten of the smaller file; a swap of two prefixes on the word of more than a layer, and not of a text model's
// for a vision model's.
bool is_beyond_doubt(const PrefixSwap& swap, size_t smaller, const TensorTable& from, const TensorTable& to) {
  return may_be_one(in_tower(plain_name(swap.strip), sole_tower(from)),
                    in_tower(plain_name(swap.add), sole_tower(to))) &&
         swap.misfits == 0 && swap.matches * 10 >= smaller * 9 && swap.is_of_layers();
}

// Those that are the first checkpoint's as they are stay. False, with nothing done, where two would be equal.
bool rename(Checkpoint& checkpoint, const TensorTable& first, const PrefixSwap& swap, size_t& renamed) {
  TensorTable& tensors = checkpoint.tensors;
  const auto is_meant = [&](string_view name) {
    return name.starts_with(swap.strip) && name.size() > swap.strip.size() && first.find(name) == TensorTable::npos;
  };
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!is_meant(tensors[i].name)) continue;
    const size_t other = tensors.find(swap.apply(tensors[i].name));
    if (other != TensorTable::npos && !is_meant(tensors[other].name)) return false;
    ++renamed;
  }
  checkpoint.rename([&](string_view name) { return is_meant(name) ? swap.apply(name) : std::string(name); });
  return true;
}

std::string told(const PrefixSwap& swap, size_t renamed) {
  const std::string names = counted(renamed, "name");
  if (swap.add.empty()) return sentence(names, " read without the prefix ", swap.strip);
  if (swap.strip.empty()) return sentence(names, " read with the prefix ", swap.add, " in front, as A has them");
  return sentence(names, " read with the prefix ", swap.add, " in place of ", swap.strip, ", as A has them");
}

void note(Checkpoint& checkpoint, const std::string& what) {
  checkpoint.notes.push_back(what);
  checkpoint.equated.push_back(what);
}

}  // namespace

void bring_to_common_spelling(Checkpoint& first, Checkpoint& other) {
  if (share_names(first.tensors, other.tensors) || lists_tensors_by_name(first) || lists_tensors_by_name(other)) return;
  // A VAE among models is meant to be baked in, and is told so.
  if (is_vae_for_model(first, other)) return;
  const std::vector<uint32_t> own = all_rows(first.tensors), theirs = all_rows(other.tensors);
  const auto swap = find_prefix_swap({other.tensors, theirs}, {first.tensors, own});
  if (!swap || !is_beyond_doubt(*swap, smaller_of(first.tensors, other.tensors).size(), other.tensors, first.tensors))
    return;
  const auto is_doubled = [&](uint32_t row) { return first.tensors[row].name.starts_with(kDoubled); };
  size_t renamed = 0;
  if (swap->strip.empty() && swap->add == kModel && std::ranges::any_of(own, is_doubled)) {
    const PrefixSwap shortened{.strip = std::string(kModel), .add = ""};
    if (rename(first, other.tensors, shortened, renamed)) note(first, told(shortened, renamed));
  } else if (rename(other, first.tensors, *swap, renamed)) {
    note(other, told(*swap, renamed));
  }
}

}  // namespace ckmerge
