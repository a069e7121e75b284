// SPDX-License-Identifier: Apache-2.0
// Storages that were never written: torch.serialization.skip_data leaves a hole of their size, and no sum of it in the
// archive. torch.load makes zeros of them without a word.
#pragma once

#include <map>

#include "io/table/checkpoint.h"
#include "io/torch/zip_directory.h"

namespace ckmerge {

class UnwrittenStorages {
 public:
  /// Archives whose pickle has no sum either were written without any: nothing can be told of those.
  UnwrittenStorages(const InputFile& file, bool has_sums) : file_(file), has_sums_(has_sums) {}

  void look_at(const ZipEntry& storage);

  /// Notes how many of the checkpoint's tensors lie in such storages; throws Error(mismatch) where all do, but with
  /// `as_stored`, which is a note too.
  void judge(Checkpoint& checkpoint, bool as_stored) const;

 private:
  bool is_unwritten(const ZipEntry& storage) const;

  const InputFile& file_;
  const bool has_sums_;
  std::map<uint64_t, uint64_t> holes_;  // their first bytes, and those behind their last
};

}  // namespace ckmerge
