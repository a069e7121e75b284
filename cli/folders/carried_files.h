// SPDX-License-Identifier: Apache-2.0
// What goes beside the weights of a model that is written: the files of a model's folder, its config.json as that of
// the result, and texts that were made. All of it is known, and was read where it is changed, before the first tile.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/folders/folder_file.h"
#include "core/folders/model_changes.h"
#include "core/folders/model_config.h"
#include "io/folder/partial_folder.h"

namespace ckmerge::cli {

struct Carrying {
  std::string from = {};  ///< the folder; empty: there is none
  std::string to = {};    ///< sub-folder of the result; empty: the result itself
  ConfigFacts config = {};
  bool is_native = false;  ///< the weights are consolidated files, which params.json belongs to
  bool copy_code = false;
};

class CarriedFiles {
 public:
  /// Throws Error(io), Error(malformed) for a config.json that cannot be read.
  CarriedFiles(Carrying how, const ModelChanges& changes);

  std::span<const BesideFile> beside() const { return beside_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Whether the result has a file of this path below the sub-folder.
  bool has(const std::string& path) const { return texts_.contains(path) || copies_.contains(path); }
  /// Bytes that are written.
  uint64_t size() const { return size_; }
  void write_into(const PartialFolder& target, bool sync) const;

 private:
  void take(const std::string& path);
  void take_config(const std::string& path, const ModelChanges& changes);
  void warn_of_code(const std::vector<std::string>& named);

  Carrying how_;
  std::vector<BesideFile> beside_;
  std::map<std::string, std::string> copies_;  // path in the sub-folder, file that is copied
  std::map<std::string, std::string> texts_;
  std::vector<std::string> warnings_;
  uint64_t size_ = 0;
};

}  // namespace ckmerge::cli
