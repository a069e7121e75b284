// SPDX-License-Identifier: Apache-2.0
// The zip form: ROOT/data.pkl describes the tensors, ROOT/data/KEY is the storage called KEY.
#include <algorithm>

#include "io/hash/crc32.h"
#include "io/pickle/torch_limits.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/torch/judged_names.h"
#include "io/torch/torch_file.h"
#include "io/torch/torch_table.h"
#include "io/torch/unwritten_storages.h"
#include "io/torch/zip_directory.h"
#include "io/torch/zip_end.h"
#include "io/torch/zip_kinds.h"

namespace ckmerge {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::malformed, "", what); }

std::string text_of(const InputFile& file, const ZipEntry& entry) {
  constexpr uint64_t kLongest = 64;
  std::string text(std::min(entry.size, kLongest), '\0');
  file.read_at(entry.payload, std::as_writable_bytes(std::span(text)));
  return text;
}

// The folder that everything lies in.
std::string root_of(const ZipDirectory& zip) {
  if (zip.size() == 0) fail("an empty zip archive");
  const std::string_view first = zip.name(zip[0]);
  std::string root(first.substr(0, first.find('/') + 1));
  const bool has_pickle = !root.empty() && zip.find(root + "data.pkl");
  const std::string code = root + "code/";
  bool program = zip.find(root + "constants.pkl") != nullptr;
  for (size_t i = 0; i < zip.size() && !program; ++i) program = zip.name(zip[i]).starts_with(code);
  if (!has_pickle || program)
    if (const std::string kind = other_zip_kind(zip); !kind.empty()) fail(kind);
  if (!has_pickle)
    fail("a zip archive, but no PyTorch checkpoint: it has no data.pkl; unpack it if a checkpoint lies in it");
  for (size_t i = 0; i < zip.size(); ++i)
    if (!zip.name(zip[i]).starts_with(root))
      fail(
          "a zip archive with more than one folder, as torch does not write it; if you trust its author, load it in "
          "torch and save it anew");
  if (zip.compressed())
    fail(
        "a zip archive with compressed entries, as torch does not write it; if you trust its author, load it in torch "
        "and save it anew");
  return root;
}

void check_byte_order(const InputFile& file, const ZipDirectory& zip, const std::string& root) {
  const ZipEntry* const entry = zip.find(root + "byteorder");  // torch 2.1 and later
  if (!entry) return;
  const std::string order = text_of(file, *entry);
  if (order == "little") return;
  if (order == "big")
    fail("a big-endian PyTorch file; if you trust its author, load it in torch and save it on a little-endian machine");
  fail("a PyTorch file with a byte order that is neither little nor big");
}

void check_version(const InputFile& file, const ZipDirectory& zip, const std::string& root) {
  const ZipEntry* const entry = zip.find(root + "version");
  if (!entry) return;
  std::string version = text_of(file, *entry);
  while (version.ends_with('\n')) version.pop_back();
  constexpr uint64_t kNewest = 10;  // that torch's own reader takes
  const bool number = !version.empty() && version.size() < 3 &&
                      std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; });
  if (!number || std::stoul(version) > kNewest) fail("a PyTorch file of a version that is not known");
}

std::vector<std::byte> read_pickle(const InputFile& file, const ZipEntry& entry) {
  if (entry.size > kLargestPickle)
    fail(sentence("its pickle has ", entry.size, " bytes; at most ", kLargestPickle, " are read"));
  std::vector<std::byte> bytes(entry.size);
  file.read_at(entry.payload, bytes);
  return bytes;
}

}  // namespace

bool begins_torch_zip(std::span<const std::byte> first_bytes) {
  constexpr std::string_view kLocalHeader = "PK\3\4";
  return std::string_view(reinterpret_cast<const char*>(first_bytes.data()), first_bytes.size())
      .starts_with(kLocalHeader);
}

void read_torch_zip(Checkpoint& checkpoint, const OpenOptions& options) {
  const InputFile& file = checkpoint.shards[0];
  const ZipDirectory zip(file);
  const std::string root = root_of(zip);
  check_byte_order(file, zip, root);
  check_version(file, zip, root);
  const ZipEntry& pickle = *zip.find(root + "data.pkl");
  const std::vector<std::byte> bytes = read_pickle(file, pickle);
  // A note only: torch can be told to write none.
  if (pickle.crc != 0 && crc32_of(bytes) != pickle.crc)
    checkpoint.notes.push_back("its pickle is not what was written, by the archive's CRC-32: the file may be damaged");
  PickleMachine machine(bytes);
  const PickleRef top = run_judged(machine, options, checkpoint);
  if (checkpoint.path.ends_with(".distcp") && machine.values().kind(top) != PickleKind::dict) fail(kDistributedShard);
  if (machine.size() != bytes.size()) fail("bytes behind the end of its pickle, where something may hide");
  checkpoint.header_size = pickle.size;
  std::string name = root + "data/";
  const size_t folder = name.size();
  const ZipEntry* guess = nullptr;  // newer files store in the order in which tensors come
  UnwrittenStorages unwritten(file, pickle.crc != 0);
  const auto locate = [&](const TorchStorage& storage) {
    name.resize(folder);
    name += storage.key;
    const ZipEntry* const entry = zip.find(name, guess);
    if (!entry) fail("its storage is not in the archive");
    if (entry->size != storage.size)
      fail(sentence("its storage has ", entry->size, " bytes in the archive, its pickle says ", storage.size));
    guess = zip.next(entry);
    unwritten.look_at(*entry);
    return entry->payload;
  };
  fill_from_pickle(machine.values(), top, locate, options, checkpoint);
  unwritten.judge(checkpoint, options.as_stored);
}

}  // namespace ckmerge
