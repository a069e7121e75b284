// SPDX-License-Identifier: Apache-2.0
#include "io/hash/folder_sum.h"

#include <algorithm>
#include <vector>

#include "io/hash/sha256.h"

namespace ckmerge {

std::string folder_sum(std::span<const NamedSum> files) {
  if (files.size() == 1) return files[0].sha256;
  std::vector<NamedSum> sorted(files.begin(), files.end());
  std::ranges::sort(sorted, {}, &NamedSum::name);
  Sha256 sha;
  for (const NamedSum& file : sorted) {
    const std::string line = file.sha256 + "  " + file.name + "\n";
    sha.add(std::as_bytes(std::span(line)));
  }
  return sha.finish();
}

}  // namespace ckmerge
