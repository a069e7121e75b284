// SPDX-License-Identifier: Apache-2.0
// Headers as text, for tests of the reader: no file, no writer under test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/safetensors/safetensors_header.h"

namespace ckmerge::test {

/// Parses `json` as the header of a file with `data_size` bytes of tensors.
Header parse(std::string_view json, uint64_t data_size);

/// The sentence that the same call fails with; empty when it does not fail. Checks that the code is `malformed`.
std::string fault(std::string_view json, uint64_t data_size);
inline bool accepts(std::string_view json, uint64_t data_size) { return fault(json, data_size).empty(); }

/// `{"a":{"dtype":DTYPE,"shape":SHAPE,"data_offsets":OFFSETS}}`, each part as JSON.
std::string one_tensor(const std::string& dtype, const std::string& shape, const std::string& offsets);

/// `"NAME":{...}`: a U8 tensor of the bytes [begin, end).
std::string u8(const std::string& name, uint64_t begin, uint64_t end);

}  // namespace ckmerge::test
