// SPDX-License-Identifier: Apache-2.0
// The pickle of a torch checkpoint: a state dict as torch.save() would write it, in the opcodes and with the globals
// that every torch since 1.6 reads with weights_only=True and that A1111's list of globals knows (docs/format.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/table/metadata.h"
#include "io/table/output_layout.h"

namespace ckmerge {

/// The class of torch that stores elements of `dtype`; null where no torch before 2.1 has one, which could not load
/// such a file.
const char* torch_storage(Dtype dtype);
inline bool has_torch_storage(Dtype dtype) { return torch_storage(dtype) != nullptr; }

/// Whether A1111's list of globals has had that class from the beginning.
bool is_known_to_a1111(Dtype dtype);

/// data.pkl for `tensors`, in this order, that of index i being stored as data/N, N = storages[i]. `metadata` becomes
/// an attribute of the state dict, `__metadata__`, or is left out when null or empty. REQUIRES: torch_storage() for
/// every dtype. Where `wrap` is not empty the state dict is the only member of a dict, of that name. Throws
/// Error(resources) for more than a reader takes, and for a text of more than 4 GiB.
std::string torch_pickle(std::span<const OutputTensor> tensors, std::span<const uint32_t> order,
                         std::span<const uint32_t> storages, const Metadata* metadata, std::string_view wrap = {});

}  // namespace ckmerge
