// SPDX-License-Identifier: Apache-2.0
// `ckmerge hash`: the sums by which A1111, Civitai and zip files know a file, or a list of them checked.
#include <algorithm>
#include <chrono>
#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/work_options.h"
#include "cli/operands/registry_access.h"
#include "cli/options/faults.h"
#include "cli/options/sizes.h"
#include "cli/report/checksum_list.h"
#include "cli/report/report.h"
#include "core/registry/file_sums.h"
#include "io/folder/component_files.h"
#include "io/hash/folder_sum.h"
#include "io/hash/sha256.h"
#include "io/memory/memory_tensors.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {
namespace {

// A folder of weights: which of the files are its own, and what they are called in it.
struct HashedFolder {
  std::string path;
  size_t first = 0;
  std::vector<std::string> names = {};
};

struct HashRequest {
  std::vector<std::string> files;
  std::vector<HashedFolder> folders;
  Faults unreadable;  // folders of which no weights are known
  Settings settings;
  std::string registry;  // that learns of the sums, where it is there
};

void expect_files_or_list(const Request& request) {
  const bool list = request.settings.check.has_value();
  if (request.operands.empty() && !list)
    throw Error(ErrorCode::usage, "", "no file is given; `ckmerge hash FILE ...` prints its sums");
  for (const std::string& path : request.operands)
    if (names_memory(path)) throw Error(ErrorCode::usage, path, path + ": hash takes files, not checkpoints in memory");
  if (!request.operands.empty() && list)
    throw Error(ErrorCode::usage, "--check",
                "--check names the files itself; leave out " + request.operands[0] + ", or --check");
}

// The files of `word`: itself, or the weights in it.
void add_files(const std::string& word, HashRequest& hash) {
  if (!is_folder_path(word)) return hash.files.push_back(word);
  HashedFolder folder{.path = word, .first = hash.files.size()};
  for (WeightsFile& file : weights_files(word)) {
    hash.files.push_back(std::move(file.path));
    folder.names.push_back(std::move(file.name));
  }
  hash.folders.push_back(std::move(folder));
}

HashRequest hash_request(const Request& request, const Environment& environment) {
  HashRequest hash{.files = {},
                   .folders = {},
                   .unreadable = {},
                   .settings = request.settings,
                   .registry = registry_path(request.settings, environment)};
  Faults faults;
  faults.check([&] { expect_files_or_list(request); });
  if (faults.empty())
    for (const std::string& word : request.operands) hash.unreadable.check([&] { add_files(word, hash); });
  faults.add(request.refused);
  complete_run_options(hash.settings, environment, faults);
  faults.raise();
  return hash;
}

constexpr uint64_t kLargestList = 64ull << 20;  // bytes; half a million files

std::vector<SummedFile> sums_of(const std::vector<std::string>& paths, SumKinds kinds, const HashRequest& request,
                                Caller& caller) {
  uint64_t total = 0;
  std::vector<SummedFile> files(paths.size());
  RunOptions options = request.settings.run;
  options.stop = caller.stop();
  const std::unique_ptr<ProgressView> view = caller.watch(request.settings, 0);
  options.on_progress = [&](const Progress& progress) {
    total = progress.total;
    view->update(progress);
  };
  const auto began = std::chrono::steady_clock::now();
  sum_files(paths, kinds, options, [&](const SummedFile& file) { files[file.index] = file; });
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  view->finish(total, elapsed.count());
  return files;
}

// AutoV1 to V3 as Civitai shows them: 8, 10 and 12 digits; AutoV3 is nothing for a file that is no safetensors.
std::string autov3(const FileSums& sums) { return sums.tensor_sha256.substr(0, 12); }

std::string sums_text(const std::string& path, const FileSums& sums) {
  std::string out = visible(path) + ": " + size_text(sums.file.size) + "\n";
  out += "  SHA-256  " + sums.sha256 + "\n";
  out += "  AutoV1   " + sums.legacy_hash + "\n";
  out += "  AutoV2   " + short_hash(sums.sha256) + "\n";
  out += "  AutoV3   " + (sums.tensor_sha256.empty() ? "none: not a safetensors file" : autov3(sums)) + "\n";
  return out + "  CRC32    " + sums.crc32 + "\n";
}

void write_sums(JsonWriter& json, const std::string& path, const FileSums& sums) {
  json.begin_object();
  json.key("path").value(path);
  json.key("size").value(sums.file.size);
  json.key("sha256").value(sums.sha256);
  json.key("autov1").value(sums.legacy_hash);
  json.key("autov2").value(short_hash(sums.sha256));
  json.key("autov3");
  sums.tensor_sha256.empty() ? json.null() : json.value(autov3(sums));
  json.key("tensor_sha256");
  sums.tensor_sha256.empty() ? json.null() : json.value(sums.tensor_sha256);
  json.key("crc32").value(sums.crc32);
  json.end_object();
}

// Empty where one of its files could not be read.
std::string sum_of(const HashedFolder& folder, std::span<const SummedFile> files) {
  std::vector<NamedSum> sums;
  for (size_t i = 0; i < folder.names.size(); ++i) {
    const SummedFile& file = files[folder.first + i];
    if (file.error) return "";
    sums.push_back({.name = folder.names[i], .sha256 = file.sums.sha256});
  }
  return folder_sum(sums);
}

std::string folder_text(const HashedFolder& folder, std::span<const SummedFile> files) {
  const std::string sum = sum_of(folder, files);
  if (sum.empty()) return "";
  return visible(folder.path) + ": " + counted(folder.names.size(), "file") + "\n  SHA-256  " + sum +
         (folder.names.size() > 1 ? "  of the list of their sums" : "") + "\n";
}

JsonWriter sums_json(const HashRequest& request, const std::vector<SummedFile>& files) {
  JsonWriter json;
  json.begin_object().key("files").begin_array();
  for (const SummedFile& file : files) write_sums(json, request.files[file.index], file.sums);
  json.end_array();
  json.key("folders").begin_array();
  for (const HashedFolder& folder : request.folders) {
    json.begin_object();
    json.key("path").value(folder.path);
    json.key("sha256").value(sum_of(folder, files));
    json.key("files").begin_array();
    for (const std::string& name : folder.names) json.value(name);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return json;
}

Faults faults_of(const std::vector<SummedFile>& files) {
  Faults faults;
  for (const SummedFile& file : files)
    if (file.error) faults.check([&] { throw Error(*file.error); });
  return faults;
}

std::vector<KnownSums> known_sums(const std::vector<std::string>& paths, const std::vector<SummedFile>& files) {
  std::vector<KnownSums> out;
  for (const SummedFile& file : files)
    if (!file.error)
      out.push_back({.path = paths[file.index],
                     .state = file.sums.file,
                     .sha256 = file.sums.sha256,
                     .tensor_sha256 = file.sums.tensor_sha256,
                     .legacy_hash = file.sums.legacy_hash,
                     .crc32 = file.sums.crc32});
  return out;
}

void tell_sums(const HashRequest& request, Caller& caller) {
  const std::vector<SummedFile> files = sums_of(request.files, SumKinds::all, request, caller);
  Faults faults = faults_of(files);
  faults.add(request.unreadable);
  tell_registry(request.registry, known_sums(request.files, files), caller);
  if (request.settings.json) {
    faults.raise();
    return caller.tell(sums_json(request, files));
  }
  for (const SummedFile& file : files)
    if (!file.error) caller.tell(sums_text(request.files[file.index], file.sums));
  for (const HashedFolder& folder : request.folders)
    if (const std::string text = folder_text(folder, files); !text.empty()) caller.tell(text);
  faults.raise();
}

// ---- --check

std::vector<ListedSum> read_list(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kLargestList)
    throw Error(ErrorCode::malformed, path, path + ": is too large for a list of checksums; give the list, not a file");
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return parse_checksum_list(text, path);
}

const char* verdict(const ListedSum& listed, const SummedFile& file) {
  return file.error ? "cannot be read" : file.sums.sha256 == listed.sha256 ? "OK" : "DIFFERS";
}

JsonWriter verdicts_json(const std::vector<ListedSum>& list, const std::vector<SummedFile>& files) {
  JsonWriter json;
  json.begin_object().key("files").begin_array();
  for (size_t i = 0; i < list.size(); ++i) {
    json.begin_object();
    json.key("path").value(list[i].path);
    json.key("sha256").value(files[i].sums.sha256);
    json.key("ok").value(files[i].sums.sha256 == list[i].sha256);
    json.end_object();
  }
  json.end_array().end_object();
  return json;
}

void raise_differences(const std::string& where, const std::vector<ListedSum>& list,
                       const std::vector<SummedFile>& files) {
  std::vector<std::string> differing;
  for (size_t i = 0; i < list.size(); ++i)
    if (!files[i].error && files[i].sums.sha256 != list[i].sha256)
      differing.push_back(list[i].path + ": SHA-256 " + files[i].sums.sha256 + ", the list has " + list[i].sha256);
  const Faults unreadable = faults_of(files);
  if (differing.empty()) return unreadable.raise();
  for (const SummedFile& file : files)
    if (file.error) differing.emplace_back(file.error->what());
  throw Error(ErrorCode::difference, where,
              where + ": " + grouped(differing.size()) + " of " + counted(list.size(), "file") + " not as listed",
              differing);
}

void check_list(const HashRequest& request, Caller& caller) {
  const std::string& path = *request.settings.check;
  const std::vector<ListedSum> list = read_list(path);
  std::vector<std::string> paths;
  for (const ListedSum& listed : list) paths.push_back(listed.path);
  const std::vector<SummedFile> files = sums_of(paths, SumKinds::sha256_only, request, caller);
  if (!request.settings.json && !request.settings.quiet)
    for (size_t i = 0; i < list.size(); ++i)
      caller.tell(visible(list[i].path) + ": " + verdict(list[i], files[i]) + "\n");
  raise_differences(path, list, files);
  if (request.settings.json) caller.tell(verdicts_json(list, files));
}

}  // namespace

void hash_command(const Request& asked, Caller& caller) {
  const HashRequest request = hash_request(asked, caller.environment);
  request.settings.check ? check_list(request, caller) : tell_sums(request, caller);
}

}  // namespace ckmerge::cli
