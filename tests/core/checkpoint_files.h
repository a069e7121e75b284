// SPDX-License-Identifier: Apache-2.0
// Small checkpoint files for tests, written without the code under test: tensors in the order given, no padding unless
// asked for, so that unaligned and non-canonical files are as easy to make as others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/dtype.h"

namespace ckmerge::test {

struct FileTensor {
  std::string name;
  Dtype dtype;
  std::vector<uint64_t> shape;
  std::string bytes;
};

/// A folder that disappears with its files.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  ~TempFolder();
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> names() const;  ///< of the files inside, sorted

 private:
  std::filesystem::path path_;
};

/// Tensors of F32 values, or of values stored in the low bytes of what is given (integers, other floats' bits).
FileTensor f32(const std::string& name, std::vector<uint64_t> shape, const std::vector<float>& values);
FileTensor bits(const std::string& name, Dtype dtype, std::vector<uint64_t> shape, const std::vector<uint64_t>& values);
/// A tensor with seeded random bits whose exponents are moderate: no NaN, no overflow in sums of a few.
FileTensor random(const std::string& name, Dtype dtype, std::vector<uint64_t> shape, uint64_t seed);

/// Writes the file and returns its path. `padding` spaces end the header; `metadata` is the value of __metadata__ as
/// JSON, left out where it is empty.
std::string write_file(const std::string& path, const std::vector<FileTensor>& tensors, size_t padding = 0,
                       const std::string& metadata = "");

std::string read_file(const std::string& path);
/// The bytes of one tensor of a file, found by this file's own small parser of what write_file and lay_out write.
std::string tensor_bytes(const std::string& path, const std::string& name);
std::vector<float> f32_values(const std::string& path, const std::string& name);

}  // namespace ckmerge::test
