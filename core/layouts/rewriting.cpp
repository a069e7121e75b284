// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/rewriting.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/layouts/fusion.h"
#include "core/layouts/module_codes.h"
#include "core/layouts/reshaping.h"
#include "core/layouts/rule_matcher.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;

class Rewriter {
 public:
  Rewriter(const Checkpoint& checkpoint, const LayoutRules& rules, Direction direction, string_view from_prefix,
           string_view to_prefix)
      : tensors_(checkpoint.tensors),
        matcher_(rules, direction),
        direction_(direction),
        from_prefix_(from_prefix),
        to_prefix_(to_prefix),
        codes_(tensors_),
        fusions_(tensors_, rules, from_prefix) {}

  void keep(size_t index) { made.add_again(tensors_.name(index), tensors_, index); }
  void add(size_t index);
  void add(const UnreadTensor& tensor);

  /// Throws where there were faults.
  void finish(const string& path);

  Rewriting result;
  TensorTable made;
  std::vector<UnreadTensor> unread;

 private:
  bool is_whole(const LayoutRule& rule) const {
    return rule.reshaping == Reshaping::none && matcher_.parts(rule) == 1 && !matcher_.stacks(rule);
  }
  const string& new_name(const RuleMatch& match, size_t part, uint64_t stacked) {
    name_ = to_prefix_;
    matcher_.append_target(match, part, stacked, name_);
    return name_;
  }
  template <typename... Parts>
  void fault(string_view name, const Parts&... parts) {
    faults_.push_back(sentence(name, " ", parts...));
  }
  void carry(size_t index, string_view inner);
  bool may_be_reshaped(size_t index, const RuleMatch& match);
  void cut(size_t index, const RuleMatch& match);
  void add_parts(size_t index, const RuleMatch& match, uint64_t stacked, ElementView view);
  size_t ones();

  const TensorTable& tensors_;
  RuleMatcher matcher_;
  Direction direction_;
  string_view from_prefix_, to_prefix_;
  ModuleCodes codes_;
  Fusions fusions_;
  std::optional<size_t> ones_;
  string name_;  // one buffer for all
  std::vector<string> faults_;
  bool met_codes_ = false;  // among the faults
};

void Rewriter::add(size_t index) {
  const string_view name = tensors_.name(index), inner = name.substr(from_prefix_.size());
  const std::optional<RuleMatch> match = matcher_.match(inner);
  if (!match) {
    carry(index, inner);
  } else if (!matcher_.has_target(*match->rule)) {
    result.left_out.emplace_back(name);
  } else if (is_whole(*match->rule)) {
    const string& other = new_name(*match, 0, 0);
    ++(other == name ? result.kept : result.renamed);
    made.add_again(other, tensors_, index);
  } else if (may_be_reshaped(index, *match)) {
    if (direction_ == Direction::to_right)
      cut(index, *match);
    else
      fusions_.add(new_name(*match, 0, 0), *match, index);
  }
}

// Not away from codes whose module gets another name.
void Rewriter::carry(size_t index, string_view inner) {
  const string_view name = tensors_.name(index);
  result.carried.emplace_back(name);
  made.add_again(sentence(to_prefix_, inner), tensors_, index);
  const string_view kind = codes_.kind(index);
  const size_t weight = kind.empty() ? TensorTable::npos : codes_.weight_beside(index);
  if (weight == TensorTable::npos || weight == index) return;
  const string_view beside = tensors_.name(weight).substr(from_prefix_.size());
  const std::optional<RuleMatch> match = matcher_.match(beside);
  if (!match || !matcher_.has_target(*match->rule) || new_name(*match, 0, 0) == sentence(to_prefix_, beside)) return;
  fault(name, "stands by codes (", kind, ") that would be called otherwise");
  met_codes_ = true;
}

bool Rewriter::may_be_reshaped(size_t index, const RuleMatch& match) {
  const string_view name = tensors_.name(index);
  if (const string_view kind = codes_.kind(index); !kind.empty()) {
    fault(name, "belongs to codes (", kind, "), which cannot be cut, joined or turned");
    met_codes_ = true;
    return false;
  }
  if (match.rest.empty() || match.rest == "weight" || match.rest == "bias") return true;
  fault(name, "is neither weight nor bias of a layer that would be cut, joined or turned");
  return false;
}

void Rewriter::cut(size_t index, const RuleMatch& match) {
  const ElementView view(tensors_, index);
  if (!matcher_.stacks(*match.rule)) return add_parts(index, match, 0, view);
  if (view.shape().empty() || view.shape()[0] == 0) return fault(tensors_.name(index), "has nothing stacked in it");
  const std::vector<uint64_t> shape(view.shape().begin() + 1, view.shape().end());
  for (uint64_t i = 0; i < view.shape()[0]; ++i) {
    ElementView one = view.rows(i, i + 1);
    one.reshape(shape);
    add_parts(index, match, i, std::move(one));
  }
}

void Rewriter::add_parts(size_t index, const RuleMatch& match, uint64_t stacked, ElementView view) {
  const string_view name = tensors_.name(index);
  if (const string why = turn(view, *match.rule, direction_, ones()); !why.empty())
    return fault(name, "cannot be turned: ", why);
  const size_t parts = matcher_.parts(*match.rule);
  if (parts == 1) {
    view.add_to(made, new_name(match, 0, stacked));
    ++result.reshaped;
    return;
  }
  if (view.shape().empty()) return fault(name, "has no rows that could be cut");
  const uint64_t columns = columns_beside(tensors_, index, match.rule, matcher_.stacks(*match.rule));
  const auto counts = row_counts(match.rule->cut, parts, view.shape()[0], columns);
  if (!counts)
    return fault(name, "is ", shape_text(view.shape()), ", which cannot be cut into ", parts,
                 match.rule->cut == RowCut::equal ? " equal parts" : sentence(" parts beside ", columns, " columns"));
  for (uint64_t part = 0, first = 0; part < parts; first += (*counts)[part++]) {
    view.rows(first, first + (*counts)[part]).add_to(made, new_name(match, part, stacked));
    ++result.reshaped;
  }
}

// Dimensions of a convolution behind its channels, in this file: 3 where one of them is time.
size_t Rewriter::ones() {
  if (ones_) return *ones_;
  ones_ = 2;
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_.name(i).starts_with(from_prefix_) && tensors_[i].shape.size() == 5) ones_ = 3;
  return *ones_;
}

void Rewriter::add(const UnreadTensor& tensor) {
  const std::optional<RuleMatch> match = matcher_.match(string_view(tensor.name).substr(from_prefix_.size()));
  if (!match) {
    result.carried.push_back(tensor.name);
    unread.push_back({sentence(to_prefix_, tensor.name.substr(from_prefix_.size())), tensor.why});
    return;
  }
  if (!matcher_.has_target(*match->rule)) {
    result.left_out.push_back(tensor.name);
    return;
  }
  if (direction_ == Direction::to_left && !is_whole(*match->rule))
    fusions_.add(new_name(*match, 0, 0), *match, TensorTable::npos);
  const size_t parts = direction_ == Direction::to_right ? matcher_.parts(*match->rule) : 1;
  for (size_t part = 0; part < parts; ++part)
    if (const string& name = new_name(*match, part, 0); unread.empty() || unread.back().name != name)
      unread.push_back({name, tensor.why});
}

void Rewriter::finish(const string& path) {
  const size_t fused = made.size();
  if (direction_ == Direction::to_left) fusions_.make(made, faults_, ones());
  result.reshaped += made.size() - fused;
  for (const size_t row : made.sort_by_name()) fault(made.name(row), "would be the name of two tensors");
  for (const UnreadTensor& tensor : unread)
    if (made.find(tensor.name) != TensorTable::npos) fault(tensor.name, "would be the name of two tensors");
  if (faults_.empty()) return;
  const size_t count = faults_.size();
  throw Error(ErrorCode::mismatch, path,
              sentence(path, ": ", counted(count, "tensor"), count == 1 ? " does" : " do",
                       " not fit the rules by which this model gets its other names; ",
                       met_codes_ ? "take the f16, bf16 or f32 original of a quantized model"
                                  : "use a file that has the names wanted, or mend these tensors, or leave them out "
                                    "(--discard REGEX)"),
              std::move(faults_));
}

}  // namespace

Rewriting rewrite(Checkpoint& checkpoint, const LayoutRules& rules, Direction direction, string_view from_prefix,
                  string_view to_prefix, std::span<const string> not_behind) {
  Rewriter rewriter(checkpoint, rules, direction, from_prefix, to_prefix);
  const auto is_meant = [&](string_view name) {
    return name.starts_with(from_prefix) &&
           std::ranges::none_of(not_behind, [&](const string& other) { return name.starts_with(other); });
  };
  for (const UnreadTensor& tensor : checkpoint.unread) {
    if (is_meant(tensor.name))
      rewriter.add(tensor);
    else
      rewriter.unread.push_back(tensor);
  }
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    if (is_meant(checkpoint.tensors.name(i)))
      rewriter.add(i);
    else
      rewriter.keep(i);
  }
  rewriter.finish(checkpoint.path);
  checkpoint.tensors = std::move(rewriter.made);
  checkpoint.unread = std::move(rewriter.unread);
  return std::move(rewriter.result);
}

}  // namespace ckmerge
