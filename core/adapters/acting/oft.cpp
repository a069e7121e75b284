// SPDX-License-Identifier: Apache-2.0
// OFT as PEFT has it: the inputs of a layer are turned, block by block, W' = W R^T (of an embedding, whose outputs are
// turned, W R). `oft_R` holds the upper triangles of antisymmetric S; R = I + 2 S + 2 S^2 + 2 S^3 + S^4, of which the
// config counts the terms, or (I - S) (I + S)^-1. Block sizes are those of the shapes: the config keeps its default
// where another was used. PEFT has no strengths for it; here they go from W to W'.
#include <cmath>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/turned_blocks.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr int kMostTerms = 1000;

struct Extents {
  uint64_t blocks = 0;  // that the file has: one for all, or one each
  uint64_t size = 0;    // of a block; 0: the numbers of a row are no triangle
  uint64_t turned = 0;  // elements that the blocks turn
};

std::string_view factor_name(const ModuleWeight& weight) { return weight.is_embedding ? "oft_embedding_R" : "oft_R"; }

Extents extents(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape shape = factor_tensor(adapter, factor(module, factor_name(weight))).shape;
  const uint64_t numbers = columns_of(shape);
  Extents result{.blocks = rows_of(shape), .turned = weight.transposed ? weight.rows() : weight.columns()};
  const auto size = static_cast<uint64_t>((1 + std::sqrt(1 + 8 * static_cast<double>(numbers))) / 2);
  if (size * (size - 1) / 2 == numbers) result.size = size;
  return result;
}

std::string oft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const std::string_view name = factor_name(weight);
  if (std::string lacking = lacking_factor(module, {name}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.experts != 1) return "OFT of experts is not known";
  const Shape shape = factor_tensor(adapter, factor(module, name)).shape;
  if (shape.size() != 2 || shape[0] == 0) return sentence(name, " is no matrix");
  const Extents has = extents(adapter, module, weight);
  if (has.size == 0) return sentence("the ", shape[1], " columns of ", name, " are no triangle of a matrix");
  if (const double terms = number_or(module, "num_cayley_neumann_terms", 5); !(terms >= 0 && terms <= kMostTerms))
    return sentence("num_cayley_neumann_terms is ", number_text(terms), ", and more than ", kMostTerms,
                    " are not added up");
  const bool fits = has.blocks == 1 ? has.turned % has.size == 0 : has.blocks * has.size == has.turned;
  if (!fits)
    return sentence(name, " has ", counted(has.blocks, "block"), " of ", has.size, ", and what they turn ",
                    counted(has.turned, "element"));
  return {};
}

uint64_t oft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Extents has = extents(adapter, module, weight);
  constexpr uint64_t kMatrices = 6;  // in f64, while a block is made
  return TurnedBlocks::memory(has.size, has.blocks) + has.blocks * has.size * has.size / 2 * sizeof(float) +
         (kMatrices * has.size + 65) * has.size * sizeof(double) +
         (weight.transposed ? grouped_rows(has.size, weight) : 0);
}

// What PEFT adds up: the terms 0 to `terms` - 1, of which the first and the last count once. Its series of three terms
// ends where that of four does.
SquareMatrix series(const SquareMatrix& s, double terms) {
  SquareMatrix sum = SquareMatrix::identity(s.n);
  if (!(terms > 1)) return sum;
  sum.add(s, 2);
  if (!(terms > 2)) return sum;
  SquareMatrix power = s * s;
  sum.add(power, 2);
  for (double term = 3; term < terms - 1; ++term) {
    power = power * s;
    sum.add(power, 2);
  }
  sum.add(power * s, 1);
  return sum;
}

// COFT holds each block's S within a distance of zero.
void hold(SquareMatrix& s, double bound) {
  const double norm = std::sqrt(s.sum_of_squares());
  if (norm > bound) s *= bound / norm;
}

class Turn : public ModuleChange {
 public:
  Turn(TurnedBlocks blocks, bool rows, uint64_t columns) : blocks_(std::move(blocks)), rows_(rows), columns_(columns) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    if (rows_) return blocks_.turn_rows(first / blocks_.size(), columns_, weight);
    for (uint64_t i = 0; i < count; ++i) blocks_.turn_row(row_of(weight, i, columns_));
  }
  uint64_t row_group() const override { return rows_ ? blocks_.size() : 1; }
  uint64_t memory() const override { return sizeof(*this) + blocks_.memory(); }

 private:
  TurnedBlocks blocks_;
  bool rows_;
  uint64_t columns_;
};

std::unique_ptr<ModuleChange> open_oft(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                       double strength, const ReadRows& /*base*/) {
  const Extents has = extents(adapter, module, weight);
  const std::vector<float> triangles = read_factor(adapter, factor(module, factor_name(weight)));
  const uint64_t numbers = has.size * (has.size - 1) / 2;
  const double bound = number_or(module, "eps", 6e-5) / std::sqrt(static_cast<double>(has.blocks));
  const double terms = number_or(module, "num_cayley_neumann_terms", 5);
  TurnedBlocks blocks(has.size, has.blocks);
  for (uint64_t i = 0; i < has.blocks; ++i) {
    SquareMatrix s = SquareMatrix::antisymmetric(has.size, std::span(triangles).subspan(i * numbers, numbers));
    if (has_flag(module, "coft")) hold(s, bound);
    const bool is_series = number_or(module, "use_cayley_neumann", 1) != 0;
    const SquareMatrix r = is_series ? series(s, terms) : cayley(s);
    blocks.set(i, weight.is_embedding ? transposed(r) : r, strength);
  }
  return std::make_unique<Turn>(std::move(blocks), weight.transposed, weight.columns());
}

}  // namespace

const AdapterKind kOftKind = {.name = "OFT", .adds = false, .fault = oft_fault, .memory = oft_memory, .open = open_oft};

}  // namespace ckmerge
