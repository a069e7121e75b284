// SPDX-License-Identifier: Apache-2.0
// What a file holds: weights, codes of a quantizer, or the factors of an adapter. All look like numbers and average
// like numbers; what comes out of codes and factors is noise.
#pragma once

#include <string>

#include "io/table/metadata.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

enum class Holds : uint8_t { weights, codes, factors };

struct Judgement {
  Holds holds = Holds::weights;
  std::string kind = {};      ///< of codes, with the libraries that write it, or of an adapter: "AWQ", "LoHa"
  std::string evidence = {};  ///< one clause: "x.qweight is I32, beside x.qzeros"
  size_t factors = 0;         ///< tensors that are factors, be it beside weights

  /// "AWQ (x.qweight is I32, beside x.qzeros)"; empty for weights.
  std::string text() const;
  friend bool operator==(const Judgement&, const Judgement&) = default;
};

/// By header and metadata alone, by the rows of io/table/code_rows and io/table/adapter_rows. REQUIRES: `tensors` are
/// sorted by name.
Judgement judge(const TensorTable& tensors, const Metadata& metadata);

}  // namespace ckmerge
