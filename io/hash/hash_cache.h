// SPDX-License-Identifier: Apache-2.0
// SHA-256 sums of files that were hashed before, kept in a text file and found again by what identifies a file's state:
// device, inode, size, modification time and status time (ctime: it tells of an edit whose modification time was put
// back; that it tells of links, renames and new rights too costs no more than hashing again). It changes speed, never
// bytes: a cache that is missing, damaged, stale or not writable only means that files are hashed again. What could
// fool it is a file changed without a trace: below the filesystem, under a clock put back, or within one step of the
// clock. The last is why a file that was touched less than two seconds (FAT's step) before it was hashed is not kept.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "io/file/input_file.h"

namespace ckmerge {

/// The sum kept for this state of a file in the cache at `path`, or empty.
std::string cached_sha256(const std::string& path, const FileIdentity& file);

/// All sums of the cache at `path`, read once, for those who ask about thousands of files.
class KnownHashes {
 public:
  explicit KnownHashes(const std::string& path);
  /// The sum kept for this state of a file, or empty.
  std::string find(const FileIdentity& file) const;

 private:
  std::unordered_map<std::string, std::string> sums_;  // by what identifies a state
};

/// False when something is at `path` that is no cache, which is never written to.
bool can_be_hash_cache(const std::string& path);

/// Keeps a sum. Any number of processes may do so at once. Makes the folder of `path` where it is missing. Never
/// throws: false when it could not be kept, or should not: `hashing_began` is when the first byte was read, and a file
/// touched in the two seconds before, or later, may still change without new times.
bool keep_sha256(const std::string& path, const FileIdentity& file, const std::string& sha256,
                 std::chrono::system_clock::time_point hashing_began) noexcept;

}  // namespace ckmerge
