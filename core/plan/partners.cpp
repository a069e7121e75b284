// SPDX-License-Identifier: Apache-2.0
#include "core/plan/partners.h"

#include <algorithm>
#include <map>

#include "core/names/prefix_swap.h"
#include "core/names/training_state.h"
#include "core/plan/name_walk.h"
#include "core/plan/step_planner.h"
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
  Pairs(const Side& first, const Side& other) : partner(first.size(), kNone), taken(other.size()) {
    pair_by(first, other, block_of);
    pair_by(first, other, [](std::string_view) { return std::string_view(); });
  }
  static constexpr size_t kNone = SIZE_MAX;

  std::vector<size_t> partner;  // of the first side's, by index
  std::vector<bool> taken;      // of the other side's
  size_t count = 0;

 private:
  using Key = std::pair<std::string_view, std::vector<uint64_t>>;

  void pair_by(const Side& first, const Side& other, const auto& place_of) {
    const auto key_of = [&](const Tensor& tensor) {
      return Key{place_of(tensor.name), {tensor.shape.begin(), tensor.shape.end()}};
    };
    std::map<Key, std::vector<size_t>> waiting;  // the first last
    for (size_t i = other.size(); i-- > 0;)
      if (!taken[i]) waiting[key_of(other[i])].push_back(i);
    for (size_t i = 0; i < first.size(); ++i) {
      if (partner[i] != kNone) continue;
      const auto found = waiting.find(key_of(first[i]));
      if (found == waiting.end() || found->second.empty()) continue;
      partner[i] = found->second.back();
      found->second.pop_back();
      taken[partner[i]] = true;
      ++count;
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

std::vector<std::string> side_by_side(const Side& first, const Side& other, const Pairs& pairs) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < first.size(); ++i)
    if (pairs.partner[i] != Pairs::kNone)
      lines.push_back(sentence(first[i].name, " | ", other[pairs.partner[i]].name, "  ", to_text(first[i].shape)));
  for (size_t i = 0; i < first.size(); ++i)
    if (pairs.partner[i] == Pairs::kNone) lines.push_back(sentence(first[i].name, " |  ", to_text(first[i].shape)));
  for (size_t i = 0; i < other.size(); ++i)
    if (!pairs.taken[i]) lines.push_back(sentence("| ", other[i].name, "  ", to_text(other[i].shape)));
  return lines;
}

// As a pattern, and so that a shell takes it in quotes.
std::string quoted(std::string_view prefix) {
  std::string out;
  for (const char c : prefix)
    out += c == '.' || c == '[' || c == '(' || c == '+' || c == '*' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string prefix_warning(const Side& first, const Side& other, const PrefixSwap& swap, const std::string& which) {
  const auto prefixed = [](const std::string& prefix) { return prefix.empty() ? "no prefix" : prefix; };
  return sentence(swap.matches, " tensors of ", first.from.path, ", with ", prefixed(swap.add), ", are in ",
                  other.from.path, " with ", prefixed(swap.strip), ", and are not merged; --rename '", which, ":^",
                  quoted(swap.strip), "=", swap.add, "' merges them");
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
                         : std::string("convert one of them by the program that it is for, or "),
                   "leave them out (--exclude)"),
          side_by_side(first, other, pairs)};
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
  const Share all = share_of(checkpoints_[0]);
  if (!are_many(first, other, all)) return;
  const Pairs pairs(first, other);
  if (!are_the_same(first, other, pairs, all, checkpoints_[k].tensors.size())) return;
  const auto swap = find_prefix_swap({other.from.tensors, other.rows}, {first.from.tensors, first.rows});
  const bool is_part = first.size() * 2 < all.tensors && first.elements * 2 < all.elements;
  if (swap && is_part && swap->misfits == 0 && swap->matches * 10 >= std::min(first.size(), other.size()) * 9)
    return verdict.warnings.push_back(prefix_warning(first, other, *swap, letter(k)));
  const Error fault = two_spellings(first, other, pairs, all, letter(k));
  if (recipe.extra == ExtraPolicy::add)
    verdict.warnings.emplace_back(fault.what());
  else
    verdict.faults.push_back(fault);
}

}  // namespace ckmerge
