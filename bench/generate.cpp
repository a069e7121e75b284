// SPDX-License-Identifier: Apache-2.0
// ckmerge-generate: writes a checkpoint with the tensors of a known architecture and random weights of realistic scale.
// The same arguments give the same bytes on every machine; memory does not grow with the size.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench/blueprint.h"
#include "bench/weights.h"
#include "io/safetensors/safetensors_layout.h"
#include "io/text/error.h"

namespace ckmerge::bench {
namespace {

constexpr char kUsage[] =
    "usage: ckmerge-generate --arch NAME [options] OUT.safetensors\n"
    "  --dtype D        f64 f32 f16 bf16 f8_e4m3 f8_e5m2 (default bf16)\n"
    "  --seed N         weights of one base (default 1)\n"
    "  --tune N         a fine-tune of that base: the same weights plus --delta of other random ones\n"
    "  --delta X        size of a fine-tune's change, relative to the weights' scale (default 0.05)\n"
    "  --size S         bytes of tensors, as 100MB or 3GiB: a synthetic architecture is made that large, of a real "
    "one\n"
    "                   tensors are left out from the end\n"
    "  --count N        --arch many: number of tensors (default 1000000)\n"
    "  --name-size N    --arch many: bytes of each name (default 20)\n"
    "  --part K/N       the Kth of N shards: the tensors of that part of the bytes\n"
    "architectures:\n";

struct Options {
  const Architecture* architecture = nullptr;
  SyntheticSize size;
  Seeds seeds;
  double delta = 0.05;
  uint64_t part = 1, parts = 1;
  std::string out;
};

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, where + ": " + sentence);
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  return out.append(text).append("'");
}

template <typename Number>
Number parse_number(const std::string& option, std::string_view text, std::string_view* rest = nullptr) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view tail(end, text.data() + text.size() - end);
  if (error != std::errc() || (!rest && !tail.empty())) refuse(option, quoted(text) + " is not a number");
  if (rest) *rest = tail;
  return value;
}

uint64_t parse_size(const std::string& option, std::string_view text) {
  static const std::map<std::string_view, uint64_t> kUnits = {
      {"", 1},          {"KB", 1000},     {"MB", 1000'000}, {"GB", 1000'000'000}, {"KiB", 1 << 10},
      {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"K", 1 << 10},   {"M", 1 << 20},       {"G", 1 << 30},
  };
  std::string_view unit;
  const uint64_t number = parse_number<uint64_t>(option, text, &unit);
  const auto found = kUnits.find(unit);
  if (found == kUnits.end() || number > UINT64_MAX / found->second)
    refuse(option, quoted(text) + " is not a size such as 100MB or 3GiB");
  return number * found->second;
}

Dtype parse_real_dtype(const std::string& option, std::string_view text) {
  for (const DtypeInfo& row : kDtypes) {
    const std::string_view name = row.name;
    const auto same = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); };
    if (row.kind == DtypeKind::real && std::equal(text.begin(), text.end(), name.begin(), name.end(), same))
      return row.dtype;
  }
  refuse(option, quoted(text) + " is not one of f64, f32, f16, bf16, f8_e4m3, f8_e5m2");
}

const Architecture* parse_architecture(const std::string& option, const std::string& text) {
  const Architecture* found = find_architecture(text);
  if (!found) refuse(option, "no architecture is called " + quoted(text));
  return found;
}

void parse_part(Options& options, const std::string& option, std::string_view text) {
  std::string_view rest;
  options.part = parse_number<uint64_t>(option, text, &rest);
  if (!rest.starts_with('/')) refuse(option, quoted(text) + " is not a part such as 2/4");
  options.parts = parse_number<uint64_t>(option, rest.substr(1));
  if (options.part < 1 || options.part > options.parts) refuse(option, quoted(text) + " is not a part such as 2/4");
}

using Setter = void (*)(Options& options, const std::string& name, const std::string& value);
using std::string;

const std::map<std::string_view, Setter> kSetters = {
    {"--arch", [](Options& o, const string& n, const string& v) { o.architecture = parse_architecture(n, v); }},
    {"--dtype", [](Options& o, const string& n, const string& v) { o.size.dtype = parse_real_dtype(n, v); }},
    {"--seed", [](Options& o, const string& n, const string& v) { o.seeds.base = parse_number<uint64_t>(n, v); }},
    {"--tune", [](Options& o, const string& n, const string& v) { o.seeds.tune = parse_number<uint64_t>(n, v); }},
    {"--delta", [](Options& o, const string& n, const string& v) { o.delta = parse_number<double>(n, v); }},
    {"--size", [](Options& o, const string& n, const string& v) { o.size.bytes = parse_size(n, v); }},
    {"--count", [](Options& o, const string& n, const string& v) { o.size.count = parse_number<uint64_t>(n, v); }},
    {"--part", [](Options& o, const string& n, const string& v) { parse_part(o, n, v); }},
    {"--name-size",
     [](Options& o, const string& n, const string& v) { o.size.name_size = parse_number<uint64_t>(n, v); }},
};

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--")) {
      if (!options.out.empty()) refuse(argument, "only one file is written at a time");
      options.out = argument;
      continue;
    }
    const auto setter = kSetters.find(argument);
    if (setter == kSetters.end()) refuse(argument, "there is no such option");
    if (i + 1 == arguments.size()) refuse(argument, "needs a value");
    setter->second(options, argument, arguments[++i]);
  }
  if (!options.architecture) refuse("--arch", "is needed");
  if (options.out.empty()) refuse("OUT.safetensors", "is needed");
  if (options.seeds.tune) options.seeds.delta = options.delta;
  return options;
}

class File {
 public:
  explicit File(const std::string& path) : path_(path), fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666)) {
    if (fd_ < 0) fail();
  }
  File(const File&) = delete;
  ~File() { close(fd_); }

  void write_at(uint64_t offset, const void* data, uint64_t size) const {
    for (auto* at = static_cast<const char*>(data); size > 0;) {
      const ssize_t n = pwrite(fd_, at, size, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail();
      at += n, offset += static_cast<uint64_t>(n), size -= static_cast<uint64_t>(n);
    }
  }

 private:
  [[noreturn]] void fail() const { throw Error(ErrorCode::io, path_, path_ + ": " + std::strerror(errno)); }
  std::string path_;
  int fd_;
};

/// A blueprint with its place in the file: any range of the data can be made by itself.
class Pages {
 public:
  Pages(const Blueprint& blueprint, Dtype dtype, const Seeds& seeds)
      : tensors_(blueprint.tensors()), dtype_(dtype), seeds_(seeds) {
    std::vector<OutputTensor> rows;
    rows.reserve(tensors_.size());
    for (const TensorBlueprint& tensor : tensors_)
      rows.push_back({tensor.name, dtype_of(tensor), tensor.shape, tensor.count() * element_size(dtype_of(tensor))});
    const Metadata metadata = {{"format", "pt"}};
    layout_ = lay_out_safetensors(rows, &metadata);
  }

  const std::string& header() const { return layout_.header; }
  uint64_t begin() const { return layout_.header.size(); }
  uint64_t end() const { return layout_.file_size; }

  /// The bytes [begin, begin + size) of the file. REQUIRES: both borders lie on multiples of 8 or at the end.
  void fill(uint64_t begin, uint64_t size, std::byte* out) const {
    const auto starts_after = [&](uint64_t offset, uint32_t tensor) { return offset < layout_.offsets[tensor]; };
    auto at = std::upper_bound(layout_.order.begin(), layout_.order.end(), begin, starts_after) - 1;
    for (uint64_t done = 0; done < size; ++at) {
      const TensorBlueprint& tensor = tensors_[*at];
      const uint64_t element = element_size(dtype_of(tensor));
      const uint64_t first = (begin + done - layout_.offsets[*at]) / element;
      const uint64_t count = std::min(tensor.count() - first, (size - done) / element);
      write_values(tensor, dtype_of(tensor), seeds_, first, count, out + done);
      done += count * element;
    }
  }

 private:
  Dtype dtype_of(const TensorBlueprint& tensor) const { return tensor.dtype.value_or(dtype_); }

  std::span<const TensorBlueprint> tensors_;
  Dtype dtype_;
  Seeds seeds_;
  OutputLayout layout_;
};

constexpr uint64_t kPageSize = 4 << 20;  // bytes written at once; larger ones were no faster

void write_pages(const Pages& pages, const File& file, std::atomic<uint64_t>& next) {
  std::vector<std::byte> page(kPageSize);
  for (;;) {
    const uint64_t begin = next.fetch_add(kPageSize);
    if (begin >= pages.end()) return;
    const uint64_t size = std::min(kPageSize, pages.end() - begin);
    pages.fill(begin, size, page.data());
    file.write_at(begin, page.data(), size);
  }
}

void generate(const Options& options) {
  Blueprint blueprint = options.architecture->make(options.size);
  if (options.size.bytes && !options.architecture->synthetic)
    blueprint.truncate(options.size.bytes, options.size.dtype);
  if (options.parts > 1) blueprint.keep_part(options.part, options.parts, options.size.dtype);
  const Pages pages(blueprint, options.size.dtype, options.seeds);
  const File file(options.out);
  file.write_at(0, pages.header().data(), pages.header().size());

  std::atomic<uint64_t> next = pages.begin();
  std::atomic<bool> failed = false;
  std::string reason;
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back([&] {
      try {
        write_pages(pages, file, next);
      } catch (const Error& error) {
        if (!failed.exchange(true)) reason = error.what();
      }
    });
  threads.clear();
  if (failed) throw Error(ErrorCode::io, options.out, reason);
  std::printf("%s: %zu tensors, %llu bytes\n", options.out.c_str(), blueprint.tensors().size(),
              static_cast<unsigned long long>(pages.end()));
}

void print_usage() {
  std::fputs(kUsage, stdout);
  for (const Architecture& architecture : architectures())
    std::printf("  %-9s        %s\n", architecture.name, architecture.summary);
}

}  // namespace
}  // namespace ckmerge::bench

int main(int argc, char** argv) {
  using namespace ckmerge;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments[0] == "--help") return bench::print_usage(), 0;
  try {
    bench::generate(bench::parse_options(arguments));
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "ckmerge-generate: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
