// SPDX-License-Identifier: Apache-2.0
#include "core/plan/partners.h"

#include <algorithm>
#include <map>

#include "core/inputs/whole_part.h"
#include "core/names/prefix_swap.h"
#include "core/names/rename_advice.h"
#include "core/names/training_state.h"
#include "core/plan/name_walk.h"
#include "core/plan/shape_fit.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Rows = std::vector<uint32_t>;

bool is_weight(const Tensor& tensor) {
  return is_real(tensor.dtype) && !tensor.shape.empty() && tensor.count > 0 && !is_ema(tensor.name) &&
         !is_training_state(tensor.name);
}

// The weights among the rows of one checkpoint that the other lacks.
struct Side {
  Side(const Checkpoint& checkpoint, const Rows& lacking) : from(checkpoint) {
    for (const uint32_t row : lacking) {
      const Tensor tensor = from.tensors[row];
      if (!is_weight(tensor)) continue;
      rows.push_back(row);
      elements += tensor.count;
    }
  }
  Tensor operator[](size_t i) const { return from.tensors[rows[i]]; }
  size_t size() const { return rows.size(); }

  const Checkpoint& from;
  Rows rows;
  uint64_t elements = 0;
};

struct Share {
  uint64_t tensors = 0, elements = 0;
};

// Of all tensors, so that a file of averages counts them.
Share share_of(const Checkpoint& checkpoint) {
  Share all{.tensors = checkpoint.tensors.size()};
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) all.elements += checkpoint.tensors[i].count;
  return all;
}

// Up to its first component that is a number: "layers.0." of layers.0.attn.weight.
std::string_view block_of(std::string_view name) {
  for (size_t begin = 0, dot = name.find('.'); dot != name.npos; begin = dot + 1, dot = name.find('.', begin))
    if (dot > begin && name.substr(begin, dot - begin).find_first_not_of("0123456789") == name.npos)
      return name.substr(0, dot + 1);
  return {};
}

// Each tensor of one side with one of the other of the same shape, in order: first those of the same block, then any.
class Pairs {
 public:
  Pairs(const Side& first, const Side& other) : partner(first.size(), kNone), taken(other.size()), sure(first.size()) {
    pair_by(first, other, block_of);
    pair_by(first, other, [](std::string_view) { return std::string_view(); });
  }
  static constexpr size_t kNone = SIZE_MAX;

  std::vector<size_t> partner;  // of the first side's, by index
  std::vector<bool> taken;      // of the other side's
  std::vector<bool> sure;       // of the first side's: no other of the block has the shape, on either side
  size_t count = 0;

 private:
  using Key = std::pair<std::string_view, std::vector<uint64_t>>;
  struct Alike {
    std::vector<size_t> asking, waiting;  // of the first side; of the other, the first last
  };

  void pair_by(const Side& first, const Side& other, const auto& place_of) {
    const auto key_of = [&](const Tensor& tensor) {
      return Key{place_of(tensor.name), {tensor.shape.begin(), tensor.shape.end()}};
    };
    std::map<Key, Alike> alike;
    for (size_t i = other.size(); i-- > 0;)
      if (!taken[i]) alike[key_of(other[i])].waiting.push_back(i);
    for (size_t i = 0; i < first.size(); ++i)
      if (const auto found = alike.find(key_of(first[i])); partner[i] == kNone && found != alike.end())
        found->second.asking.push_back(i);
    for (auto& [key, found] : alike) {
      const bool alone = found.waiting.size() == 1 && found.asking.size() == 1 && !key.first.empty();
      for (const size_t i : found.asking) {
        if (found.waiting.empty()) break;
        partner[i] = found.waiting.back();
        sure[i] = alone;
        found.waiting.pop_back();
        taken[partner[i]] = true;
        ++count;
      }
    }
  }
};

// Stacked, many are few.
bool are_many(const Side& first, const Side& other, const Share& all) {
  constexpr size_t kFewest = 6;
  return std::max(first.size(), other.size()) >= kFewest && std::min(first.size(), other.size()) > 0 &&
         (first.size() * 20 >= all.tensors || first.elements * 20 >= all.elements);
}

bool are_the_same(const Side& first, const Side& other, const Pairs& pairs, const Share& all, size_t tensors_of_other) {
  const uint64_t most = std::max(first.elements, other.elements), least = std::min(first.elements, other.elements);
  const bool same_elements = (most - least) * 100 <= most;
  const bool same_shapes = pairs.count * 10 >= std::max(first.size(), other.size()) * 9;
  const bool smaller_is_found = pairs.count * 10 >= std::min(first.size(), other.size()) * 9 &&
                                pairs.count * 2 >= std::min<uint64_t>(all.tensors, tensors_of_other);
  return same_elements || same_shapes || smaller_is_found;
}

// The last two components, since the last alone is "weight" of most.
std::string_view ending_of(std::string_view name) {
  const size_t last = name.rfind('.');
  if (last == name.npos || last == 0) return name;
  return name.substr(name.rfind('.', last - 1) + 1);
}

std::string_view last_of(std::string_view name) { return name.substr(name.rfind('.') + 1); }

// Whether a pair by shape is one by name as well, so that it can be told as one.
bool are_alike(std::string_view a, std::string_view b) {
  constexpr std::string_view kLeaves[] = {"weight", "bias"};  // of any layer
  return std::ranges::find(kLeaves, last_of(a)) == std::end(kLeaves) ? last_of(a) == last_of(b)
                                                                     : ending_of(a) == ending_of(b);
}

std::vector<std::string> side_by_side(const Side& first, const Side& other, const Pairs& pairs) {
  std::vector<std::string> lines, own, theirs;
  std::vector<bool> told(other.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const size_t k = pairs.partner[i];
    if (k != Pairs::kNone && (pairs.sure[i] || are_alike(first[i].name, other[k].name))) {
      lines.push_back(sentence(first[i].name, " | ", other[k].name, "  ", to_text(first[i].shape)));
      told[k] = true;
    } else {
      own.push_back(sentence(first[i].name, " |  ", to_text(first[i].shape)));
    }
  }
  for (size_t i = 0; i < other.size(); ++i)
    if (!told[i]) theirs.push_back(sentence("| ", other[i].name, "  ", to_text(other[i].shape)));
  // In turn, since only the first lines are shown.
  for (size_t i = 0; i < std::max(own.size(), theirs.size()); ++i) {
    if (i < own.size()) lines.push_back(std::move(own[i]));
    if (i < theirs.size()) lines.push_back(std::move(theirs[i]));
  }
  return lines;
}

std::string prefix_warning(const Side& first, const Side& other, const PrefixSwap& swap, const std::string& which) {
  const auto prefixed = [](const std::string& prefix) { return prefix.empty() ? "no prefix" : prefix; };
  std::string options;
  for (const std::string& rule : rename_advice(swap, {other.from.tensors, other.rows}, first.from.tensors))
    options += sentence(options.empty() ? "" : " ", "--rename '", which, ":", rule, "'");
  if (options.empty()) options = sentence("--rename '", which, ":REGEX=REPLACEMENT' of a pattern for them alone");
  return sentence(swap.matches, " tensors of ", first.from.path, ", with ", prefixed(swap.add), ", are in ",
                  other.from.path, " with ", prefixed(swap.strip), ", and are not merged; ", options, " merges them");
}

Error two_spellings(const Side& first, const Side& other, const Pairs& pairs, const Share& all,
                    const std::string& which) {
  const bool alike = pairs.count * 10 >= std::max(first.size(), other.size()) * 9;
  return {ErrorCode::mismatch, other.from.path,
          sentence("the checkpoints have the same tensors under two spellings: ", first.size(), " of the ", all.tensors,
                   " tensors of ", first.from.path, " are not in ", other.from.path, ", which has ",
                   alike ? "as many of the same shapes under other names; "
                         : sentence("the same in ", other.size(), " of other names and shapes; "),
                   alike ? sentence("give it the first one's names (--rename '", which, ":REGEX=REPLACEMENT'), or ")
                         : std::string("convert one of them (ckmerge convert --layout), or "),
                   "leave them out (--exclude)"),
          side_by_side(first, other, pairs)};
}

// What no spelling explains, on both sides.
bool most_lack_partners(const Side& first, const Side& other, const Share& all, const Share& all_of_other) {
  const auto most = [](const Side& side, const Share& share) {
    return side.size() * 2 > share.tensors && side.elements * 2 > share.elements;
  };
  return most(first, all) && most(other, all_of_other);
}

Error no_partners(const Side& first, const Side& other, const Pairs& pairs, const Share& all, const Share& all_of_other,
                  const std::string& which) {
  return {
      ErrorCode::mismatch, other.from.path,
      sentence("most of both checkpoints finds no partner: ", first.size(), " of the ", all.tensors, " tensors of ",
               first.from.path, " are not in ", other.from.path, ", of whose ", all_of_other.tensors, " ", other.size(),
               " are not in the first; they are of other models, or named in a way that no rule "
               "knows: give them the first one's names (--rename '",
               which, ":REGEX=REPLACEMENT'), or leave them out (--exclude)"),
      side_by_side(first, other, pairs)};
}

// However few: half of the other file's names are the first one's under another prefix.
void warn_of_half(const Side& first, const Side& other, const std::string& which, std::vector<std::string>& warnings) {
  if (first.size() == 0 || other.size() * 2 < other.from.tensors.size()) return;
  const auto swap = find_prefix_swap({other.from.tensors, other.rows}, {first.from.tensors, first.rows});
  if (swap && swap->matches * 2 >= other.from.tensors.size() && swap->misfits == 0 && swap->is_of_layers())
    warnings.push_back(prefix_warning(first, other, *swap, which));
}

// As reports call inputs.
std::string letter(size_t k) { return k < 26 ? std::string(1, static_cast<char>('A' + k)) : sentence("#", k + 1); }

}  // namespace

void Partners::visit(std::span<const uint32_t> rows) {
  for (size_t k = 1; k < lacking_.size(); ++k) {
    const bool own = rows[0] != NameWalk::kAbsent, theirs = rows[k] != NameWalk::kAbsent;
    if (own && !theirs) lacking_[k].of_first.push_back(rows[0]);
    if (theirs && !own) lacking_[k].of_other.push_back(rows[k]);
  }
}

Partners::Verdict Partners::judge(const Recipe& recipe) const {
  Verdict verdict;
  for (size_t k = 1; k < lacking_.size(); ++k)
    if (first_has_more(k) && other_has_more(k)) judge_one(recipe, k, verdict);
  return verdict;
}

void Partners::judge_one(const Recipe& recipe, size_t k, Verdict& verdict) const {
  const Side first(checkpoints_[0], lacking_[k].of_first), other(checkpoints_[k], lacking_[k].of_other);
  const Share all = share_of(checkpoints_[0]), all_of_other = share_of(checkpoints_[k]);
  if (!are_many(first, other, all)) return warn_of_half(first, other, letter(k), verdict.warnings);
  // Without a name in common nothing is merged in any case.
  const bool any_common =
      lacking_[k].of_first.size() < all.tensors || lacking_[k].of_other.size() < all_of_other.tensors;
  if (!any_common && is_vae_for_model(checkpoints_[0], checkpoints_[k])) return;  // it is told to be baked in
  const Pairs pairs(first, other);
  const auto take = [&](const Error& fault) {
    if (recipe.extra == ExtraPolicy::add)
      verdict.warnings.emplace_back(fault.what());
    else
      verdict.faults.push_back(fault);
  };
  if (!are_the_same(first, other, pairs, all, all_of_other.tensors)) {
    if (any_common && most_lack_partners(first, other, all, all_of_other))
      take(no_partners(first, other, pairs, all, all_of_other, letter(k)));
    return;
  }
  const auto swap = find_prefix_swap({other.from.tensors, other.rows}, {first.from.tensors, first.rows});
  const bool is_part = first.size() * 2 < all.tensors && first.elements * 2 < all.elements;
  if (swap && is_part && swap->misfits == 0 && swap->matches * 10 >= std::min(first.size(), other.size()) * 9)
    return verdict.warnings.push_back(prefix_warning(first, other, *swap, letter(k)));
  take(two_spellings(first, other, pairs, all, letter(k)));
}

}  // namespace ckmerge
