// SPDX-License-Identifier: Apache-2.0
// As huggingface_hub 2.4 lays its cache out: refs/NAME holds a commit, snapshots/COMMIT its files.
#include "io/folder/hub_cache.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <system_error>
#include <vector>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

constexpr string_view kFront = "models--", kSeparator = "--", kMain = "main";

bool is_part(string_view text) {
  constexpr size_t kMostBytes = 96;  // what the hub allows a name
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= kMostBytes && std::ranges::all_of(text, fits) && text.front() != '-' &&
         text.front() != '.' && text.back() != '-' && text.back() != '.' && text.find(kSeparator) == text.npos &&
         text.find("..") == text.npos;
}

// A branch may have slashes in its name; nothing leads out of refs/.
bool is_revision(string_view text) {
  for (const fs::path& part : fs::path(text))
    if (part.empty() || part == "." || part == ".." || part.is_absolute()) return false;
  return !text.empty() && text.find('\0') == text.npos;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// A pipe there would be waited for, and a device never end.
std::string commit_of(const fs::path& model, string_view revision) {
  constexpr int kMostBytes = 128;  // a commit has 40
  const fs::path ref = model / "refs" / revision;
  std::error_code error;
  if (!fs::is_regular_file(ref, error)) return "";
  std::ifstream file(ref);
  std::string commit;
  file >> std::setw(kMostBytes) >> commit;
  return is_part(commit) ? commit : "";
}

std::vector<std::string> commits_in(const fs::path& model) {
  std::vector<std::string> commits;
  std::error_code error;
  for (fs::directory_iterator entry(model / "snapshots", error), end; !error && entry != end; entry.increment(error))
    if (is_folder(entry->path())) commits.push_back(entry->path().filename().string());
  std::ranges::sort(commits);
  return commits;
}

// Empty where it is not there.
std::string snapshot_in(const fs::path& model, const std::string& revision) {
  const std::string commit = commit_of(model, revision);
  if (!commit.empty() && is_folder(model / "snapshots" / commit)) return (model / "snapshots" / commit).string();
  constexpr size_t kFewestDigits = 7;  // of a commit, as git shortens it
  std::vector<std::string> commits = commits_in(model);
  std::erase_if(commits, [&](const std::string& known) { return !known.starts_with(revision); });
  return revision.size() >= kFewestDigits && commits.size() == 1 ? (model / "snapshots" / commits[0]).string() : "";
}

std::string folder_name(string_view repository) {
  std::string name(kFront);
  for (const char c : repository) c == '/' ? name += kSeparator : name += c;
  return name;
}

}  // namespace

std::string HubName::text() const { return revision.empty() ? repository : sentence(repository, "@", revision); }

std::string HubName::download() const {
  return sentence("hf download ", repository, revision.empty() ? "" : " --revision " + revision);
}

std::optional<HubName> hub_name(string_view word) {
  const size_t at = word.find('@');
  HubName name{.repository = std::string(word.substr(0, at)), .revision = {}};
  if (at != word.npos) {
    name.revision = word.substr(at + 1);
    if (!is_revision(name.revision)) return std::nullopt;
  }
  const string_view repository = name.repository;
  const size_t slash = repository.find('/');
  const bool fits = slash == repository.npos
                        ? is_part(repository)
                        : is_part(repository.substr(0, slash)) && is_part(repository.substr(slash + 1));
  return fits ? std::optional(name) : std::nullopt;
}

std::string find_snapshot(const HubName& name, std::span<const std::string> caches) {
  const std::string revision = name.revision.empty() ? std::string(kMain) : name.revision;
  for (const std::string& cache : caches)
    if (std::string found = snapshot_in(fs::path(cache) / folder_name(name.repository), revision); !found.empty())
      return found;
  return "";
}

std::optional<HubName> name_of_snapshot(const std::string& folder, std::span<const std::string> caches) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const fs::path snapshots = path.parent_path();
  const std::string model = snapshots.parent_path().filename().string();
  if (snapshots.filename() != "snapshots" || !model.starts_with(kFront)) return std::nullopt;
  HubName name{.repository = model.substr(kFront.size()), .revision = path.filename().string()};
  if (const size_t at = name.repository.find(kSeparator); at != std::string::npos)
    name.repository.replace(at, kSeparator.size(), "/");
  if (!hub_name(name.text())) return std::nullopt;
  std::error_code error;
  const std::string found = find_snapshot(name, caches);
  return !found.empty() && fs::equivalent(found, path, error) ? std::optional(name) : std::nullopt;
}

std::string snapshot_of(const std::string& path) {
  fs::path model(path);
  if (!model.has_filename()) model = model.parent_path();
  if (!model.filename().string().starts_with(kFront) || !is_folder(model / "snapshots")) return path;
  if (std::string found = snapshot_in(model, std::string(kMain)); !found.empty()) return found;
  const std::vector<std::string> commits = commits_in(model);
  if (commits.size() == 1) return (model / "snapshots" / commits[0]).string();
  if (commits.empty()) throw Error(ErrorCode::io, path, path + ": holds no snapshot of the model; download it");
  throw Error(ErrorCode::usage, path,
              sentence(path, ": holds ", commits.size(), " snapshots, and no refs/main says which is meant; give one (",
                       (model / "snapshots" / commits[0]).string(), ")"));
}

}  // namespace ckmerge
