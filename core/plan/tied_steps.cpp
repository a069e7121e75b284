// SPDX-License-Identifier: Apache-2.0
#include "core/plan/tied_steps.h"

#include <algorithm>
#include <string_view>

#include "core/plan/step_rows.h"
#include "io/input_forms.h"

namespace ckmerge {
namespace {

struct Place {
  uint64_t offset;
  uint32_t k;  // into the indices
};

class Ties {
 public:
  Ties(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const Step> steps,
       std::span<const uint32_t> indices)
      : plan_(plan), checkpoints_(checkpoints), steps_(steps), indices_(indices) {}

  // Few tensors begin where another does, so that all that there is to know of them is compared for those alone.
  std::vector<uint32_t> find() {
    std::vector<Place> places = candidates();
    std::ranges::sort(places, {}, &Place::offset);
    for (size_t begin = 0, end = 0; begin < places.size(); begin = end) {
      while (end < places.size() && places[end].offset == places[begin].offset) ++end;
      if (end - begin > 1) tie(std::span(places).subspan(begin, end - begin));
    }
    return std::move(tied_);
  }

 private:
  const Step& step(uint32_t k) const { return steps_[indices_[k]]; }

  std::string_view name(uint32_t k) const {
    const Source named = step(k).named;
    return checkpoints_[named.checkpoint].tensors.name(named.tensor);
  }

  bool may_be_tied(const Step& step) const {
    if (step.size == 0 || step.source_count == 0 || step.expansion != Step::kWhole) return false;
    if (!checkpoints_[plan_.source(step).checkpoint].form->shares_bytes) return false;
    return !computes(plan_, step) ||
           (!needs_statistics(plan_, step) && !draws(plan_, step) && !plan_.programs[step.program].has_places());
  }

  std::vector<Place> candidates() const {
    std::vector<Place> places;
    const auto shares = [](const Checkpoint& checkpoint) { return checkpoint.form && checkpoint.form->shares_bytes; };
    if (!std::ranges::all_of(checkpoints_, &Checkpoint::form) || std::ranges::none_of(checkpoints_, shares))
      return places;
    for (uint32_t k = 0; k < indices_.size(); ++k) {
      if (!may_be_tied(step(k))) continue;
      const Source source = plan_.source(step(k));
      places.push_back({beginning_of(source), k});
    }
    return places;
  }

  uint64_t beginning_of(Source source) const {
    const TensorTable& tensors = checkpoints_[source.checkpoint].tensors;
    const Tensor tensor = tensors[source.tensor];
    return tensor.joined ? tensors.pieces(source.tensor).front().offset : tensor.offset;
  }

  // What is the same of steps that are tied.
  void describe(uint32_t k, std::vector<uint64_t>& out) const {
    const Step& of = step(k);
    out = {of.program, static_cast<uint64_t>(of.dtype), of.source_count};
    for (size_t s = 0; s < of.source_count; ++s) {
      const Source source = plan_.source(of, s);
      const Tensor tensor = checkpoints_[source.checkpoint].tensors[source.tensor];
      out.insert(out.end(), {source.checkpoint, tensor.shard, tensor.offset, static_cast<uint64_t>(tensor.dtype),
                             tensor.shape.size(), tensor.strides.size()});
      out.insert(out.end(), tensor.shape.begin(), tensor.shape.end());
      out.insert(out.end(), tensor.strides.begin(), tensor.strides.end());
      if (tensor.joined) describe_pieces(source, out);
    }
    const Source named = of.named;  // whose shape the output has
    const Shape shape = checkpoints_[named.checkpoint].tensors[named.tensor].shape;
    out.insert(out.end(), shape.begin(), shape.end());
  }

  void describe_pieces(Source source, std::vector<uint64_t>& out) const {
    const std::vector<Piece> pieces = checkpoints_[source.checkpoint].tensors.pieces(source.tensor);
    out.push_back(pieces.size());
    for (const Piece& piece : pieces) {
      out.insert(out.end(), {piece.count, piece.shard, piece.offset, piece.shape.size()});
      out.insert(out.end(), piece.shape.begin(), piece.shape.end());
      out.insert(out.end(), piece.strides.begin(), piece.strides.end());
    }
  }

  void tie(std::span<Place> run) {
    std::vector<uint64_t> a, b;
    std::ranges::sort(run, [&](const Place& x, const Place& y) {
      describe(x.k, a);
      describe(y.k, b);
      return a != b ? a < b : name(x.k) < name(y.k);
    });
    uint32_t owner = run[0].k;
    describe(owner, a);
    for (const Place& place : run.subspan(1)) {
      describe(place.k, b);
      if (a == b) {
        tied_.resize(indices_.size(), OutputTensor::kOwn);
        tied_[place.k] = owner;
      } else {
        owner = place.k;
        std::swap(a, b);
      }
    }
  }

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  std::span<const Step> steps_;
  std::span<const uint32_t> indices_;
  std::vector<uint32_t> tied_;
};

}  // namespace

std::vector<uint32_t> tied_steps(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const Step> steps,
                                 std::span<const uint32_t> indices) {
  return Ties(plan, checkpoints, steps, indices).find();
}

}  // namespace ckmerge
