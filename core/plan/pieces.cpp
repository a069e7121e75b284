// SPDX-License-Identifier: Apache-2.0
#include "core/plan/pieces.h"

#include <algorithm>
#include <filesystem>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// What stands in front of a rank's number, in the paths that Megatron, DeepSpeed, nanotron, torch and FSDP's trainers
// write, and Llama's publisher.
constexpr string_view kRankMarks[] = {"mp_rank_", "pp_rank_", "tp_rank_", "dp_rank_",  "ep_rank_",     "pp-rank-",
                                      "tp-rank-", "dp-rank-", "ep-rank-", "exp-rank-", "consolidated."};
constexpr string_view kWorld = "world_size_", kRankInWorld = "_rank_", kWriter = "__";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t digits_at(string_view text, size_t at) {
  size_t count = 0;
  while (at + count < text.size() && is_digit(text[at + count])) ++count;
  return count;
}

string_view base_name(string_view path) { return path.substr(path.rfind('/') + 1); }

bool behind_mark(string_view text, size_t at) {
  const string_view front = text.substr(0, at);
  if (std::ranges::any_of(kRankMarks, [&](string_view mark) { return front.ends_with(mark); })) return true;
  if (front.ends_with(kRankInWorld) && front.find(kWorld) != string_view::npos) return true;
  // __0_1.distcp: nothing else is in the name.
  const size_t end = at + digits_at(text, at), second = end < text.size() ? digits_at(text, end + 1) : 0;
  return base_name(front) == kWriter && second > 0 && text[end] == '_' &&
         text.substr(end + 1 + second).starts_with('.');
}

// The path without the numbers of its ranks. Megatron's pipeline rank follows the tensor rank: mp_rank_00_001.
std::string without_ranks(string_view path) {
  std::string out;
  for (size_t at = 0; at < path.size();) {
    size_t digits = is_digit(path[at]) && behind_mark(path, at) ? digits_at(path, at) : 0;
    if (digits > 0 && at + digits < path.size() && path[at + digits] == '_')
      if (const size_t more = digits_at(path, at + digits + 1); more > 0) digits += 1 + more;
    out += digits > 0 ? '#' : path[at];
    at += std::max<size_t>(digits, 1);
  }
  return out;
}

// As the file system has it, links followed: a rank may stand in a name that was not typed.
std::string resolved_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(path, error);
  return error ? path : resolved.string();
}

class Judge {
 public:
  Judge(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Partners& partners)
      : recipe_(recipe), checkpoints_(checkpoints), partners_(partners) {}

  PieceVerdict judge() {
    const size_t merged = merged_inputs(recipe_, checkpoints_.size());
    for (size_t k = 1; k < merged; ++k) judge_shard(k);
    for (size_t k = 0; k < checkpoints_.size() && verdict_.faults.empty(); ++k) warn_of_shard(checkpoints_[k]);
    for (size_t k = 1; k < merged; ++k) warn_of_rank(k);
    return std::move(verdict_);
  }

 private:
  static std::optional<ShardName> shard_of(const Checkpoint& checkpoint) {
    return checkpoint.lies_in_memory() ? std::nullopt : shard_name(checkpoint.path);
  }

  // Shards may be put together by adding what the first lacks.
  void judge_shard(size_t k) {
    const auto own = shard_of(checkpoints_[0]), theirs = shard_of(checkpoints_[k]);
    const bool lacks = theirs && partners_.first_has_more(k);  // the others may be in another shard
    const bool leaves = own && theirs && partners_.other_has_more(k) && recipe_.extra != ExtraPolicy::add;
    const bool added = own && theirs && recipe_.extra == ExtraPolicy::add;
    if ((!lacks && !leaves && !(own && partners_.first_has_more(k))) || added) return;
    const auto told = [](const auto& shard) {
      return shard ? sentence("is shard ", shard->number, " of ", shard->of) : std::string("is no shard");
    };
    verdict_.faults.push_back(
        {ErrorCode::mismatch, checkpoints_[k].path,
         sentence(checkpoints_[0].path, " ", told(own), ", ", checkpoints_[k].path, " ", told(theirs),
                  ", and they do not hold the same tensors: shards of one checkpoint, or of two that were cut "
                  "differently, are no checkpoints to merge; give each as one file")});
  }

  void warn_of_shard(const Checkpoint& checkpoint) {
    const auto shard = shard_of(checkpoint);
    if (!shard || recipe_.extra == ExtraPolicy::add) return;
    const std::string told = sentence(checkpoint.path, " is shard ", shard->number, " of ", shard->of,
                                      " of a checkpoint, and the others do not lie beside it: its tensors alone are "
                                      "read; give the folder or the index of the whole");
    if (std::ranges::find(verdict_.warnings, told) == verdict_.warnings.end()) verdict_.warnings.push_back(told);
  }

  void warn_of_rank(size_t k) {
    for (size_t other = 0; other < k; ++other)
      if (are_ranks_of_one(resolved_path(checkpoints_[other].path), resolved_path(checkpoints_[k].path))) {
        verdict_.warnings.push_back(sentence(checkpoints_[other].path, " and ", checkpoints_[k].path,
                                             " are two ranks of one checkpoint, by their paths: each holds other parts "
                                             "of the same tensors, and their mean is no model; merge a rank with the "
                                             "same rank of another checkpoint"));
        return;
      }
  }

  const Recipe& recipe_;
  std::span<const Checkpoint> checkpoints_;
  const Partners& partners_;
  PieceVerdict verdict_;
};

}  // namespace

std::optional<ShardName> shard_name(std::string_view path) {
  constexpr string_view kOf = "-of-";
  constexpr size_t kFewestDigits = 4;  // all writers of shards have 5; people count their own files with fewer
  const string_view name = base_name(path);
  const size_t of = name.rfind(kOf);
  if (of == string_view::npos) return std::nullopt;
  size_t begin = of;
  while (begin > 0 && is_digit(name[begin - 1])) --begin;
  const size_t count_at = of + kOf.size(), count_size = digits_at(name, count_at), end = count_at + count_size;
  const bool is_shard = begin > 0 && of - begin >= kFewestDigits && count_size == of - begin && end < name.size() &&
                        name[end] == '.' && (name[begin - 1] == '-' || name[begin - 1] == '_');
  const string_view count = name.substr(count_at, count_size);
  if (!is_shard || count.find_first_not_of('0') == string_view::npos) return std::nullopt;
  if (count.substr(count.find_first_not_of('0')) == "1") return std::nullopt;  // all of it
  // nanotron's ranks are cut by tensors, not by names.
  if (behind_mark(name, begin)) return std::nullopt;
  return ShardName{name.substr(begin, of - begin), count};
}

bool are_ranks_of_one(std::string_view a, std::string_view b) { return a != b && without_ranks(a) == without_ranks(b); }

PieceVerdict judge_pieces(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Partners& partners) {
  return Judge(recipe, checkpoints, partners).judge();
}

}  // namespace ckmerge
