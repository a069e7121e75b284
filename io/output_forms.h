// SPDX-License-Identifier: Apache-2.0
// The forms in which checkpoints are written, one row each: what it is called, how it is laid out, and what it asks of
// its tensors. Each has a folder of its own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "io/table/metadata.h"
#include "io/table/output_layout.h"

namespace ckmerge {

/// What a form, or a program that reads it, makes of dtypes.
struct DtypeRule {
  bool (*takes)(Dtype) = nullptr;  ///< null: all of them
  const char* before = "";         ///< what is said of those that are not taken, as each rule below has it
  const char* behind = "";
};

/// What lies in a file beside its tensors.
struct LayoutOptions {
  const Metadata* metadata = nullptr;  ///< null: none
  size_t least_header_size = 0;        ///< the header is padded to it where the form can
  std::string_view wrap = {};          ///< not empty: the tensors lie in a dict of that name
};

struct OutputForm {
  const char* name;                         ///< of --format
  std::span<const char* const> extensions;  ///< of files that promise it; the first is given to those that we name
  /// Lays out tensors. Throws Error(resources | mismatch). REQUIRES: `stores` takes every dtype.
  OutputLayout (*lay_out)(std::span<const OutputTensor> tensors, const LayoutOptions& options);
  DtypeRule stores = {};   ///< others have no place in it; `before` goes on behind "3 tensors have"
  DtypeRule is_read = {};  ///< others are refused by programs that people use; their names stand between its texts
  /// Metadata says that tensors are torch's (`format`), even where none is asked for (MetadataPolicy::none).
  bool says_format = true;
  bool has_levels = false;     ///< LayoutOptions::wrap is heeded
  bool shares_bytes = false;   ///< OutputTensor::same_as is heeded
  bool has_tensor_sum = true;  ///< tensors follow each other behind the header and have a sum of their own (AutoV3)

  std::string extension() const { return extensions.front(); }
};

/// The first is written where nothing is said.
std::span<const OutputForm> output_forms();

/// The row called `name`, or null.
const OutputForm* find_output_form(std::string_view name);

/// The form that a file's name promises, or null: programs go by its extension, in whatever case.
const OutputForm* promised_form(std::string_view path);

/// What a file of this name is to other programs, where that is something else than a checkpoint that we write ("a zip
/// archive"), or empty.
std::string_view promised_elsewhere(std::string_view path);

}  // namespace ckmerge
