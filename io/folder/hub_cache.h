// SPDX-License-Identifier: Apache-2.0
// Models that were downloaded from Hugging Face, in the cache that its libraries share: models--org--name with a folder
// for each revision, whose files are links to blobs. Nothing is downloaded here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ckmerge {

/// A model as Hugging Face calls it.
struct HubName {
  std::string repository;  ///< "org/name", or "name" of the oldest
  std::string revision;    ///< a branch, a tag, or digits of a commit; empty: main

  /// "org/name@revision".
  std::string text() const;
  /// The line that downloads it.
  std::string download() const;
};

/// What `word` means as such a name, "org/name" or "org/name@revision"; none where it cannot be one.
std::optional<HubName> hub_name(std::string_view word);

/// The folder of its files in the first of `caches` that has it; empty where none has.
std::string find_snapshot(const HubName& name, std::span<const std::string> caches);

/// What `folder`, an absolute path, is called by whom it is looked up for in `caches`: its model with its commit. None
/// where it is no snapshot of theirs, or where that name leads to another.
std::optional<HubName> name_of_snapshot(const std::string& folder, std::span<const std::string> caches);

/// Of the folder of a model in a cache, "models--org--name", the folder of the revision that is meant: main, or the
/// only one. Of any other path, that path. Throws Error(usage) where several could be meant, Error(io) where none is
/// there.
std::string snapshot_of(const std::string& path);

}  // namespace ckmerge
