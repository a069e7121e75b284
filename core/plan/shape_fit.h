// SPDX-License-Identifier: Apache-2.0
// Whether the tensors of one name can be merged, by their shapes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/plan/selection.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// "[320, 9, 3, 3]".
std::string to_text(Shape shape);

struct ShapeFit {
  enum class Kind : uint8_t {
    same,
    narrow,    ///< the others have the first's first channels (dimension 1) only, or its first rows
    integers,  ///< of other shapes in others, which nobody averages
    none,
  };
  Kind kind = Kind::same;
  uint64_t row = 0, head = 0;  ///< narrow: elements from one row to the next, and those of them that the others have
  bool is_vocabulary = false;  ///< narrow: what the others lack is rows of a vocabulary; none: so is all that differs
  std::string fault = {};      ///< none: the shapes, and what to do
};

/// `rows` are those of one name in each of `checkpoints`; `selection` knows where the user says that channels
/// correspond.
ShapeFit fit_shapes(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows,
                    const Selection& selection);

/// "tokens [12], [14] in b.safetensors": the shape that the tensor of `rows` has in the first checkpoint, and those
/// that differ from it.
std::string shapes_text(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows);

/// What differs, where it is the size of vocabularies, and what can be done.
std::string vocabulary_sentence(std::span<const Checkpoint> checkpoints, std::span<const uint32_t> rows);

/// A sentence, or none, of integers that are A's because their shapes differ (a tokenizer stored as bytes, a table of
/// state), of which `shapes` has the shapes_text().
std::vector<std::string> other_shape_warnings(std::span<const std::string> shapes);

}  // namespace ckmerge
