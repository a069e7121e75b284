// SPDX-License-Identifier: Apache-2.0
// Sizes and offsets come from the central directory alone; local headers must agree with it or, as torch writes them,
// leave sizes and sum to it. Numbers are checked here, once (invariant I5).
#include "io/torch/zip_directory.h"

#include <algorithm>
#include <array>
#include <span>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kRecordSize = 46, kLocalSize = 30;
constexpr uint32_t kEndMark = 0x06054b50, kEnd64Mark = 0x06064b50, kLocatorMark = 0x07064b50, kRecordMark = 0x02014b50,
                   kLocalMark = 0x04034b50;
constexpr uint64_t kMostEntries = 1 << 20;
constexpr uint64_t kLongestName = 1024;

// Bits of the flags: how hard it was compressed (1, 2), sizes follow the payload (3), the name is UTF-8 (11). Any other
// changes what the bytes are.
constexpr uint64_t kSizesFollow = 0x8, kKnownFlags = 0x80e;

template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(ErrorCode::malformed, "", sentence("its zip archive is damaged or made to deceive: ", parts...));
}

uint64_t number(const unsigned char* at, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

template <size_t size>
std::array<unsigned char, size> read(const InputFile& file, uint64_t offset) {
  std::array<unsigned char, size> bytes;
  file.read_at(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

struct Directory {
  uint64_t begin = 0, end = 0, entries = 0;
};

// A number of the classic record: that of the zip64 record, or all ones where it does not fit.
void expect_same(uint64_t classic, size_t bytes, uint64_t value, const char* what) {
  const uint64_t most = bytes == 2 ? 0xffff : 0xffffffff;
  if (classic != value && classic != most) fail("its two ends disagree about ", what);
}

Directory read_end64(const InputFile& file, uint64_t locator, const std::array<unsigned char, kEndSize>& end) {
  const auto bytes = read<kLocatorSize>(file, locator);
  const uint64_t at = number(&bytes[8], 8);
  if (number(&bytes[4], 4) != 0 || number(&bytes[16], 4) > 1) fail("it is one part of several");
  if (locator < kEnd64Size || at != locator - kEnd64Size) fail("its zip64 end is not where it should be");
  const auto record = read<kEnd64Size>(file, at);
  if (number(&record[0], 4) != kEnd64Mark || number(&record[4], 8) != kEnd64Size - 12) fail("its zip64 end is none");
  if (number(&record[16], 4) != 0 || number(&record[20], 4) != 0) fail("it is one part of several");
  const uint64_t entries = number(&record[32], 8), size = number(&record[40], 8), begin = number(&record[48], 8);
  if (number(&record[24], 8) != entries) fail("it is one part of several");
  expect_same(number(&end[8], 2), 2, entries, "the number of entries");
  expect_same(number(&end[10], 2), 2, entries, "the number of entries");
  expect_same(number(&end[12], 4), 4, size, "the directory's size");
  expect_same(number(&end[16], 4), 4, begin, "the directory's place");
  if (begin > at || size != at - begin) fail("its directory does not end where the end begins");
  return {begin, at, entries};
}

Directory find_directory(const InputFile& file) {
  if (file.size() < kEndSize)
    throw Error(ErrorCode::malformed, "", "download incomplete: a zip archive without its end");
  const uint64_t at = file.size() - kEndSize;
  const auto end = read<kEndSize>(file, at);
  if (number(&end[0], 4) != kEndMark || number(&end[20], 2) != 0)
    throw Error(ErrorCode::malformed, "",
                "download incomplete, or changed after it was written: a zip archive whose end is not at the end of "
                "the file");
  if (number(&end[4], 2) != 0 || number(&end[6], 2) != 0) fail("it is one part of several");
  if (at >= kLocatorSize && number(read<4>(file, at - kLocatorSize).data(), 4) == kLocatorMark)
    return read_end64(file, at - kLocatorSize, end);
  const uint64_t entries = number(&end[10], 2), size = number(&end[12], 4), begin = number(&end[16], 4);
  if (number(&end[8], 2) != entries) fail("it is one part of several");
  if (begin > at || size != at - begin) fail("its directory does not end where the end begins");
  return {begin, at, entries};
}

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
  const auto refuse = [&](const char* why) { fail("an entry's name ", why); };
  if (name.empty() || name.size() > kLongestName) refuse("is empty or too long");
  if (name.find('\0') != name.npos || name.find('\\') != name.npos) refuse("has a NUL or a backslash");
  if (name[0] == '/' || (name.size() > 1 && name[1] == ':')) refuse("is an absolute path");
  for (size_t at = 0; at <= name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    if (name.substr(at, slash - at) == "..") refuse("leads out of the archive");
    at = slash + 1;
  }
}

// Takes from the zip64 field, in their order, the numbers that the record itself has no room for.
void take_zip64(const unsigned char* extra, uint64_t extra_size, std::span<uint64_t*> wanted) {
  for (uint64_t at = 0; at + 4 <= extra_size;) {
    const uint64_t id = number(extra + at, 2), size = number(extra + at + 2, 2);
    if (size > extra_size - at - 4) fail("an entry's extra field is longer than the record");
    if (id == 1) {
      if (size < 8 * wanted.size()) break;
      for (size_t i = 0; i < wanted.size(); ++i) *wanted[i] = number(extra + at + 4 + 8 * i, 8);
      return;
    }
    at += 4 + size;
  }
  if (!wanted.empty()) fail("an entry lacks its zip64 sizes");
}

void check_flags(uint64_t flags) {
  if (flags & ~kKnownFlags) fail("an entry is encrypted or patched (flags ", flags, ")");
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace

ZipDirectory::ZipDirectory(const InputFile& file) {
  const Directory directory = find_directory(file);
  if (directory.entries > kMostEntries)
    throw Error(ErrorCode::malformed, "",
                sentence("a zip archive of ", directory.entries, " entries; at most ", kMostEntries, " are read"));
  read_entries(file, directory.begin, directory.end, directory.entries);
  std::ranges::sort(entries_, {}, &ZipEntry::header);
  check_local_headers(file, directory.begin);
  index_names();
}

void ZipDirectory::read_entries(const InputFile& file, uint64_t begin, uint64_t end, uint64_t count) {
  if (count > (end - begin) / kRecordSize) fail("it promises more entries than its directory has room for");
  entries_.reserve(count);
  ForwardReader reader(file);
  uint64_t at = begin;
  for (uint64_t i = 0; i < count; ++i) {
    if (end - at < kRecordSize) fail("its directory ends within a record");
    const unsigned char* record = reader.at(at, kRecordSize);
    const uint64_t size = kRecordSize + number(record + 28, 2) + number(record + 30, 2) + number(record + 32, 2);
    if (size > end - at) fail("its directory ends within a record");
    add(reader.at(at, size), begin);
    at += size;
  }
  if (at != end) fail("bytes between its last entry and its end");
}

void ZipDirectory::add(const unsigned char* record, uint64_t directory_begin) {
  if (number(record, 4) != kRecordMark) fail("a record of its directory is none");
  const uint64_t name_size = number(record + 28, 2), extra_size = number(record + 30, 2);
  const std::string_view name(reinterpret_cast<const char*>(record + kRecordSize), name_size);
  check_name(name);
  check_flags(number(record + 8, 2));
  const uint64_t method = number(record + 10, 2);
  uint64_t packed = number(record + 20, 4), size = number(record + 24, 4), header = number(record + 42, 4);
  std::vector<uint64_t*> too_large;
  for (uint64_t* value : {&size, &packed, &header})
    if (*value == 0xffffffff) too_large.push_back(value);
  take_zip64(record + kRecordSize + name_size, extra_size, too_large);
  if (number(record + 34, 2) != 0) fail("it is one part of several");
  if (method == 0 && packed != size) fail("a stored entry has two sizes");
  compressed_ |= method != 0;
  if (header > directory_begin || directory_begin - header < kLocalSize) fail("an entry lies outside of the file");
  entries_.push_back({.header = header,
                      .size = size,
                      .packed = packed,
                      .name_begin = names_.size(),
                      .crc = static_cast<uint32_t>(number(record + 16, 4)),
                      .name_size = static_cast<uint16_t>(name_size),
                      .flags = static_cast<uint16_t>(number(record + 8, 2)),
                      .method = static_cast<uint16_t>(method)});
  names_ += name;
}

// One pass in the order of the file: each entry lies between the one before it and the next.
void ZipDirectory::check_local_headers(const InputFile& file, uint64_t directory_begin) {
  ForwardReader reader(file);
  uint64_t free = 0;
  for (ZipEntry& entry : entries_) {
    if (entry.header < free) fail("two entries overlap");
    if (free == 0 && entry.header != 0) fail("bytes before its first entry");
    const unsigned char* local = reader.at(entry.header, kLocalSize);
    if (number(local, 4) != kLocalMark) fail("an entry is not where its directory says");
    const uint64_t flags = number(local + 6, 2), crc = number(local + 14, 4), packed = number(local + 18, 4),
                   size = number(local + 22, 4), name_size = number(local + 26, 2), extra = number(local + 28, 2);
    if (flags != entry.flags || number(local + 8, 2) != entry.method)
      fail("an entry and its directory disagree about how it is stored");
    const auto agrees = [&](uint64_t here, uint64_t listed) {
      return here == listed || (here == 0 && flags & kSizesFollow) || (here == 0xffffffff && listed >= here);
    };
    if (!agrees(size, entry.size) || !agrees(packed, entry.packed) || !agrees(crc, entry.crc))
      fail("an entry and its directory disagree about its size or sum");
    const uint64_t head = kLocalSize + name_size + extra;
    if (head > directory_begin - entry.header || entry.packed > directory_begin - entry.header - head)
      fail("an entry reaches into its directory");
    local = reader.at(entry.header, head);
    if (name_size != entry.name_size ||
        name(entry) != std::string_view(reinterpret_cast<const char*>(local) + kLocalSize, name_size))
      fail("an entry and its directory disagree about its name");
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
    if (!by_name_.emplace(name(entries_[i]), static_cast<uint32_t>(i)).second) fail("two entries have one name");
    if (any_upper && !lower.emplace(lower_case(name(entries_[i])), true).second)
      fail("names of two entries differ in case only");
  }
}

const ZipEntry* ZipDirectory::find(std::string_view name, const ZipEntry* guess) const {
  if (guess && this->name(*guess) == name) return guess;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

bool ends_as_zip(const InputFile& file) {
  if (file.size() < kEndSize) return false;
  const auto end = read<kEndSize>(file, file.size() - kEndSize);
  const uint64_t at = file.size() - kEndSize;
  return number(&end[0], 4) == kEndMark && number(&end[20], 2) == 0 && number(&end[16], 4) + number(&end[12], 4) <= at;
}

}  // namespace ckmerge
