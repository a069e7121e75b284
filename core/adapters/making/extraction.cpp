// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/extraction.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/adapters/factors.h"
#include "io/table/tensor_reader.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/block_kernels.h"
#include "kernels/matrix.h"

namespace ckmerge {
namespace {

constexpr uint64_t kReadAtATime = 1 << 20;  // bytes

// Elements of a tensor as f32, wherever they lie.
class ElementReader {
 public:
  ElementReader(const Checkpoint& checkpoint, uint32_t row)
      : checkpoint_(checkpoint), row_(row), dtype_(checkpoint.tensors[row].dtype) {}

  void read(uint64_t first, uint64_t count, float* out) {
    const uint64_t size = element_size(dtype_), step = kReadAtATime / size;
    bytes_.resize(std::min(step, count) * size);
    for (uint64_t at = 0; at < count; at += step) {
      const uint64_t part = std::min(step, count - at);
      reader_.read(checkpoint_, row_, (first + at) * size, (first + at + part) * size, bytes_.data());
      for (uint64_t i = 0; i < part; i += kBlockElements)
        load_(bytes_.data() + i * size, out + at + i, std::min<uint64_t>(kBlockElements, part - i));
    }
  }

 private:
  const Checkpoint& checkpoint_;
  uint32_t row_;
  Dtype dtype_;
  TensorReader reader_;
  std::vector<std::byte> bytes_;
  void (*load_)(const void*, float*, size_t) = (*available_kernels().begin())->load32[static_cast<size_t>(dtype_)];
};

// Tuned less base; f64 weights are rounded first.
class DifferenceReader {
 public:
  DifferenceReader(const NamedPair& pair, uint32_t tuned, uint32_t base)
      : tuned_(pair.tuned, tuned), base_(pair.base, base) {}

  void read(uint64_t first, uint64_t count, float* out) {
    subtrahend_.resize(count);
    tuned_.read(first, count, out);
    base_.read(first, count, subtrahend_.data());
    for (uint64_t i = 0; i < count; ++i) out[i] -= subtrahend_[i];
  }

 private:
  ElementReader tuned_, base_;
  std::vector<float> subtrahend_;
};

// Of what has no arithmetic: the bytes.
bool bytes_differ(const NamedPair& pair, uint32_t tuned, uint32_t base) {
  const uint64_t size = pair.base.tensors[base].size;
  if (pair.tuned.tensors[tuned].size != size) return true;
  std::vector<std::byte> a(std::min(kReadAtATime, size)), b(a.size());
  TensorReader of_tuned, of_base;
  for (uint64_t at = 0; at < size; at += a.size()) {
    const uint64_t count = std::min<uint64_t>(a.size(), size - at);
    of_tuned.read(pair.tuned, tuned, at, at + count, a.data());
    of_base.read(pair.base, base, at, at + count, b.data());
    if (std::memcmp(a.data(), b.data(), count) != 0) return true;
  }
  return false;
}

bool differ(const NamedPair& pair, uint32_t tuned, uint32_t base) {
  const Tensor a = pair.tuned.tensors[tuned], b = pair.base.tensors[base];
  if (!std::ranges::equal(a.shape, b.shape) || is_real(a.dtype) != is_real(b.dtype)) return true;
  if (!is_real(a.dtype)) return a.dtype != b.dtype || bytes_differ(pair, tuned, base);
  DifferenceReader reader(pair, tuned, base);
  std::vector<float> part(std::min<uint64_t>(kReadAtATime / sizeof(float), a.count));
  for (uint64_t at = 0; at < a.count; at += part.size()) {
    const uint64_t count = std::min<uint64_t>(part.size(), a.count - at);
    reader.read(at, count, part.data());
    if (std::any_of(part.begin(), part.begin() + static_cast<ptrdiff_t>(count), [](float x) { return x != 0; }))
      return true;
  }
  return false;
}

// All elements of both factors are held to what this share of them does not exceed.
void clamp_factors(FactorPair& factors, double quantile) {
  std::vector<float> all = factors.up;
  all.insert(all.end(), factors.down.begin(), factors.down.end());
  const double place = quantile * static_cast<double>(all.size() - 1);
  const auto below = static_cast<uint64_t>(place);
  const auto at = [&](uint64_t index) {
    std::ranges::nth_element(all, all.begin() + static_cast<ptrdiff_t>(index));
    return double{all[index]};
  };
  const double low = at(below), high = at(std::min<uint64_t>(below + 1, all.size() - 1));
  const auto bound = static_cast<float>(std::fabs(low + (place - static_cast<double>(below)) * (high - low)));
  for (std::vector<float>* const values : {&factors.up, &factors.down})
    for (float& value : *values) value = std::clamp(value, -bound, bound);
}

// The share of the matrix's energy that up * down has, whatever they are.
double kept_of(const RowSource& matrix, const FactorPair& factors, uint64_t rank) {
  constexpr uint64_t kRowsAtATime = 64;
  std::vector<float> panels(panels_size(rank, matrix.columns)), rest(kRowsAtATime * matrix.columns);
  make_panels(factors.down.data(), rank, matrix.columns, panels.data());
  double all = 0, lost = 0;
  const auto squares = [&](uint64_t count) {
    double sum = 0;
    for (uint64_t i = 0; i < count * matrix.columns; ++i) sum += double{rest[i]} * double{rest[i]};
    return sum;
  };
  for (uint64_t first = 0; first < matrix.rows; first += kRowsAtATime) {
    const uint64_t count = std::min(kRowsAtATime, matrix.rows - first);
    matrix.read(first, count, rest.data());
    all += squares(count);
    add_product(factors.up.data() + first * rank, count, rank, panels.data(), matrix.columns, -1, rest.data());
    lost += squares(count);
  }
  return all > 0 ? std::max(0.0, 1 - lost / all) : 1;
}

void expect_finite(const Svd& svd, const std::string& path, std::string_view name) {
  if (std::isfinite(svd.energy)) return;
  throw Error(ErrorCode::malformed, path, sentence(path, ": tensor '", name, "' holds NaN or Inf, or its base does"));
}

RowSource difference_rows(DifferenceReader& reader, const Tensor& tensor) {
  const uint64_t columns = columns_of(tensor.shape);
  const auto read = [&reader, columns](uint64_t first, uint64_t count, float* out) {
    reader.read(first * columns, count * columns, out);
  };
  return {.rows = tensor.shape[0], .columns = columns, .read = read};
}

FactorPair extracted(const WeightPlaces& places, const WeightPlace& place, uint64_t rank,
                     const ExtractionOptions& options) {
  const NamedPair& pair = places.pairs[place.pair];
  const Tensor tensor = pair.base.tensors[place.base];
  DifferenceReader reader(pair, place.tuned, place.base);
  const RowSource difference = difference_rows(reader, tensor);
  const auto found = [&] {
    const Svd svd = truncated_svd(difference, rank);
    expect_finite(svd, pair.tuned.path, tensor.name);
    return balanced_factors(svd, rank);
  };
  FactorPair factors = found();
  if (options.clamp) {
    clamp_factors(factors, *options.clamp);
    factors.kept = kept_of(difference, factors, rank);
  }
  // The transpose of up * down is that of down times that of up.
  if (place.is_transposed) {
    const uint64_t rows = tensor.shape[0], columns = columns_of(tensor.shape);
    FactorMatrix up{rows, rank, std::move(factors.up)}, down{rank, columns, std::move(factors.down)};
    factors.up = transposed(down).elements;
    factors.down = transposed(up).elements;
  }
  return factors;
}

MadeModule made_module(const WeightPlaces& places, const WeightPlace& place, uint64_t rank,
                       const ExtractionOptions& options) {
  const Shape shape = places.pairs[place.pair].base.tensors[place.base].shape;
  MadeModule module{.name = place.module, .up_shape = {shape[0], rank}, .down_shape = {rank}, .make = {}};
  for (size_t i = 1; i < shape.size(); ++i) module.down_shape.push_back(shape[i]);
  for (size_t i = 2; i < shape.size(); ++i) module.up_shape.push_back(1);
  if (place.is_transposed) std::swap(module.up_shape[0], module.down_shape[1]);
  module.memory = truncated_svd_memory(shape[0], columns_of(shape), rank);
  module.make = [&places, &place, rank, options] { return extracted(places, place, rank, options); };
  return module;
}

void find_left_out(const WeightPlaces& places, Extraction& out) {
  const NamedPair& pair = places.pairs[0];
  for (const Unplaced& other : places.others) {
    const bool in_both = other.tuned != Unplaced::kNone && other.base != Unplaced::kNone;
    if (in_both && !differ(pair, other.tuned, other.base)) continue;
    const std::string_view name =
        other.base != Unplaced::kNone ? pair.base.tensors.name(other.base) : pair.tuned.tensors.name(other.tuned);
    out.left_out.push_back({std::string(name), other.why});
  }
}

}  // namespace

Extraction extraction(const WeightPlaces& places, const ExtractionOptions& options) {
  Extraction out;
  for (const WeightPlace& place : places.places) {
    const NamedPair& pair = places.pairs[place.pair];
    const Tensor tensor = pair.base.tensors[place.base];
    if (!differ(pair, place.tuned, place.base)) {
      ++out.unchanged;
      continue;
    }
    const uint64_t rows = tensor.shape[0], columns = tensor.count / rows;
    const uint64_t asked = place.is_convolution ? options.conv_rank.value_or(options.rank) : options.rank;
    const uint64_t rank = std::min({asked, rows, columns});
    if (rank == 0) {
      out.left_out.push_back({std::string(tensor.name), "--conv-rank 0"});
      continue;
    }
    out.modules.push_back(made_module(places, place, rank, options));
  }
  find_left_out(places, out);
  if (out.modules.empty())
    throw Error(ErrorCode::mismatch, places.pairs[0].tuned.path,
                sentence(places.pairs[0].tuned.path, ": differs from ", places.pairs[0].base.path,
                         " in no weight that an adapter could change"));
  return out;
}

}  // namespace ckmerge
