// SPDX-License-Identifier: Apache-2.0
// Tensors that belong to a model as a whole and are no weights: marks that say how it is sampled, noise schedules,
// masks, tables of positions, counters. A mean of two of them is of no model, so they are copied as they are.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

enum class BufferKind : uint8_t {
  mark,      ///< says by its presence how the model is sampled: v_pred, ztsnr
  schedule,  ///< numbers of a sampler, one for each step of noise: betas, denoiser.sigmas
  mask,      ///< which positions see which
  table,     ///< what is known of positions without training: inv_freq, position_ids
  counter,   ///< how often something was done: num_batches_tracked
  routing,   ///< which expert takes a token
};

/// What of a name a row of the table is about.
enum class NamePlace : uint8_t {
  whole,      ///< all of it
  beginning,  ///< its beginning
  undotted,   ///< its beginning, where it has no dots
  last,       ///< its last component
  contained,  ///< a piece of the last component
  ending,     ///< its last components
  scheduler,  ///< its last component, below one that names a sampler
  dunder,     ///< its last component is between double underscores
};

/// What the shape must be, where names alone do not tell buffers from weights.
enum class BufferShape : uint8_t {
  any,
  list,    ///< one dimension, or none
  square,  ///< the last two dimensions are equal, others are 1
};

struct BufferRow {
  std::string_view text;
  NamePlace place;
  BufferKind kind;
  BufferShape shape = BufferShape::any;
  const char* meaning = nullptr;  ///< of a mark: what it says of the model
};

/// The row that the tensor fits; null: it is a weight, or nothing that is known. Costs no allocation.
const BufferRow* buffer_row(std::string_view name, Shape shape);

/// The same of a row of `table`, which is sorted: by its name below what all names of the table begin with (a prefix
/// that was put around the whole model) it may be a mark, and beside alphas_cumprod a schedule.
const BufferRow* buffer_row(const TensorTable& table, const Tensor& tensor);

/// Marks and schedules say how the model is sampled: they go where the part goes that denoises.
inline bool is_of_sampling(const BufferRow& row) {
  return row.kind == BufferKind::mark || row.kind == BufferKind::schedule;
}

/// "position_ids": 0, 1, 2, ... along the last dimension.
bool is_position_ids(std::string_view name);

}  // namespace ckmerge
