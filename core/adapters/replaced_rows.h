// SPDX-License-Identifier: Apache-2.0
// Tensors of which an adapter has some rows (trained tokens): the checkpoint's rows with those in their places.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether `other` is a vocabulary of the same width to which tokens were added.
bool has_more_rows(const Tensor& own, const Tensor& other);

/// Why `other` cannot take the place of `own`, or of its `rows`, where there are any; empty: it can.
std::string replacement_fault(const Tensor& own, const Tensor& other, const std::vector<uint64_t>& rows);

/// Whether two tensors of a file are of one dtype and shape and hold the same bytes. Throws as InputFile::read_at().
bool have_same_bytes(const Checkpoint& file, uint32_t a, uint32_t b);

/// Rows of a tensor of one checkpoint that take the places of rows of a tensor of another.
struct RowReplacement {
  uint32_t tensor = 0;         ///< index into the table of `base`
  uint32_t rows_of = 0;        ///< index into that of `from`, which has as many rows as `rows`, of the same width
  std::vector<uint64_t> rows;  ///< of the tensor
};

/// What a tensor with rows of `other` is made in: all numbers of both are numbers of it.
Dtype replaced_dtype(const Tensor& own, const Tensor& other);

/// The tensors in their replaced_dtype(), one behind another, as bytes that are made when they are asked for. REQUIRES:
/// rows are within their tensors, of real dtypes.
InputFile replaced_rows(std::shared_ptr<const Checkpoint> base, std::shared_ptr<const Checkpoint> from,
                        std::vector<RowReplacement> replacements, const std::string& path);

}  // namespace ckmerge
