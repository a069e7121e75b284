// SPDX-License-Identifier: Apache-2.0
#include "io/folder/weight_index.h"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <new>
#include <numeric>
#include <span>

#include "io/file/input_file.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

namespace dom = simdjson::dom;
using std::string_view;

constexpr size_t kMaxDepth = 16;  // of metadata; the map itself has two levels

template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(ErrorCode::malformed, "", sentence(parts...));
}

std::string quoted(string_view name) {
  constexpr size_t kShown = 200;  // bytes of a name in a sentence
  return sentence("'", valid_utf8(name.substr(0, kShown)), name.size() > kShown ? "'..." : "'");
}

// A base name, and nothing that a file system would take for a way elsewhere.
void expect_file_beside(string_view file) {
  constexpr string_view kSeparators = "/\\";
  if (file.empty() || file == "." || file == ".." || file.find('\0') != string_view::npos)
    fail("it lists ", quoted(file), ", which is no file's name");
  if (file.find_first_of(kSeparators) != string_view::npos)
    fail("it lists ", quoted(file), ", which leads out of its folder; shards lie beside their index");
}

dom::object member(dom::object root, const char* name, bool& found) {
  dom::object members;
  for (const auto [key, value] : root) {
    if (key != string_view(name)) continue;
    if (found) fail("it has '", name, "' twice");
    found = true;
    if (value.get(members)) fail("its '", name, "' is no object");
  }
  return members;
}

}  // namespace

WeightIndex::WeightIndex(string_view text) {
  if (text.size() > kMaxSize) fail("it has ", text.size(), " bytes, more than ", kMaxSize, ": no index is so large");
  dom::parser parser;
  dom::element document;
  if (parser.allocate(std::max<size_t>(text.size(), 1), kMaxDepth)) throw std::bad_alloc();
  const simdjson::error_code error = parser.parse(text.data(), text.size(), true).get(document);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error) fail("it is not valid JSON; download it again");
  dom::object root;
  if (document.get(root)) fail("it is no JSON object");
  bool has_map = false;
  const dom::object map = member(root, "weight_map", has_map);
  if (!has_map) fail("it has no 'weight_map', which says in which file each tensor is");
  const dom::object metadata = member(root, "metadata", has_metadata_);
  if (has_metadata_)
    if (uint64_t total = 0; metadata["total_size"].get(total) == simdjson::SUCCESS) total_size_ = total;
  std::map<string_view, uint32_t> places;
  for (const auto [key, value] : map) {
    string_view file;
    if (value.get(file)) fail("it names no file for tensor ", quoted(key));
    const auto [place, is_new] = places.emplace(file, static_cast<uint32_t>(files_.size()));
    if (is_new) {
      expect_file_beside(file);
      files_.emplace_back(file);
    }
    entries_.push_back({names_.size(), static_cast<uint32_t>(key.size()), place->second});
    names_ += key;
  }
  if (files_.empty()) fail("its 'weight_map' lists no tensor");
  sort();
}

void WeightIndex::sort() {
  std::vector<uint32_t> order(files_.size()), place(files_.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](uint32_t file) -> const std::string& { return files_[file]; });
  std::vector<std::string> files(files_.size());
  for (uint32_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    files[i] = std::move(files_[order[i]]);
  }
  files_ = std::move(files);
  for (Entry& entry : entries_) entry.file = place[entry.file];
  const auto name = [&](const Entry& entry) { return name_of(entry); };
  std::ranges::sort(entries_, {}, name);
  const auto twice = std::ranges::adjacent_find(entries_, {}, name);
  if (twice != entries_.end()) fail("it lists tensor ", quoted(name_of(*twice)), " twice");
}

size_t WeightIndex::find(string_view tensor) const {
  const auto name = [&](const Entry& entry) { return name_of(entry); };
  const auto found = std::ranges::lower_bound(entries_, tensor, {}, name);
  return found == entries_.end() || name_of(*found) != tensor ? npos : static_cast<size_t>(found - entries_.begin());
}

WeightIndex read_weight_index(const std::string& path) try {
  const InputFile file(path);
  if (file.size() > WeightIndex::kMaxSize)
    fail("it has ", file.size(), " bytes, more than ", WeightIndex::kMaxSize, ": no index is so large");
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return WeightIndex(text);
} catch (const Error& error) {
  if (!error.where().empty()) throw;
  throw Error(error.code(), path, sentence(path, ": ", error.what()), error.details());
}

}  // namespace ckmerge
