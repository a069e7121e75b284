// SPDX-License-Identifier: Apache-2.0
// Parts of a weight that some kinds take out of their base before they are trained: the largest or the smallest
// singular parts, or what its first columns span. A part is a product of two factors, left * right, so that taking it
// out and adding the adapter's own is one product. Of singular parts all of the weight is in memory meanwhile.
#pragma once

#include <cstdint>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/factors.h"
#include "core/algebra/matrix.h"

namespace ckmerge {

struct TakenPart {
  FactorMatrix left, right;
};

/// The eigenvectors of a matrix of so many rows and columns take a minute; the time grows with the third power.
inline constexpr uint64_t kMostSingular = 2048;

/// Where the smaller extent of the weight is more than kMostSingular, a clause that says so; else empty.
std::string singular_fault(const ModuleWeight& weight, std::string_view kind);

/// All singular parts of a weight, the largest first. From the eigenvectors of W W^T or W^T W, whichever is smaller, in
/// f64.
class SingularParts {
 public:
  /// Throws Error(malformed) where the weight holds NaN or Inf, which has none.
  SingularParts(const AdapterModule& module, const ModuleWeight& weight, const ReadRows& base);

  uint64_t count() const { return vectors_.rows; }
  /// The sum of parts [first, first + count).
  TakenPart sum(uint64_t first, uint64_t count) const;
  /// How much of a part lies along the directions of parts [first, first + count), from 0 to 1: of the columns of its
  /// left factor, or the rows of its right one, on the side whose eigenvectors are known; each counts as much as any
  /// other.
  double share_of(const TakenPart& part, uint64_t first, uint64_t count) const;

 private:
  bool is_turned_;
  FactorMatrix weight_;  // with no more rows than columns
  Matrix vectors_;       // a row each
};

/// The sum of the `rank` largest singular parts of the weight, or of the smallest. Throws as SingularParts does.
TakenPart singular_parts(const AdapterModule& module, const ModuleWeight& weight, const ReadRows& base, uint64_t rank,
                         bool largest);

/// Q Q^T W, Q the orthogonal factor of its first `rank` columns.
TakenPart spanned_part(const ModuleWeight& weight, const ReadRows& base, uint64_t rank);

/// What adds own - taken to the weight, times `strength`.
std::unique_ptr<ModuleChange> exchanged(const TakenPart& own, const TakenPart& taken, double strength);

/// Bytes of the first two, while they are made, and of the last.
uint64_t singular_memory(const ModuleWeight& weight, uint64_t rank);
uint64_t spanned_memory(const ModuleWeight& weight, uint64_t rank);
uint64_t exchanged_memory(const ModuleWeight& weight, uint64_t rank);

}  // namespace ckmerge
