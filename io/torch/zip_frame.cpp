// SPDX-License-Identifier: Apache-2.0
// The archive that torch 1.6 wrote (docs/format.md), with what is known in advance in its place: sizes stand in the
// local headers instead of descriptors behind the data, and there is no date. PKWARE's APPNOTE 6.3.10 names the fields.
#include "io/torch/zip_frame.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "io/hash/crc32.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

constexpr uint64_t kAlignment = 64;  // of storages; torch's
constexpr std::string_view kRoot = "archive/", kVersion = "3\n";
constexpr uint64_t kLocalHeaderSize = 30, kCrcInLocalHeader = 14, kDirectoryRecordSize = 46;
constexpr uint64_t kNoFit32 = UINT32_MAX, kNoFit16 = UINT16_MAX;

class Fields {
 public:
  Fields& u16(uint64_t value) { return add(value, 2); }
  Fields& u32(uint64_t value) { return add(value, 4); }
  Fields& u64(uint64_t value) { return add(value, 8); }
  Fields& text(std::string_view text) { return bytes_ += text, *this; }
  std::string take() { return std::move(bytes_); }

 private:
  Fields& add(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> 8 * i & 0xff);
    return *this;
  }
  std::string bytes_;
};

uint64_t in_32(uint64_t value) { return std::min(value, kNoFit32); }
bool is_long(uint64_t value) { return value >= kNoFit32; }

// Of the zip64 field in a local header, which has both sizes or is not there.
uint64_t local_zip64_size(uint64_t size) { return is_long(size) ? 20 : 0; }

// In a record of the directory there are those numbers only that do not fit where they belong.
uint64_t directory_zip64_size(uint64_t size, uint64_t header) {
  const uint64_t numbers = (is_long(size) ? 16 : 0) + (is_long(header) ? 8 : 0);
  return numbers ? numbers + 4 : 0;
}

// Needed to read it: 4.5 where there is a zip64 field.
uint64_t version_needed(bool zip64) { return zip64 ? 45 : 20; }

constexpr uint64_t kUtf8Names = 0x0800, kStored = 0, kFirstDay = 0x0021;  // of 1980, the earliest there is

uint64_t plus(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum) || sum > INT64_MAX)
    throw Error(ErrorCode::resources, "", "the output's tensors together have more bytes than a file can have");
  return sum;
}

}  // namespace

ZipFrame::ZipFrame(uint64_t pickle_size, std::span<const uint64_t> storage_sizes) {
  count_ = storage_sizes.size() + 2;
  entries_.reserve(count_);
  add_entry(pickle_size);
  for (const uint64_t size : storage_sizes) add_entry(size);
  add_entry(kVersion.size());
  directory_ = end_;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    entry.directory = end_;
    end_ = plus(end_, kDirectoryRecordSize + name_of(i).size() + directory_zip64_size(entry.size, entry.header));
  }
  directory_end_ = end_;
  end_ = plus(end_, end_records().size());
}

void ZipFrame::add_entry(uint64_t size) {
  constexpr uint64_t kPaddingHead = 4;
  const uint64_t name_size = name_of(entries_.size()).size();
  const uint64_t least = plus(end_, kLocalHeaderSize + name_size + local_zip64_size(size) + kPaddingHead);
  const uint64_t data = plus(least, -least % kAlignment);
  entries_.push_back({.header = end_, .data = data, .size = size, .directory = 0});
  end_ = plus(data, size);
}

uint32_t ZipFrame::version_crc() { return crc32_of(std::as_bytes(std::span(kVersion))); }

std::vector<uint32_t> ZipFrame::sums(std::span<const uint32_t> tensors, std::string_view header) const {
  std::vector<uint32_t> all{crc32_of(std::as_bytes(std::span(header.substr(pickle_offset()))))};
  all.reserve(count_);
  all.insert(all.end(), tensors.begin(), tensors.end());
  all.push_back(version_crc());
  return all;
}

std::string ZipFrame::name_of(size_t i) const {
  const std::string root(kRoot);
  if (i == 0) return root + "data.pkl";
  return i + 1 == count_ ? root + "version" : root + "data/" + std::to_string(i - 1);
}

// Padded as torch does it, with a field called FB that is full of Z.
std::string ZipFrame::local_header(size_t i, uint32_t crc) const {
  const Entry& entry = entries_[i];
  const std::string name = name_of(i);
  const uint64_t extra = entry.data - entry.header - kLocalHeaderSize - name.size();
  const uint64_t padding = extra - local_zip64_size(entry.size) - 4;
  Fields out;
  out.text("PK\x03\x04").u16(version_needed(is_long(entry.size))).u16(kUtf8Names).u16(kStored).u16(0).u16(kFirstDay);
  out.u32(crc).u32(in_32(entry.size)).u32(in_32(entry.size)).u16(name.size()).u16(extra).text(name);
  if (is_long(entry.size)) out.u16(1).u16(16).u64(entry.size).u64(entry.size);
  return out.text("FB").u16(padding).text(std::string(padding, 'Z')).take();
}

std::string ZipFrame::directory_record(size_t i, uint32_t crc) const {
  const Entry& entry = entries_[i];
  const std::string name = name_of(i);
  const uint64_t zip64 = directory_zip64_size(entry.size, entry.header);
  Fields out;
  out.text("PK\x01\x02").u16(version_needed(true)).u16(version_needed(zip64 > 0)).u16(kUtf8Names).u16(kStored);
  out.u16(0).u16(kFirstDay).u32(crc).u32(in_32(entry.size)).u32(in_32(entry.size));
  out.u16(name.size()).u16(zip64).u16(0).u16(0).u16(0).u32(0).u32(in_32(entry.header)).text(name);
  if (zip64 == 0) return out.take();
  out.u16(1).u16(zip64 - 4);
  if (is_long(entry.size)) out.u64(entry.size).u64(entry.size);
  if (is_long(entry.header)) out.u64(entry.header);
  return out.take();
}

// The zip64 records are always there, as torch has them.
std::string ZipFrame::end_records() const {
  const uint64_t count = entries_.size(), size = directory_end_ - directory_;
  Fields out;
  out.text("PK\x06\x06").u64(44).u16(version_needed(true)).u16(version_needed(true)).u32(0).u32(0);
  out.u64(count).u64(count).u64(size).u64(directory_);
  out.text("PK\x06\x07").u32(0).u64(directory_end_).u32(1);
  out.text("PK\x05\x06").u16(0).u16(0).u16(std::min(count, kNoFit16)).u16(std::min(count, kNoFit16));
  return out.u32(in_32(size)).u32(in_32(directory_)).u16(0).take();
}

std::string ZipFrame::first_header(uint32_t crc) const { return local_header(0, crc); }

// Index of the first local header that ends behind `offset`, the frame's first or a later one.
size_t ZipFrame::first_header_after(uint64_t offset) const {
  const auto behind = std::ranges::upper_bound(entries_, offset, {}, &Entry::data);
  return static_cast<size_t>(std::max<ptrdiff_t>(behind - entries_.begin(), 1));
}

// Those that touch [begin, end), in the order of the file: visit(offset, bytes).
void ZipFrame::visit_pieces(uint64_t begin, uint64_t end, Sums sums, const auto& visit) const {
  const auto crc = [&](size_t i) { return sums.empty() ? 0 : sums[i]; };
  for (size_t i = first_header_after(begin); i < entries_.size() && entries_[i].header < end; ++i)
    visit(entries_[i].header, local_header(i, crc(i)));
  visit(entries_.back().data, std::string(kVersion));
  if (end <= directory_) return;
  const auto record = std::ranges::upper_bound(entries_, begin, {}, &Entry::directory);
  for (size_t i = static_cast<size_t>(std::max<ptrdiff_t>(record - entries_.begin(), 1)) - 1;
       i < entries_.size() && entries_[i].directory < end; ++i)
    visit(entries_[i].directory, directory_record(i, crc(i)));
  visit(directory_end_, end_records());
}

namespace {

// The part of `piece`, at `offset`, that lies in [begin, end): use(offset of the part in the range, the part).
void within(uint64_t begin, uint64_t end, uint64_t offset, std::string_view piece, const auto& use) {
  const uint64_t from = std::max(begin, offset), to = std::min(end, offset + piece.size());
  if (from < to) use(from - begin, piece.substr(from - offset, to - from));
}

}  // namespace

void ZipFrame::fill(uint64_t begin, std::span<std::byte> out, Sums sums) const {
  const uint64_t end = begin + out.size();
  visit_pieces(begin, end, sums, [&](uint64_t offset, const std::string& piece) {
    within(begin, end, offset, piece,
           [&](uint64_t at, std::string_view part) { std::memcpy(out.data() + at, part.data(), part.size()); });
  });
}

bool ZipFrame::matches(uint64_t begin, std::span<const std::byte> bytes, Sums sums) const {
  const uint64_t end = begin + bytes.size();
  bool same = true;
  visit_pieces(begin, end, sums, [&](uint64_t offset, const std::string& piece) {
    within(begin, end, offset, piece, [&](uint64_t at, std::string_view part) {
      same &= std::memcmp(bytes.data() + at, part.data(), part.size()) == 0;
    });
  });
  return same;
}

void ZipFrame::for_each_seal(uint64_t begin, uint64_t end, const std::function<void(uint64_t, uint64_t)>& visit) const {
  const auto cut = [&](uint64_t from, uint64_t to) {
    from = std::max(from, begin), to = std::min(to, end);
    if (from < to) visit(from, to);
  };
  for (size_t i = first_header_after(begin); i < entries_.size() && entries_[i].header < end; ++i)
    cut(entries_[i].header + kCrcInLocalHeader, entries_[i].header + kCrcInLocalHeader + 4);
  cut(directory_, directory_end_);
}

}  // namespace ckmerge
