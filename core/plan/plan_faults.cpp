// SPDX-License-Identifier: Apache-2.0
#include "core/plan/plan_faults.h"

#include <algorithm>
#include <optional>

#include "core/names/name_hint.h"
#include "core/names/near_name.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The name that a pattern spells, where it is no more than a name; else empty.
std::string plain_name(std::string_view pattern) {
  if (pattern.starts_with('^')) pattern.remove_prefix(1);
  if (pattern.ends_with('$')) pattern.remove_suffix(1);
  std::string name;
  for (const char c : pattern) {
    if (std::string_view("[](){}*+?|^$").find(c) != std::string_view::npos) return "";
    if (c != '\\') name += c;
  }
  return name;
}

std::string unmatched_sentence(const NamePattern& pattern, std::span<const Checkpoint> checkpoints) {
  const std::string name = plain_name(pattern.text());
  NearestName nearest(name);
  if (name.size() > 2)  // a shorter one is near everything
    for (const Checkpoint& checkpoint : checkpoints)
      for (size_t i = 0; i < checkpoint.tensors.size(); ++i) nearest.offer(checkpoint.tensors[i].name);
  return pattern.where() + " '" + pattern.text() + "' matches no tensor name" +
         (nearest.found().empty() ? "" : "; did you mean '" + nearest.found() + "'?");
}

// As a shell takes it.
std::string discard_pattern(std::string_view name) {
  std::string pattern = "'^";
  for (const char c : name) {
    if (std::string_view("\\.[](){}*+?|^$").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "$'";
}

Error no_common_name(std::span<const Checkpoint> checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints)
    if (checkpoint.tensors.size() == 0)
      return {ErrorCode::mismatch, checkpoint.path, checkpoint.path + ": has no tensors; there is nothing to merge"};
  std::vector<std::string> hints;
  for (size_t k = 1; k < checkpoints.size(); ++k) {
    std::string hint =
        prefix_hint(checkpoints[0].tensors, checkpoints[0].path, checkpoints[k].tensors, checkpoints[k].path);
    if (!hint.empty()) hints.push_back(std::move(hint));
  }
  const std::string remedy = hints.empty() ? "they are of different kinds (--extra add puts them into one file)"
                                           : "rename tensors so that they match";
  return {ErrorCode::mismatch, "", "the checkpoints have no tensor name in common; " + remedy, hints};
}

std::vector<Error> unmatched(const Selection& selection, std::span<const Checkpoint> checkpoints) {
  std::vector<Error> errors;
  for (const NamePattern* pattern : selection.unmatched())
    errors.emplace_back(ErrorCode::usage, pattern->where(), unmatched_sentence(*pattern, checkpoints));
  return errors;
}

// One error for all, its sentence a clause for each kind.
class Gathered {
 public:
  void add_patterns(const std::vector<Error>& errors, const char* of_one, const char* of_several) {
    if (errors.empty()) return;
    add_clause(errors.size() == 1 ? sentence("a pattern ", of_one) : sentence(errors.size(), " patterns ", of_several));
    for (const Error& error : errors) lines_.emplace_back(error.what());
    if (!only_) only_ = errors[0];
    count_ += errors.size();
  }

  void add(const Error& error) {
    add_clause(error.what());
    lines_.insert(lines_.end(), error.details().begin(), error.details().end());
    if (!only_) only_ = error;
    ++count_;
  }

  void throw_any() const {
    if (count_ == 1) throw *only_;
    if (count_ > 1) throw Error(only_->code(), only_->where(), clauses_, lines_);
  }

 private:
  void add_clause(const std::string& clause) { clauses_ += (clauses_.empty() ? "" : ", and ") + clause; }

  size_t count_ = 0;
  std::optional<Error> only_;  // the first
  std::string clauses_;
  std::vector<std::string> lines_;
};

}  // namespace

void raise_faults(const Selection& selection, std::span<const Checkpoint> checkpoints,
                  const std::vector<std::string>& misfits, const std::vector<std::string>& unread, bool strangers) {
  Gathered faults;
  faults.add_patterns(selection.faults(), "cannot be understood", "cannot be understood");
  faults.add_patterns(unmatched(selection, checkpoints), "matches no tensor name", "match no tensor name");
  if (!unread.empty() && selection.faults().empty())
    faults.add({ErrorCode::mismatch, "",
                unread.size() == 1 ? unread[0] : sentence(unread.size(), " tensors cannot be read"),
                unread.size() == 1 ? std::vector<std::string>() : unread});
  if (strangers && unread.empty())
    faults.add(no_common_name(checkpoints));
  else if (!misfits.empty() && selection.faults().empty())
    faults.add({ErrorCode::mismatch, "",
                "the checkpoints do not fit together: " + counted(misfits.size(), "tensor") + " cannot be merged",
                misfits});
  faults.throw_any();
}

std::vector<std::string> needed_unread(Selection& selection, std::span<const Checkpoint> checkpoints, size_t merged,
                                       bool adds) {
  std::vector<std::string> lines;
  std::vector<std::string_view> first;
  for (const UnreadTensor& tensor : checkpoints[0].unread) first.push_back(tensor.name);
  std::ranges::sort(first);
  const auto first_has = [&](const std::string& name) {
    return checkpoints[0].tensors.find(name) != TensorTable::npos || std::ranges::binary_search(first, name);
  };
  for (size_t k = 0; k < checkpoints.size(); ++k)
    for (const UnreadTensor& tensor : checkpoints[k].unread) {
      const Selection::Place place = selection.place(tensor.name);
      const bool only_merged = k > 0 && k < merged && !adds;
      if (place == Selection::Place::discarded) continue;
      if (only_merged && (place == Selection::Place::outside || !first_has(tensor.name))) continue;
      lines.push_back(sentence(checkpoints[k].path, ": tensor '", tensor.name, "': ", tensor.why,
                               "; leave it out (--discard ", discard_pattern(tensor.name), ")"));
    }
  return lines;
}

}  // namespace ckmerge
