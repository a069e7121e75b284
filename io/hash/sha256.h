// SPDX-License-Identifier: Apache-2.0
// SHA-256 as a stream (OpenSSL's EVP), and what the field makes of it: A1111's short hash, AutoV3, the old model hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/file/input_file.h"

namespace ckmerge {

class Sha256 {
 public:
  Sha256();  ///< Throws Error(resources) when the library cannot give a context.
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void add(std::span<const std::byte> bytes);
  /// 64 lower-case hex digits. The object can only be destroyed afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether `text` can be a sum: 64 lower-case hex digits.
bool is_sha256(std::string_view text);

/// A1111's short hash, Civitai's AutoV2: the first 10 digits.
std::string short_hash(std::string_view sha256);

/// The SHA-256 of a whole file, read in order in steps of a MiB. `progress(bytes done)` is called after each and may
/// throw to end it. `drop_cache`: what was read does not stay in the page cache. Throws Error(io | malformed), also
/// when the file was changed meanwhile.
std::string hash_file(const InputFile& file, bool drop_cache, const std::function<void(uint64_t)>& progress);

/// A1111's old model hash (AutoV1): the first 8 digits of the SHA-256 of up to 65,536 bytes at offset 1,048,576.
std::string legacy_hash(const InputFile& file);

}  // namespace ckmerge
