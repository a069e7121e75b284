// SPDX-License-Identifier: Apache-2.0
// Numbers of a header are checked here, once, and trusted afterwards (invariant I5). Order of work: every member by
// itself, as it is parsed; then that the ranges tile the data section; then the names.
#include "io/safetensors/safetensors_header.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "io/safetensors/header_pieces.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace dom = simdjson::dom;

// Of names in sentences: a header may hold one of 100 MB.
constexpr size_t kMaxQuotedSize = 200;

// The reference's JSON reader stops at this nesting.
constexpr size_t kMaxDepth = 128;

std::string quoted(std::string_view name) {
  if (name.size() <= kMaxQuotedSize) return sentence("'", name, "'");
  size_t end = kMaxQuotedSize;
  while ((static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return sentence("'", name.substr(0, end), "'... (", name.size(), " bytes)");
}

template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(ErrorCode::malformed, "", sentence(parts...));
}

template <typename... Parts>
[[noreturn]] void fail_tensor(std::string_view name, const Parts&... parts) {
  throw Error(ErrorCode::malformed, std::string(name), sentence("tensor ", quoted(name), ": ", parts...));
}

std::string to_text(Shape shape) {
  constexpr size_t kMaxShown = 16;
  std::string text = "[";
  for (const uint64_t dimension : shape.first(std::min(shape.size(), kMaxShown)))
    text += sentence(text.size() > 1 ? "," : "", dimension);
  return text + (shape.size() > kMaxShown ? ",...]" : "]");
}

Dtype find_dtype(std::string_view tensor, std::string_view spelled) {
  for (const DtypeInfo& row : kDtypes)
    if (spelled == row.name) return row.dtype;
  fail_tensor(tensor, "unknown dtype ", quoted(spelled), "; a newer ckmerge may know it");
}

// Overflow is judged from left to right, as the reference does: [0, 2^63, 4] has no elements, [2^63, 4, 0] is refused.
uint64_t element_count(std::string_view name, Shape shape) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape)
    if (__builtin_mul_overflow(count, dimension, &count))
      fail_tensor(name, "shape ", to_text(shape), " has more elements than 64 bits can count");
  return count;
}

uint64_t byte_size(std::string_view name, Dtype dtype, Shape shape, uint64_t count) {
  uint64_t bits = 0;
  if (__builtin_mul_overflow(count, uint64_t{info(dtype).bits}, &bits))
    fail_tensor(name, "shape ", to_text(shape), " of ", info(dtype).name, " has more bits than 64 bits can count");
  if (bits % 8 != 0)
    fail_tensor(name, "shape ", to_text(shape), " of ", info(dtype).name, " is ", bits, " bits, expected whole bytes");
  return bits / 8;
}

// One entry of the header, field by field.
class EntryReader {
 public:
  explicit EntryReader(std::vector<uint64_t>& shape) : shape_(shape) {}

  void read(std::string_view name, dom::element entry) {
    name_ = name;
    dom::object fields;
    if (entry.get(fields)) fail_tensor(name, "expected an object with dtype, shape and data_offsets");
    for (const auto [key, value] : fields) read_field(key, value);
    if (!has_dtype_) fail_tensor(name, "field 'dtype' is missing");
    if (!has_shape_) fail_tensor(name, "field 'shape' is missing");
    if (!has_offsets_) fail_tensor(name, "field 'data_offsets' is missing");
  }

  Dtype dtype() const { return dtype_; }
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }

 private:
  void read_field(std::string_view key, dom::element value) {
    if (key == "dtype") {
      expect_first(key, !has_dtype_);
      read_dtype(value);
    } else if (key == "shape") {
      expect_first(key, !has_shape_);
      read_shape(value);
    } else if (key == "data_offsets") {
      expect_first(key, !has_offsets_);
      read_offsets(value);
    }  // other fields are ignored, as the reference does
  }

  void expect_first(std::string_view key, bool first) const {
    if (!first) fail_tensor(name_, "field '", key, "' is there twice");
  }

  void read_dtype(dom::element value) {
    std::string_view spelled;
    if (value.get(spelled)) fail_tensor(name_, "field 'dtype' is not a string");
    dtype_ = find_dtype(name_, spelled);
    has_dtype_ = true;
  }

  void read_shape(dom::element value) {
    dom::array dimensions;
    bool valid = !value.get(dimensions);
    shape_.clear();
    if (valid)
      for (const dom::element dimension : dimensions) valid = valid && !dimension.get(shape_.emplace_back());
    if (!valid) fail_tensor(name_, "field 'shape' is not an array of whole numbers from 0 to 2^64-1");
    has_shape_ = true;
  }

  void read_offsets(dom::element value) {
    dom::array pair;
    if (value.get(pair) || pair.size() != 2 || pair.at(0).get(begin_) || pair.at(1).get(end_))
      fail_tensor(name_, "field 'data_offsets' is not two whole numbers from 0 to 2^64-1");
    if (end_ < begin_) fail_tensor(name_, "data_offsets [", begin_, ",", end_, "] end before they begin");
    has_offsets_ = true;
  }

  std::vector<uint64_t>& shape_;  // lent, so that 10^6 entries share one allocation
  std::string_view name_;
  Dtype dtype_ = Dtype::F32;
  uint64_t begin_ = 0, end_ = 0;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
};

class HeaderReader {
 public:
  HeaderReader(uint64_t header_size, uint32_t shard) : shard_(shard) {
    header_.size = header_size;
    if (parser_.allocate(HeaderPieces::kPieceSize, kMaxDepth)) throw std::bad_alloc();
  }

  void read_piece(std::string_view members) {
    json_.resize(members.size() + 2 + simdjson::SIMDJSON_PADDING);
    json_[0] = '{';
    std::memcpy(json_.data() + 1, members.data(), members.size());
    json_[members.size() + 1] = '}';
    dom::object object;
    const simdjson::error_code error = parser_.parse(json_.data(), members.size() + 2, false).get(object);
    if (error == simdjson::UTF8_ERROR) fail("the header is not valid UTF-8");
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    if (error) fail("the header is not valid JSON: ", simdjson::error_message(error));
    for (const auto [name, value] : object) read_member(name, value);
  }

  Header take() { return std::move(header_); }

 private:
  void read_member(std::string_view name, dom::element value) {
    if (name == "__metadata__")
      read_metadata(value);
    else
      read_tensor(name, value);
  }

  void read_tensor(std::string_view name, dom::element value) {
    EntryReader entry(shape_);
    entry.read(name, value);
    const uint64_t count = element_count(name, shape_);
    const uint64_t size = byte_size(name, entry.dtype(), shape_, count);
    if (size != entry.end() - entry.begin())
      fail_tensor(name, "shape ", to_text(shape_), " of ", info(entry.dtype()).name, " is ", size,
                  " bytes, data_offsets [", entry.begin(), ",", entry.end(), "] hold ", entry.end() - entry.begin());
    // The sum may wrap around; parse_header() finds that and refuses the file.
    header_.tensors.add(name, entry.dtype(), shape_, shard_, 8 + header_.size + entry.begin(), size, count);
  }

  void read_metadata(dom::element value) {
    if (saw_metadata_) fail("'__metadata__' is there twice");
    saw_metadata_ = true;
    if (value.is_null()) return;
    dom::object entries;
    if (value.get(entries)) fail("'__metadata__' is not an object of strings");
    header_.has_metadata = true;
    for (const auto [key, element] : entries) {
      std::string_view text;
      if (element.get(text)) fail("'__metadata__': the value of ", quoted(key), " is not a string");
      header_.metadata.emplace_back(key, text);
    }
    keep_last_of_equal_keys(header_.metadata);
  }

  Header header_;
  uint32_t shard_;
  dom::parser parser_;
  std::vector<uint8_t> json_;    // a piece between braces, padded
  std::vector<uint64_t> shape_;  // of the entry being read
  bool saw_metadata_ = false;
};

// Where a tensor lies in the data section, and which it is.
struct Range {
  uint64_t begin, end;
  size_t index;
  friend auto operator<=>(const Range&, const Range&) = default;
};

std::vector<Range> ranges_in_file_order(const TensorTable& tensors, uint64_t data_begin) {
  std::vector<Range> ranges(tensors.size());
  for (size_t i = 0; i < ranges.size(); ++i) {
    const uint64_t begin = tensors[i].offset - data_begin;
    ranges[i] = {begin, begin + tensors[i].size, i};
  }
  if (!std::is_sorted(ranges.begin(), ranges.end())) std::sort(ranges.begin(), ranges.end());
  return ranges;
}

// Tensors must follow each other without gap or overlap. Returns where the last one ends.
uint64_t end_of_tensors(const TensorTable& tensors, uint64_t data_begin) {
  uint64_t end = 0;
  for (const Range& range : ranges_in_file_order(tensors, data_begin)) {
    if (range.begin != end)
      fail_tensor(tensors[range.index].name, "its bytes begin at ", range.begin, ", expected ", end,
                  range.begin > end ? " (bytes between belong to no tensor)" : " (it overlaps the tensor before it)");
    end = range.end;
  }
  return end;
}

void expect_file_size(uint64_t file_size, uint64_t data_begin, uint64_t data_size, uint64_t* rest) {
  const uint64_t present = file_size - data_begin;
  const uint64_t promised = std::max(data_begin + data_size, data_size);  // a sum that wraps around is no better
  if (data_size > present)
    fail("download incomplete: the header promises a file of ", promised, " bytes, this one has ", file_size);
  if (rest) *rest = present - data_size;
  if (data_size < present && !rest)
    fail("bytes after the last tensor: the header promises a file of ", promised, " bytes, this one has ", file_size,
         "; `ckmerge convert --mend` writes it without them");
}

void expect_unique_names(const TensorTable& tensors, const std::vector<size_t>& repeated) {
  if (!repeated.empty()) fail_tensor(tensors[repeated.front()].name, "the name is there twice");
}

void expect_header_within(uint64_t header_size, uint64_t file_size) {
  if (file_size < 8 || header_size > file_size - 8)
    fail("download incomplete: the header alone ends at byte ", 8 + header_size, ", the file has ", file_size);
}

}  // namespace

uint64_t header_size(std::span<const std::byte> first_bytes, uint64_t file_size) {
  if (file_size < 8 || first_bytes.size() < 8)
    fail("the file has ", file_size, " bytes, a safetensors file has at least 8");
  uint64_t size = 0;
  for (int i = 7; i >= 0; --i) size = size << 8 | std::to_integer<uint64_t>(first_bytes[i]);
  if (size > kMaxHeaderSize)
    fail("not a safetensors file, or damaged: its first 8 bytes promise a header of ", size,
         " bytes, the format allows ", kMaxHeaderSize);
  expect_header_within(size, file_size);
  return size;
}

Header parse_header(std::span<const std::byte> json, uint64_t file_size, uint32_t shard, uint64_t* rest) {
  expect_header_within(json.size(), file_size);
  HeaderReader reader(json.size(), shard);
  HeaderPieces pieces(std::string_view(reinterpret_cast<const char*>(json.data()), json.size()));
  while (!pieces.done()) reader.read_piece(pieces.next());
  Header header = reader.take();
  expect_unique_names(header.tensors, header.tensors.sort_by_name());
  const uint64_t data_begin = 8 + json.size();
  expect_file_size(file_size, data_begin, end_of_tensors(header.tensors, data_begin), rest);
  return header;
}

}  // namespace ckmerge
