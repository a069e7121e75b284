// SPDX-License-Identifier: Apache-2.0
#include "io/torch/unwritten_storages.h"

#include <algorithm>
#include <array>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

// No run of zeros that fits a file has the CRC-32 0. What is there in spite of it was written by a program that leaves
// out the sums of storages, and shows itself in one of a few pages.
bool UnwrittenStorages::is_unwritten(const ZipEntry& storage) const {
  constexpr uint64_t kPage = 4096, kPages = 8;
  std::array<std::byte, kPage> page;
  const uint64_t last = storage.size - std::min(kPage, storage.size);
  for (uint64_t i = 0; i < kPages; ++i) {
    const uint64_t begin = last / (kPages - 1) * i;
    const auto bytes = std::span(page).first(std::min(kPage, storage.size - begin));
    file_.read_at(storage.payload + begin, bytes);
    if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; })) return false;
    if (last == 0) break;
  }
  return true;
}

void UnwrittenStorages::look_at(const ZipEntry& storage) {
  if (!has_sums_ || storage.crc != 0 || storage.size == 0 || holes_.contains(storage.payload)) return;
  if (is_unwritten(storage)) holes_.emplace(storage.payload, storage.payload + storage.size);
}

void UnwrittenStorages::judge(Checkpoint& checkpoint, bool as_stored) const {
  if (holes_.empty()) return;
  uint64_t unwritten = 0, filled = 0;
  std::string first;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const Tensor tensor = checkpoint.tensors[i];
    if (tensor.count == 0) continue;
    const auto behind = holes_.upper_bound(tensor.offset);
    const bool in_hole = behind != holes_.begin() && tensor.offset < std::prev(behind)->second;
    if (in_hole && unwritten++ == 0) first = tensor.name;
    filled += !in_hole;
  }
  if (unwritten == 0) return;
  const std::string why = "placeholders, zeros whose sum was never written (torch.serialization.skip_data)";
  if (filled == 0 && !as_stored)
    throw Error(ErrorCode::mismatch, "",
                sentence("all of its tensors are ", why, "; get the file that has the weights"));
  checkpoint.notes.push_back(sentence(unwritten, " of its ", counted(checkpoint.tensors.size(), "tensor"),
                                      unwritten == 1 ? " is a placeholder" : " are placeholders",
                                      why.substr(why.find(',')), ": ", first, unwritten > 1 ? ", ..." : ""));
}

}  // namespace ckmerge
