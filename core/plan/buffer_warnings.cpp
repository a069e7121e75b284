// SPDX-License-Identifier: Apache-2.0
#include "core/plan/buffer_warnings.h"

#include <algorithm>
#include <map>

#include "core/names/part.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// A model has three or four; a file may hold any number.
constexpr size_t kMostMarks = 20;

struct Mark {
  const BufferRow* row;
  bool kept;  // it is in the output
};

struct Schedule {
  Source source;
  bool kept;
};

// Several tensors may say one thing: edm_vpred.sigma_max and edm_vpred.sigma_min.
struct MarkWarning {
  const BufferRow* row;
  std::string_view name;  // of the first
  size_t count;
  std::string with, without;
  bool kept;
};

class BufferWarnings {
 public:
  BufferWarnings(const Plan& plan, std::span<const Checkpoint> checkpoints)
      : plan_(plan),
        checkpoints_(checkpoints.first(merged_inputs(plan.recipe, checkpoints.size()))),
        gives_(checkpoints_.size()) {}

  std::vector<std::string> all() {
    if (checkpoints_.size() < 2) return {};
    find_givers();
    find_one_sided();
    for (const MarkWarning& mark : joined_marks()) warn_of_mark(mark);
    warn_of_schedules();
    warn_of_shapes();
    return std::move(warnings_);
  }

 private:
  Tensor tensor_of(Source source) const { return checkpoints_[source.checkpoint].tensors[source.tensor]; }
  bool has(size_t k, std::string_view name) const { return checkpoints_[k].tensors.find(name) != TensorTable::npos; }

  // Which checkpoints the part that denoises is made of: of files that name no parts, all that is there.
  void find_givers() {
    bool named = false;
    std::vector<bool> any(gives_.size());
    for (const Step& step : plan_.steps) {
      if (step.action == Action::copy_buffer || step.action == Action::copy_positions) continue;
      const std::optional<Part> part = part_of(tensor_of(step.named).name);
      named |= part.has_value();
      for (uint32_t s = 0; s < step.source_count; ++s) {
        const uint32_t k = plan_.source(step, s).checkpoint;
        if (k >= gives_.size()) continue;
        any[k] = true;
        if (part == Part::unet) gives_[k] = true;
      }
    }
    if (!named) gives_ = any;
  }

  void find_one_sided() {
    for (const Step& step : plan_.steps)
      if (step.action == Action::keep || step.action == Action::outside || step.action == Action::add)
        look_at(step.named, true);
    for (const auto* list : {&plan_.dropped, &plan_.left_out})
      for (const Source source : *list) look_at(source, false);
  }

  void look_at(Source source, bool kept) {
    if (source.checkpoint >= checkpoints_.size()) return;
    const Tensor tensor = tensor_of(source);
    const BufferRow* const row = buffer_row(checkpoints_[source.checkpoint].tensors, tensor);
    if (!row || !is_of_sampling(*row)) return;
    if (row->kind == BufferKind::mark && marks_.size() < kMostMarks) marks_.try_emplace(tensor.name, Mark{row, kept});
    if (row->kind == BufferKind::schedule && is_one_sided(tensor.name)) schedules_.push_back({source, kept});
  }

  bool is_one_sided(std::string_view name) const {
    bool some = false, all = true;
    for (size_t k = 0; k < gives_.size(); ++k) {
      some |= gives_[k] && has(k, name);
      all &= !gives_[k] || has(k, name);
    }
    return some && !all;
  }

  std::string paths(std::string_view name, bool with) const {
    constexpr size_t kShown = 3;
    std::string out;
    size_t count = 0;
    for (size_t k = 0; k < gives_.size(); ++k)
      if (gives_[k] && has(k, name) == with && ++count <= kShown)
        out += (out.empty() ? "" : ", ") + checkpoints_[k].path;
    return count > kShown ? sentence(out, " and ", counted(count - kShown, "other")) : out;
  }

  std::vector<MarkWarning> joined_marks() const {
    std::vector<MarkWarning> joined;
    for (const auto& [name, mark] : marks_) {
      MarkWarning one{mark.row, name, 1, paths(name, true), paths(name, false), mark.kept};
      const auto same = std::ranges::find_if(joined, [&](const MarkWarning& other) {
        return other.row == one.row && one.row->place != NamePlace::dunder && other.with == one.with &&
               other.without == one.without && other.kept == one.kept;
      });
      if (same == joined.end())
        joined.push_back(std::move(one));
      else
        ++same->count;
    }
    return joined;
  }

  void warn_of_mark(const MarkWarning& mark) {
    const auto& [row, first, count, with, without, kept] = mark;
    const std::string name = sentence(first, count > 1 ? sentence(" (and ", counted(count - 1, "other"), ")") : "");
    if (!with.empty() && !without.empty())
      warnings_.push_back(sentence(name, " is in ", with, " and not in ", without, ": ", row->meaning,
                                   "; models that are sampled in two ways were mixed, and the result ",
                                   kept ? "has the mark" : "lacks the mark"));
    else if (!with.empty() && !kept)
      warnings_.push_back(sentence(name, " of ", with, ", which gives the unet, is left out: ", row->meaning,
                                   "; give it first, or keep its marks (--extra add)"));
    else if (!without.empty() && kept)
      warnings_.push_back(sentence(name, " is in the result, but not in ", without,
                                   ", which gives the unet; leave it out (--discard '^",
                                   count > 1 ? sentence(row->text) : sentence(first, "$"), "')"));
  }

  void warn_of_schedules() {
    if (schedules_.empty()) return;
    const auto [first, kept] = schedules_[0];
    warnings_.push_back(
        sentence("only ", checkpoints_[first.checkpoint].path, " has a noise schedule (", tensor_of(first).name,
                 schedules_.size() > 1 ? sentence(" and ", counted(schedules_.size() - 1, "other")) : "",
                 kept ? "); it is kept" : "); it is left out"));
  }

  void warn_of_shapes() {
    std::vector<const Step*> uneven;
    for (const Step& step : plan_.steps)
      if ((step.action == Action::copy_buffer || step.action == Action::copy_positions) &&
          step.source_count < checkpoints_.size())
        uneven.push_back(&step);
    if (uneven.empty()) return;
    warnings_.push_back(
        sentence(tensor_of(uneven[0]->named).name,
                 uneven.size() > 1 ? sentence(" and ", counted(uneven.size() - 1, "other buffer"), " have") : " has",
                 " another shape in another checkpoint; what ", checkpoints_[0].path, " has is kept"));
  }

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  std::vector<bool> gives_;                 // per checkpoint: something of the unet
  std::map<std::string_view, Mark> marks_;  // that only some have, kMostMarks at most
  std::vector<Schedule> schedules_;
  std::vector<std::string> warnings_;
};

}  // namespace

const BufferRow* buffer_of(std::span<const Checkpoint> checkpoints, const Step& step) {
  const TensorTable& table = checkpoints[step.named.checkpoint].tensors;
  return buffer_row(table, table[step.named.tensor]);
}

std::vector<std::string> buffer_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  return BufferWarnings(plan, checkpoints).all();
}

}  // namespace ckmerge
