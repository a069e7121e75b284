// SPDX-License-Identifier: Apache-2.0
#include "io/hash/sum_of_files.h"

#include <algorithm>
#include <span>

#include "io/hash/sha256.h"

namespace ckmerge {
std::string sum_of_files(std::vector<FileSum> files) {
  if (files.size() == 1) return files[0].sha256;
  std::ranges::sort(files, {}, &FileSum::name);
  Sha256 sum;
  for (const FileSum& file : files) {
    const std::string line = file.sha256 + "  " + file.name + "\n";
    sum.add(std::as_bytes(std::span(line)));
  }
  return sum.finish();
}

}  // namespace ckmerge
