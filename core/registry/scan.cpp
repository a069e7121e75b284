// SPDX-License-Identifier: Apache-2.0
#include "core/registry/scan.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <unordered_set>

#include "core/registry/examine.h"
#include "core/registry/file_sums.h"
#include "core/registry/scan_diff.h"
#include "core/threads/machine.h"
#include "core/threads/thread_pool.h"
#include "io/folder/shard_names.h"
#include "io/hash/hash_cache.h"
#include "io/input_forms.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Files are examined on more threads than there are cores: each waits for a few small reads.
constexpr unsigned kLeastThreads = 8;
// What is written at once. A transaction waits for the log, not for the disk, and others wait for it.
constexpr size_t kBatch = 256;
constexpr auto kLongestWait = std::chrono::seconds(1);
// A file that was written just before the scan is waited for, so that it need not be looked at again by the next one.
constexpr auto kFreshness = std::chrono::milliseconds(60);
constexpr unsigned kMostWaits = 64;

// What a folder's name says of files whose tensors do not: ComfyUI's words for its folders, and ours for kinds.
std::string kind_in(const std::string& root_kind) {
  constexpr const char* kKinds[][2] = {{"checkpoints", "checkpoint"},
                                       {"loras", "adapter"},
                                       {"vae", "vae"},
                                       {"embeddings", "embedding"},
                                       {"controlnet", "controlnet"},
                                       {"text_encoders", "text encoder"},
                                       {"clip", "text encoder"},
                                       {"upscale_models", "upscaler"},
                                       {"unet", "diffusion model"},
                                       {"diffusion_models", "diffusion model"},
                                       {"clip_vision", "vision encoder"},
                                       {"hypernetworks", "hypernetwork"}};
  for (const auto& [folder, kind] : kKinds)
    if (root_kind == folder) return kind;
  return "";
}

// Takes out of `found`, which is sorted, what the first shard of a set stands for, and returns it.
std::unordered_set<std::string> take_further_shards(std::vector<FoundFile>& found) {
  std::unordered_set<std::string> further;
  for (const FoundFile& file : found) {
    const std::vector<std::string> shards = shards_from(file.path);
    if (!shards.empty()) further.insert(shards.begin() + 1, shards.end());
  }
  std::erase_if(found, [&](const FoundFile& file) { return further.contains(file.path); });
  return further;
}

class Scan {
 public:
  Scan(Registry& registry, std::span<const RegistryRoot> roots, const ScanOptions& options)
      : registry_(registry), roots_(roots), options_(options), known_sums_(options.run.hash_cache) {}

  ScanReport run() {
    try {
      examine_files(look_around());
      if (options_.hash) hash_files();
      if (options_.forget) forget();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::interrupted) throw;
      registry_.write(waiting_);
      throw Error(ErrorCode::interrupted, "", "interrupted; what was scanned so far is kept");
    }
    std::ranges::sort(report_.moves);
    return std::move(report_);
  }

 private:
  // Also writes what is known without examining anything.
  ScanDiff look_around() {
    std::vector<FoundFile> found;
    for (const RegistryRoot& root : roots_) {
      FolderWalk walk = walk_folder(root.path, is_called_like_a_checkpoint);
      found.insert(found.end(), walk.files.begin(), walk.files.end());
      report_.troubles.insert(report_.troubles.end(), walk.troubles.begin(), walk.troubles.end());
      check_stop(options_.run.observer());
    }
    std::ranges::sort(found, {}, &FoundFile::path);
    const auto same_path = [](const FoundFile& a, const FoundFile& b) { return a.path == b.path; };
    found.erase(std::unique(found.begin(), found.end(), same_path), found.end());
    const std::unordered_set<std::string> taken = take_further_shards(found);
    std::vector<RegistryRoot> all_roots = registry_.roots();
    add_roots(all_roots);
    std::vector<RegisteredFile> entries = registry_.files(Registry::Columns::without_metadata), remove;
    std::ranges::copy_if(entries, std::back_inserter(remove),
                         [&](const RegisteredFile& entry) { return taken.contains(entry.path); });
    std::erase_if(entries, [&](const RegisteredFile& entry) { return taken.contains(entry.path); });
    ScanDiff diff = compare(found, entries, roots_, all_roots);
    report_.found = found.size();
    report_.unchanged = diff.unchanged;
    report_.changed = diff.changed;
    report_.gone = diff.gone.size();
    registry_.write({.roots = new_roots_, .put = {}, .gone = diff.gone, .remove = remove});
    return diff;
  }

  void add_roots(std::vector<RegistryRoot>& all_roots) {
    for (const RegistryRoot& root : roots_) {
      const auto known = std::ranges::find(all_roots, root.path, &RegistryRoot::path);
      if (known != all_roots.end() && (known->kind == root.kind || root.kind.empty())) continue;
      new_roots_.push_back(root);
      if (known == all_roots.end()) all_roots.push_back(root);
    }
  }

  void examine_files(const ScanDiff& diff) {
    const std::vector<FileToExamine>& files = diff.examine;
    if (files.empty()) return;
    const unsigned allowed =
        options_.run.threads ? options_.run.threads : std::max(kLeastThreads, allowed_processors());
    ThreadPool pool(options_.run.observer(), Stage::scan, files.size());
    std::atomic<size_t> next{0};
    pool.run(static_cast<unsigned>(std::min<size_t>(allowed, files.size())), [&] {
      for (size_t i; !pool.stopping() && (i = next++) < files.size();) {
        examine_one(files[i]);
        pool.add_done(1);
      }
    });
    examine_again();
    registry_.write(waiting_);
    waiting_ = {};
  }

  // What could not be read while others were, alone now, with all descriptors to itself. What still cannot is told and
  // not recorded.
  void examine_again() {
    std::vector<Unread> again;
    again.swap(unread_);
    std::ranges::sort(again, {}, [](const Unread& unread) { return unread.file->path; });
    for (const Unread& unread : again) {
      check_stop(options_.run.observer());
      examine_one(*unread.file);
    }
    report_.unread = unread_.size();
    for (Unread& unread : unread_)
      report_.troubles.push_back(sentence(unread.reason, "; the next scan examines it again"));
  }

  void examine_one(const FileToExamine& file) {
    std::optional<RegisteredFile> record;
    try {
      record = examine(file.path, file.name, std::chrono::system_clock::now());
      if (record && !record->settled && record->state.mtime_nanoseconds != 0 && waits_++ < kMostWaits) {
        std::this_thread::sleep_for(kFreshness);
        record = examine(file.path, file.name, std::chrono::system_clock::now());
      }
      if (record) add_known_sums(file, *record);
      if (record && record->kind.empty()) record->kind = kind_in(file.root_kind);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      return put_off(file, error.what());
    } catch (const std::bad_alloc&) {
      return put_off(file, file.path + ": memory ran out");
    }
    std::lock_guard lock(mutex_);
    if (!record) return;
    count(file, *record);
    if (file.moved_from) waiting_.remove.push_back(*file.moved_from);
    waiting_.put.push_back(std::move(*record));
    const auto now = std::chrono::steady_clock::now();
    if (waiting_.put.size() < kBatch && now - written_ < kLongestWait) return;
    registry_.write(waiting_);
    waiting_ = {};
    written_ = now;
  }

  void put_off(const FileToExamine& file, const std::string& reason) {
    std::lock_guard lock(mutex_);
    unread_.push_back({&file, reason});
  }

  void add_known_sums(const FileToExamine& file, RegisteredFile& record) const {
    if (record.form == folder_form().recorded) return;
    if (file.moved_from && record.state.size == file.moved_from->state.size &&
        record.state.mtime_nanoseconds == file.moved_from->state.mtime_nanoseconds) {
      record.sha256 = file.moved_from->sha256;
      record.tensor_sha256 = file.moved_from->tensor_sha256;
      record.crc32 = file.moved_from->crc32;
    }
    if (record.sha256.empty()) record.sha256 = known_sums_.find(record.state);
  }

  void count(const FileToExamine& file, const RegisteredFile& record) {
    report_.added += file.is_new;
    report_.unknown += !record.trouble.empty();
    if (!file.moved_from) return;
    ++report_.moved;
    report_.moves.push_back(sentence(file.moved_from->path, " is now ", file.path));
  }

  bool wants_sums(const RegisteredFile& file) const {
    const bool scanned = std::ranges::any_of(roots_, [&](const auto& root) { return is_below(file.path, root); });
    const bool has_all = !file.sha256.empty() && (!file.tensor_sha256.empty() || !has_tensor_sum(file.form));
    return scanned && !file.gone && !has_all && file.form != folder_form().recorded;
  }

  void hash_files() {
    std::vector<std::string> paths;
    std::vector<RegisteredFile> files;
    for (RegisteredFile& file : registry_.files(Registry::Columns::without_metadata))
      if (wants_sums(file)) {
        paths.push_back(file.path);
        files.push_back(std::move(file));
      }
    if (paths.empty()) return;
    // Each at once, so that nothing that took minutes is lost.
    sum_files(paths, SumKinds::all, options_.run, [&](const SummedFile& summed) {
      if (summed.error) {
        report_.troubles.emplace_back(summed.error->what());
        return;
      }
      RegisteredFile& file = files[summed.index];
      file.state = summed.sums.file;
      file.legacy_hash = summed.sums.legacy_hash;
      file.sha256 = summed.sums.sha256;
      file.tensor_sha256 = summed.sums.tensor_sha256;
      file.crc32 = summed.sums.crc32;
      if (registry_.put_sums(file))
        ++report_.hashed;
      else
        report_.troubles.push_back(sentence(file.path, ": was changed while it was scanned; scan again"));
    });
  }

  void forget() {
    Registry::Changes changes;
    for (RegisteredFile& file : registry_.files(Registry::Columns::without_metadata))
      if (file.gone && is_gone(file.path)) changes.remove.push_back(std::move(file));
    report_.forgotten = changes.remove.size();
    registry_.write(changes);
  }

  struct Unread {
    const FileToExamine* file;
    std::string reason;
  };

  Registry& registry_;
  std::span<const RegistryRoot> roots_;
  const ScanOptions& options_;
  const KnownHashes known_sums_;
  std::atomic<unsigned> waits_{0};
  std::vector<RegistryRoot> new_roots_;
  std::mutex mutex_;  // guards what follows while files are examined, the registry too
  Registry::Changes waiting_;
  std::vector<Unread> unread_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
  ScanReport report_;
};

}  // namespace

ScanReport scan(Registry& registry, std::span<const RegistryRoot> roots, const ScanOptions& options) {
  return Scan(registry, roots, options).run();
}

}  // namespace ckmerge
