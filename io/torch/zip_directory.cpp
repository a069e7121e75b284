// SPDX-License-Identifier: Apache-2.0
// Sizes and offsets come from the central directory alone; local headers must agree with it or, as torch writes them,
// leave sizes and sum to it. Numbers are checked here, once (invariant I5).
#include "io/torch/zip_directory.h"

#include <algorithm>
#include <array>
#include <span>

#include "io/pickle/torch_limits.h"
#include "io/torch/zip_bytes.h"
#include "io/torch/zip_end.h"

namespace ckmerge {
namespace {

constexpr uint64_t kRecordSize = 46, kLocalSize = 30;
constexpr uint32_t kRecordMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr uint64_t kLongestName = 1024;
constexpr uint64_t kNoRoom = 0xffffffff;  // for a size or an offset: it is in the zip64 field

// Bits of the flags: how hard it was compressed (1, 2), sizes follow the payload (3), the name is UTF-8 (11). Any other
// changes what the bytes are.
constexpr uint64_t kSizesFollow = 0x8, kKnownFlags = 0x80e;

// The file's bytes in order, read ahead: 10^6 small reads would take seconds.
class ForwardReader {
 public:
  explicit ForwardReader(const InputFile& file) : file_(file) {}

  /// REQUIRES: offset + size within the file; offsets mostly ascend.
  const unsigned char* at(uint64_t offset, uint64_t size) {
    if (offset < begin_ || offset + size > begin_ + bytes_.size()) fill(offset, size);
    return bytes_.data() + (offset - begin_);
  }

 private:
  // Payloads lie between local headers: where they are large, reading ahead would read them for nothing.
  void fill(uint64_t offset, uint64_t size) {
    constexpr uint64_t kAhead = 64 << 10, kNear = 4 << 10;
    const bool near = offset >= begin_ && offset - begin_ <= bytes_.size() + kAhead;
    const uint64_t wanted = std::max(size, near ? kAhead : kNear);
    bytes_.resize(std::min(wanted, file_.size() - offset));
    begin_ = offset;
    file_.read_at(offset, std::as_writable_bytes(std::span(bytes_)));
  }

  const InputFile& file_;
  uint64_t begin_ = 0;
  std::vector<unsigned char> bytes_;
};

void check_name(std::string_view name) {
  const auto refuse = [&](const char* why) { fail_zip("an entry's name ", why); };
  if (name.empty() || name.size() > kLongestName) refuse("is empty or too long");
  if (name.find('\0') != name.npos || name.find('\\') != name.npos) refuse("has a NUL or a backslash");
  if (name[0] == '/' || (name.size() > 1 && name[1] == ':')) refuse("is an absolute path");
  for (size_t at = 0; at <= name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    if (name.substr(at, slash - at) == "..") refuse("leads out of the archive");
    at = slash + 1;
  }
}

// Takes from the zip64 field, in their order, the numbers that the record itself has no room for. False: it has none.
bool take_zip64(const unsigned char* extra, uint64_t extra_size, std::span<uint64_t*> wanted) {
  for (uint64_t at = 0; at + 4 <= extra_size;) {
    const uint64_t id = zip_number(extra + at, 2), size = zip_number(extra + at + 2, 2);
    if (size > extra_size - at - 4) fail_zip("an entry's extra field is longer than the record");
    if (id == 1) {
      if (size < 8 * wanted.size()) break;
      for (size_t i = 0; i < wanted.size(); ++i) *wanted[i] = zip_number(extra + at + 4 + 8 * i, 8);
      return true;
    }
    at += 4 + size;
  }
  return false;
}

// Of a local header, where a writer that did not know them yet has made room for them (zipfile's force_zip64).
void take_large_sizes(const unsigned char* extra, uint64_t extra_size, uint64_t& size, uint64_t& packed) {
  uint64_t* both[] = {&size, &packed};
  if (size == kNoRoom && packed == kNoRoom) take_zip64(extra, extra_size, both);
}

void check_flags(uint64_t flags) {
  if (flags & ~kKnownFlags) fail_zip("an entry is encrypted or patched (flags ", flags, ")");
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace

ZipDirectory::ZipDirectory(const InputFile& file) {
  const ZipEnd directory = find_zip_end(file);
  if (directory.entries > kMostZipEntries)
    throw Error(ErrorCode::malformed, "",
                sentence("a zip archive of ", directory.entries, " entries; at most ", kMostZipEntries, " are read"));
  read_entries(file, directory.begin, directory.end, directory.entries);
  std::ranges::sort(entries_, {}, &ZipEntry::header);
  check_local_headers(file, directory.begin);
  index_names();
}

void ZipDirectory::read_entries(const InputFile& file, uint64_t begin, uint64_t end, uint64_t count) {
  if (count > (end - begin) / kRecordSize) fail_zip("it promises more entries than its directory has room for");
  entries_.reserve(count);
  ForwardReader reader(file);
  uint64_t at = begin;
  for (uint64_t i = 0; i < count; ++i) {
    if (end - at < kRecordSize) fail_zip("its directory ends within a record");
    const unsigned char* record = reader.at(at, kRecordSize);
    const uint64_t size =
        kRecordSize + zip_number(record + 28, 2) + zip_number(record + 30, 2) + zip_number(record + 32, 2);
    if (size > end - at) fail_zip("its directory ends within a record");
    add(reader.at(at, size), begin);
    at += size;
  }
  if (at != end) fail_zip("bytes between its last entry and its end");
}

void ZipDirectory::add(const unsigned char* record, uint64_t directory_begin) {
  if (zip_number(record, 4) != kRecordMark) fail_zip("a record of its directory is none");
  const uint64_t name_size = zip_number(record + 28, 2), extra_size = zip_number(record + 30, 2);
  const std::string_view name(reinterpret_cast<const char*>(record + kRecordSize), name_size);
  check_name(name);
  check_flags(zip_number(record + 8, 2));
  const uint64_t method = zip_number(record + 10, 2);
  uint64_t packed = zip_number(record + 20, 4), size = zip_number(record + 24, 4), header = zip_number(record + 42, 4);
  std::vector<uint64_t*> too_large;
  for (uint64_t* value : {&size, &packed, &header})
    if (*value == kNoRoom) too_large.push_back(value);
  if (!too_large.empty() && !take_zip64(record + kRecordSize + name_size, extra_size, too_large))
    fail_zip("an entry lacks its zip64 sizes");
  if (zip_number(record + 34, 2) != 0) fail_zip("it is one part of several");
  if (method == 0 && packed != size) fail_zip("a stored entry has two sizes");
  compressed_ |= method != 0;
  if (header > directory_begin || directory_begin - header < kLocalSize) fail_zip("an entry lies outside of the file");
  entries_.push_back({.header = header,
                      .size = size,
                      .packed = packed,
                      .name_begin = names_.size(),
                      .crc = static_cast<uint32_t>(zip_number(record + 16, 4)),
                      .name_size = static_cast<uint16_t>(name_size),
                      .flags = static_cast<uint16_t>(zip_number(record + 8, 2)),
                      .method = static_cast<uint16_t>(method)});
  names_ += name;
}

// One pass in the order of the file: each entry lies between the one before it and the next.
void ZipDirectory::check_local_headers(const InputFile& file, uint64_t directory_begin) {
  ForwardReader reader(file);
  uint64_t free = 0;
  for (ZipEntry& entry : entries_) {
    if (entry.header < free) fail_zip("two entries overlap");
    if (free == 0 && entry.header != 0) fail_zip("bytes before its first entry");
    const unsigned char* local = reader.at(entry.header, kLocalSize);
    if (zip_number(local, 4) != kLocalMark) fail_zip("an entry is not where its directory says");
    const uint64_t flags = zip_number(local + 6, 2), crc = zip_number(local + 14, 4),
                   name_size = zip_number(local + 26, 2), extra = zip_number(local + 28, 2);
    uint64_t packed = zip_number(local + 18, 4), size = zip_number(local + 22, 4);
    if (flags != entry.flags || zip_number(local + 8, 2) != entry.method)
      fail_zip("an entry and its directory disagree about how it is stored");
    const uint64_t head = kLocalSize + name_size + extra;
    if (head > directory_begin - entry.header || entry.packed > directory_begin - entry.header - head)
      fail_zip("an entry reaches into its directory");
    local = reader.at(entry.header, head);
    take_large_sizes(local + kLocalSize + name_size, extra, size, packed);
    const auto agrees = [&](uint64_t here, uint64_t listed) {
      return here == listed || (here == 0 && flags & kSizesFollow) || (here == kNoRoom && listed >= here);
    };
    if (!agrees(size, entry.size) || !agrees(packed, entry.packed) || !agrees(crc, entry.crc))
      fail_zip("an entry and its directory disagree about its size or sum");
    if (name_size != entry.name_size ||
        name(entry) != std::string_view(reinterpret_cast<const char*>(local) + kLocalSize, name_size))
      fail_zip("an entry and its directory disagree about its name");
    entry.payload = entry.header + head;
    free = entry.payload + entry.packed;
  }
}

// Names that differ in case only are one file on Windows and macOS.
void ZipDirectory::index_names() {
  std::unordered_map<std::string, bool> lower;
  const bool any_upper = std::ranges::any_of(names_, [](char c) { return c >= 'A' && c <= 'Z'; });
  by_name_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!by_name_.emplace(name(entries_[i]), static_cast<uint32_t>(i)).second) fail_zip("two entries have one name");
    if (any_upper && !lower.emplace(lower_case(name(entries_[i])), true).second)
      fail_zip("names of two entries differ in case only");
  }
}

const ZipEntry* ZipDirectory::find(std::string_view name, const ZipEntry* guess) const {
  if (guess && this->name(*guess) == name) return guess;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

}  // namespace ckmerge
