// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/carried_files.h"

#include <algorithm>
#include <filesystem>

#include "cli/folders/config_files.h"
#include "cli/system/text.h"
#include "io/folder/side_files.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

std::string below(const std::string& folder, const std::string& path) {
  return folder.empty() ? path : folder + "/" + path;
}

// Weights are told of where they are opened, and cards are made anew.
bool is_told_elsewhere(SideKind kind) { return kind == SideKind::weights || kind == SideKind::card; }

}  // namespace

CarriedFiles::CarriedFiles(Carrying how, const ModelChanges& changes) : how_(std::move(how)) {
  const auto is_without = [&](const std::string& path) {
    return std::ranges::find(changes.without, path) != changes.without.end();
  };
  if (!how_.from.empty())
    for (SideFile& file : side_files(how_.from)) {
      const bool is_taken = file.kind == SideKind::config || file.kind == SideKind::carried ||
                            (file.kind == SideKind::native_config && how_.is_native) ||
                            (file.kind == SideKind::code && how_.copy_code) ||
                            (file.kind == SideKind::quantized && !how_.config.is_plain);
      if (is_told_elsewhere(file.kind) || changes.texts.contains(file.path)) continue;
      std::string left(is_without(file.path) ? "not true of the result" : is_taken ? "" : reason(file.kind));
      const bool is_config = file.kind == SideKind::config || file.kind == SideKind::native_config;
      if (left.empty() && is_config)
        take_config(file.path, changes);
      else if (left.empty())
        take(file.path);
      beside_.push_back({.path = std::move(file.path), .left = std::move(left)});
    }
  for (const auto& [path, from] : changes.copies) copies_[path] = from;
  for (const auto& [path, text] : changes.texts) {
    texts_[path] = text;
    copies_.erase(path);
  }
  std::error_code unknown;  // a file that cannot be examined will not be read either, which is said then
  for (const auto& [path, from] : copies_) {
    const uintmax_t size = std::filesystem::file_size(from, unknown);
    size_ += unknown ? 0 : size;
  }
  for (const auto& [path, text] : texts_) size_ += text.size();
}

void CarriedFiles::take(const std::string& path) { copies_[path] = below(how_.from, path); }

void CarriedFiles::take_config(const std::string& path, const ModelChanges& changes) {
  const std::string file = below(how_.from, path);
  ChangedConfig config = [&] {
    const std::string text = config_text(file);
    try {
      return changed_config(text, how_.config, changes);
    } catch (const Error& error) {
      throw Error(error.code(), file, file + " cannot be read: " + error.what() + "; mend it, or take it away");
    }
  }();
  if (!config.left_out.empty())
    warnings_.push_back(
        below(how_.to, path) + ": " + joined(config.left_out, ", ") + (config.left_out.size() == 1 ? " is" : " are") +
        " left out, which the result's weights do not have: they are plain ones, in files of their own");
  for (std::string& text : config.sentences) warnings_.push_back(std::move(text));
  warn_of_code(config.code);
  texts_[path] = std::move(config.text);
}

// A program that is to trust the code looks for it in the folder.
void CarriedFiles::warn_of_code(const std::vector<std::string>& named) {
  if (how_.copy_code) return;
  std::vector<std::string> lacking;
  std::error_code error;
  for (const std::string& name : named)
    if (std::filesystem::exists(below(how_.from, name), error)) lacking.push_back(name);
  if (!lacking.empty())
    warnings_.push_back(below(how_.to, "config.json") + " has programs run " + joined(lacking, ", ") +
                        " (auto_map), which " + (lacking.size() == 1 ? "is" : "are") +
                        " not carried; --copy-code copies the Python files of " + how_.from);
}

void CarriedFiles::write_into(const PartialFolder& target, bool sync) const {
  const auto place_of = [&](const std::string& path) {
    const std::string inside = below(how_.to, path);
    target.make_room_for(inside);
    return target.path() + "/" + inside;
  };
  for (const auto& [path, from] : copies_) copy_file(from, place_of(path), sync);
  for (const auto& [path, text] : texts_) write_text(place_of(path), text, sync);
}

}  // namespace ckmerge::cli
