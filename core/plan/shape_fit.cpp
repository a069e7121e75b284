// SPDX-License-Identifier: Apache-2.0
#include "core/plan/shape_fit.h"

#include <algorithm>

#include "core/names/latent_layers.h"
#include "core/vocabulary/vocabulary_tensors.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Whether both differ in dimension 1 and nowhere else.
bool differ_in_channels(Shape a, Shape b) {
  return a.size() == b.size() && a.size() >= 2 && a[0] == b[0] && a[1] != b[1] &&
         std::ranges::equal(a.subspan(2), b.subspan(2));
}

// A1111's rule, for any name: inpainting models see 5 channels more than the 4 of latents, instruct-pix2pix models 4.
bool is_wide_of_a1111(uint64_t wide, uint64_t narrow) { return narrow == 4 && (wide == 9 || wide == 8); }

// What the shapes of one name have to do with each other.
struct Comparison {
  bool same = true;      // all are the first's
  bool channels = true;  // all others differ from it in their channels alone
  bool uneven = false;   // others differ from each other in their channels
  bool wider = true;     // the first has more channels than each other
  bool narrower = true;  // it has fewer
};

Comparison compare(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows) {
  const auto shape_of = [&](size_t k) { return checkpoints[k].tensors[rows[k]].shape; };
  const Shape first = shape_of(0);
  Comparison found;
  for (size_t k = 1; k < rows.size(); ++k) {
    const Shape shape = shape_of(k);
    const bool channels = differ_in_channels(first, shape);
    found.same &= std::ranges::equal(shape, first);
    found.channels &= channels;
    found.uneven |= differ_in_channels(shape_of(1), shape);
    found.wider &= channels && shape[1] < first[1];
    found.narrower &= channels && shape[1] > first[1];
  }
  return found;
}

// Whether all that differs from the first does so in the rows of a vocabulary alone.
bool differ_in_rows(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows) {
  const Tensor first = checkpoints[0].tensors[rows[0]];
  for (size_t k = 1; k < rows.size(); ++k) {
    const Tensor other = checkpoints[k].tensors[rows[k]];
    if (!std::ranges::equal(other.shape, first.shape) && !differ_in_rows_alone(first, other)) return false;
  }
  return true;
}

// Whether all others have the same number of elements, fewer than the first.
bool have_fewer_rows(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows) {
  const uint64_t count = checkpoints[1].tensors[rows[1]].count;
  if (count == 0 || count >= checkpoints[0].tensors[rows[0]].count) return false;
  for (size_t k = 2; k < rows.size(); ++k)
    if (checkpoints[k].tensors[rows[k]].count != count) return false;
  return true;
}

std::string advice(const Comparison& found, std::string_view name, Shape first, Shape other) {
  if (found.uneven) return "; the checkpoints after the first must be equally wide";
  if (!found.channels) return "";
  if (found.narrower && is_wide_of_a1111(other[1], first[1]))
    return "; the inpainting or instruct-pix2pix checkpoint must be the first, swap them";
  if (found.narrower && begins_with_latents(name, first[1]))
    return "; the checkpoint that sees more than the latents must be the first, swap them";
  if (found.wider && other[1] > 0)
    return "; where the first's first " + std::to_string(other[1]) +
           " channels are those of the others, --first-channels with its name says so";
  return "";
}

}  // namespace

std::string to_text(Shape shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

ShapeFit fit_shapes(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows,
                    const Selection& selection) {
  const Comparison found = compare(checkpoints, rows);
  if (found.same) return {};
  const Tensor first = checkpoints[0].tensors[rows[0]];
  const Shape other = checkpoints[1].tensors[rows[1]].shape;
  const bool corresponds = found.channels && found.wider && !found.uneven && is_real(first.dtype) &&
                           (is_wide_of_a1111(first.shape[1], other[1]) || begins_with_latents(first.name, other[1]) ||
                            selection.has_first_channels(first.name));
  if (corresponds) {
    const uint64_t plane = first.count / first.shape[0] / first.shape[1];
    return {.kind = ShapeFit::Kind::narrow, .row = first.shape[1] * plane, .head = other[1] * plane};
  }
  const bool is_vocabulary = differ_in_rows(checkpoints, rows);
  if (is_vocabulary && selection.keeps_rows() && is_real(first.dtype) && have_fewer_rows(checkpoints, rows))
    return {.kind = ShapeFit::Kind::narrow,
            .row = first.count,
            .head = checkpoints[1].tensors[rows[1]].count,
            .is_vocabulary = true};
  if (info(first.dtype).kind == DtypeKind::integer) return {.kind = ShapeFit::Kind::integers};
  ShapeFit misfit{.kind = ShapeFit::Kind::none,
                  .is_vocabulary = is_vocabulary,
                  .fault = std::string(first.name) + ": " + to_text(first.shape) + " in " + checkpoints[0].path};
  for (size_t k = 1; k < rows.size(); ++k) {
    const Shape shape = checkpoints[k].tensors[rows[k]].shape;
    if (found.uneven || !std::ranges::equal(shape, first.shape))
      misfit.fault += ", " + to_text(shape) + " in " + checkpoints[k].path;
  }
  misfit.fault += advice(found, first.name, first.shape, other);
  return misfit;
}

std::string shapes_text(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows) {
  const Tensor first = checkpoints[0].tensors[rows[0]];
  std::string text = std::string(first.name) + " " + to_text(first.shape);
  for (size_t k = 1; k < rows.size(); ++k)
    if (const Shape shape = checkpoints[k].tensors[rows[k]].shape; !std::ranges::equal(shape, first.shape))
      text += ", " + to_text(shape) + " in " + checkpoints[k].path;
  return text;
}

std::vector<std::string> other_shape_warnings(std::span<const std::string> shapes) {
  constexpr size_t kExamples = 3;
  if (shapes.empty()) return {};
  const bool one = shapes.size() == 1;
  std::string text = sentence(counted(shapes.size(), "integer tensor"), one ? " has" : " have",
                              " another shape in another input and ", one ? "is" : "are", " A's: ");
  for (size_t i = 0; i < std::min(kExamples, shapes.size()); ++i) text += (i ? "; " : "") + shapes[i];
  return {text + (shapes.size() > kExamples ? "; ..." : "")};
}

std::string vocabulary_sentence(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows) {
  const auto count = [&](size_t k) { return vocabulary_rows(checkpoints[k].tensors[rows[k]]); };
  size_t other = 1;
  while (count(other) == count(0)) ++other;
  return sentence("the vocabularies differ: that of ", checkpoints[0].path, " has ", counted(count(0), "row"),
                  ", that of ", checkpoints[other].path, " ", count(other),
                  "; --vocab crop merges the first rows, as many as all have, --vocab base keeps those that only ",
                  checkpoints[0].path,
                  " has, and mergekit's tokenizer_source (`ckmerge mergekit`) joins them by token");
}

}  // namespace ckmerge
