// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_inputs.h"

#include <algorithm>
#include <utility>

#include "core/adapters/adapter_file.h"
#include "core/adapters/adapter_kind.h"
#include "core/adapters/adapter_strengths.h"
#include "core/adapters/adapter_targets.h"
#include "core/adapters/made_changes.h"
#include "core/adapters/saved_bases.h"
#include "core/adapters/whole_tensors.h"
#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kNamed = 3;  // of a list, in a sentence

[[noreturn]] void refuse(const Checkpoint& adapter, const std::string& what,
                         const std::vector<std::string>& lines = {}) {
  throw Error(ErrorCode::mismatch, adapter.path, sentence(adapter.path, ": ", what), lines);
}

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(kNamed, names.size()); ++i) text += (i ? ", " : "") + names[i];
  return text + (names.size() > kNamed ? ", ..." : "");
}

class Changes {
 public:
  Changes(const Recipe& recipe, size_t i, std::shared_ptr<const Checkpoint> first, std::span<const Checkpoint> merged,
          Checkpoint& place, unsigned threads)
      : recipe_(recipe),
        use_(recipe.adapters[i]),
        first_(std::move(first)),
        merged_(merged),
        place_(place),
        threads_(threads) {}

  AdapterReport run() {
    expect_adapter(place_);
    auto read = std::make_shared<Adapter>(read_adapter(place_));
    report_ = {.path = place_.path, .kind = read->kind, .maker = name(read->maker), .base_model = read->base_model};
    report_.warnings = read->warnings;
    read_dora(*read);
    replace_grown_bases(*read, *first_);
    report_.ignored = read->ignored;
    adapter_ = std::move(read);
    targets_ =
        adapter_targets(*adapter_, *first_, recipe_.tied == TiedPolicy::sum ? TiedModules::sum : TiedModules::refuse);
    report_.warnings.insert(report_.warnings.end(), targets_.warnings.begin(), targets_.warnings.end());
    judge_matches();
    expect_fit();
    make();
    return std::move(report_);
  }

 private:
  std::string tensor_name(uint32_t tensor) const { return std::string(first_->tensors.name(tensor)); }

  void read_dora(Adapter& adapter) {
    if (recipe_.dora == DoraPolicy::trained) return;
    for (AdapterModule& module : adapter.modules) module.numbers["dora_comfy"] = 1;
  }

  // ---- what belongs where

  // Whole tensors that it has count as modules.
  size_t module_count() const { return adapter_->modules.size() + adapter_->replacements.size(); }

  void judge_matches() {
    std::vector<std::vector<std::string>> tensors(adapter_->modules.size());
    for (const AdaptedTensor& adapted : targets_.adapted)
      for (const ModulePlace& place : adapted.places) {
        std::vector<std::string>& of = tensors[place.module];
        if (of.empty() || of.back() != first_->tensors.name(adapted.tensor)) of.push_back(tensor_name(adapted.tensor));
      }
    std::vector<bool> is_unmatched(adapter_->modules.size());
    for (size_t k = 0; k < targets_.unmatched.size(); ++k) {
      is_unmatched[targets_.unmatched[k]] = true;
      report_.unmatched.push_back({.name = adapter_->modules[targets_.unmatched[k]].name,
                                   .nearest = k < targets_.nearest.size() ? targets_.nearest[k] : ""});
    }
    for (const uint32_t k : targets_.repeated)
      report_.ignored.emplace_back(adapter_->file.tensors.name(adapter_->replacements[k].tensor));
    for (const uint32_t k : targets_.unplaced) report_.unmatched.push_back({.name = adapter_->replacements[k].name});
    for (size_t m = 0; m < tensors.size(); ++m)
      if (!is_unmatched[m])
        report_.matched.push_back({.name = adapter_->modules[m].name, .tensors = std::move(tensors[m])});
    if (targets_.adapted.empty() && targets_.replaced.empty()) refuse_unmatched(true);
    if (!report_.unmatched.empty() && !recipe_.allow_unmatched) refuse_unmatched(false);
    if (report_.unmatched.empty()) return;
    std::vector<std::string> names;
    for (const ReportedModule& module : report_.unmatched) names.push_back(module.name);
    report_.warnings.push_back(sentence(place_.path, ": ", counted(names.size(), "module"), " of ", module_count(),
                                        names.size() == 1 ? " belongs" : " belong", " to nothing in ", first_->path,
                                        " and ", names.size() == 1 ? "is" : "are", " left out: ", some_of(names)));
  }

  [[noreturn]] void refuse_unmatched(bool all) const {
    std::vector<std::string> lines;
    for (const ReportedModule& module : report_.unmatched)
      lines.push_back(module.name + (module.nearest.empty() ? "" : ": nearest is " + module.nearest));
    const std::string made_from =
        report_.base_model.empty() ? "" : sentence("; its config says that it was made from ", report_.base_model);
    if (all)
      refuse(place_,
             sentence(module_count() == 1 ? "its module belongs to nothing in "
                                          : sentence("none of its ", module_count(), " modules belongs to "),
                      first_->path, ": it was made for another network", made_from),
             lines);
    refuse(place_,
           sentence(counted(lines.size(), "module"), " of ", module_count(), lines.size() == 1 ? " belongs" : " belong",
                    " to nothing in ", first_->path, made_from, "; --allow-unmatched leaves ",
                    lines.size() == 1 ? "it" : "them", " out"),
           lines);
  }

  // ---- whether it can be added beside others

  // Channels and rows that the first checkpoint alone has are its own in a merge (ExpandPolicy, VocabPolicy::base).
  void expect_fit() const {
    std::vector<std::string> lines;
    for (const AdaptedTensor& adapted : targets_.adapted) {
      const Tensor own = first_->tensors[adapted.tensor];
      if (!is_real(own.dtype))
        lines.push_back(
            sentence(own.name, ": is ", info(own.dtype).name, " in ", first_->path, ", to which nothing can be added"));
      for (size_t k = 1; k < merged_.size(); ++k)
        if (reaches_own_channels(adapted, own, merged_[k]))
          lines.push_back(sentence(own.name, ": ", merged_[k].path,
                                   " has fewer channels or rows, and what the adapter changes in those that only ",
                                   first_->path, " has would be lost"));
    }
    if (!lines.empty())
      refuse(place_,
             sentence("cannot be added to ", counted(lines.size(), "tensor"),
                      "; bake it into the first checkpoint before the merge where that is meant"),
             lines);
  }

  static bool reaches_own_channels(const AdaptedTensor& adapted, const Tensor& own, const Checkpoint& other) {
    const size_t row = other.tensors.find(own.name);
    if (row == TensorTable::npos || own.shape.empty()) return false;
    const Tensor theirs = other.tensors[row];
    if (theirs.count >= own.count || theirs.shape.size() != own.shape.size()) return false;
    if (theirs.shape[0] != own.shape[0]) return true;
    return std::ranges::any_of(adapted.weights, [&](const ModuleWeight& weight) {
      return !weight.is_bias && weight.columns() > theirs.count / theirs.shape[0];
    });
  }

  // ---- the checkpoint

  StrengthOf strength_of() {
    std::vector<std::string> tensors;
    for (const AdaptedTensor& adapted : targets_.adapted) tensors.push_back(tensor_name(adapted.tensor));
    for (const ReplacedTensor& replaced : targets_.replaced) tensors.push_back(tensor_name(replaced.tensor));
    return ckmerge::strength_of(use_, *first_, place_.path, tensors, report_.warnings);
  }

  // The file's own shards come first, so that it can be hashed and looked at again; what is made counts as borrowed.
  // What adds to a tensor that the adapter has whole is made for that one, and has its name.
  void make() {
    report_.memory = changes_memory(*adapter_, targets_, threads_);
    const StrengthOf strength = strength_of();
    const Checkpoint whole = taken_whole(strength);
    const Checkpoint made = whole.tensors.size() == 0
                                ? made_changes(adapter_, targets_, *first_, strength)
                                : made_changes(adapter_, targets_, with_whole(*first_, whole), strength);
    Checkpoint out;
    out.path = place_.path;
    out.form = place_.form;
    out.key = place_.key;
    out.folder = place_.folder;
    out.notes = std::move(place_.notes);
    out.header_size = place_.header_size;
    out.shards = whole.shards;
    const auto behind = static_cast<uint32_t>(out.shards.size());
    for (size_t row = 0; row < whole.tensors.size(); ++row)
      out.tensors.add_again(whole.tensors.name(row), whole.tensors, row);
    for (size_t row = 0; row < made.tensors.size(); ++row)
      out.tensors.add_again(made.tensors.name(row), made.tensors, row, behind);
    for (const InputFile& shard : made.shards) out.shards.push_back(held(shard));
    out.borrowed = static_cast<uint32_t>(out.shards.size() - adapter_->file.own_shards().size());
    out.tensors.sort_by_name();
    for (uint32_t row = 0; row < out.tensors.size(); ++row)
      if (out.tensors[row].shard < behind) out.replacing.push_back(row);
    place_ = std::move(out);
  }

  // What is made reads the first checkpoint and the adapter. More workers read than may compute, and making is
  // computing.
  InputFile held(const InputFile& made) const {
    auto makers = std::make_shared<Semaphore>(threads_);
    const auto read = [made, makers, first = first_, adapter = adapter_](uint64_t offset, std::span<std::byte> out) {
      const SemaphoreLock making(*makers);
      made.read_at(offset, out);
    };
    return InputFile(MemoryBytes{.size = made.size(), .read = read}, place_.path);
  }

  Checkpoint taken_whole(const StrengthOf& strength) {
    WholeTensors taken = whole_tensors(adapter_, targets_, first_, strength);
    if (!taken.faults.empty())
      refuse(place_,
             sentence("holds ", counted(taken.faults.size(), "tensor"), " that cannot take the place of those of ",
                      first_->path),
             taken.faults);
    for (size_t row = 0; row < taken.whole.tensors.size(); ++row)
      report_.replaced.emplace_back(taken.whole.tensors.name(row));
    report_.rows = taken.rows;
    return std::move(taken.whole);
  }

  const Recipe& recipe_;
  const AdapterUse& use_;
  const std::shared_ptr<const Checkpoint> first_;
  std::span<const Checkpoint> merged_;
  Checkpoint& place_;
  const unsigned threads_;
  std::shared_ptr<const Adapter> adapter_;
  AdapterTargets targets_;
  AdapterReport report_;
};

}  // namespace

void expect_adapter(const Checkpoint& file) {
  if (file.judgement.holds == Holds::factors) return;
  // LyCORIS's IA3 has names of weights, and says so by a mark beside each.
  for (size_t row = 0; row < file.tensors.size(); ++row)
    if (file.tensors.name(row).ends_with(".on_input")) return;
  refuse(
      file,
      "is no adapter: it holds whole weights and no factors; give it as an input (`ckmerge merge MODEL FILE`), or make "
      "an adapter of the difference (`ckmerge lora extract`)");
}

AdapterReport make_changes(const Recipe& recipe, size_t i, const std::shared_ptr<const Checkpoint>& first,
                           std::span<const Checkpoint> merged, Checkpoint& adapter, unsigned threads) {
  return Changes(recipe, i, first, merged, adapter, threads).run();
}

}  // namespace ckmerge
