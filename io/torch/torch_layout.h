// SPDX-License-Identifier: Apache-2.0
// Where everything goes in a .ckpt: a zip archive whose first entry is a pickle and whose others are the tensors.
#pragma once

#include "io/table/metadata.h"
#include "io/table/output_layout.h"

namespace ckmerge {

/// Lays `tensors` out (io/torch/torch_pickle.h, io/torch/zip_frame.h), in the canonical order. The header is that of
/// the archive's first entry and the pickle (which has a level called `wrap` where that is not empty), and cannot be
/// padded. Throws Error(resources).
/// REQUIRES: torch_storage() for every dtype.
OutputLayout lay_out_ckpt(std::span<const OutputTensor> tensors, const Metadata* metadata, std::string_view wrap = {});

}  // namespace ckmerge
