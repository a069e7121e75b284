// SPDX-License-Identifier: Apache-2.0
// The tile program: what is done to every block of elements of a tensor. A program loads operands into registers
// (blocks of kBlockElements values that stay in L1), applies block operations and leaves its result in one register,
// which is stored with one rounding. It knows no dtype: loads and stores choose theirs at run time, so a program is
// shared by all tensors that are merged alike, whatever they are stored as, and runs on any backend.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/block_kernels.h"
#include "kernels/dtype.h"

namespace ckmerge {

struct LineNumbers;

/// One instruction. Fields that an operation does not use are 0 (see Op in block_kernels.h for which does what).
struct Instruction {
  Op op = Op::zero;
  uint16_t dst = 0;              ///< register written; may be one of a, b, c
  uint16_t a = 0, b = 0, c = 0;  ///< registers read
  uint16_t operand = 0;          ///< Op::load: index into the step's operands; Op::line: into Places::lines
  double k0 = 0, k1 = 0;         ///< constants, rounded once to the compute dtype when the program runs
  /// Where not kNoSlot: k0 (k1) is that coefficient of the tensor, filled in by fill_slots() before the program runs.
  uint16_t slot0 = kNoSlot, slot1 = kNoSlot;

  static constexpr uint16_t kNoSlot = UINT16_MAX;

  friend bool operator==(const Instruction&, const Instruction&) = default;
};

struct Program {
  Dtype compute = Dtype::F32;  ///< F32, or F64 where an operand is F64
  uint16_t result = 0;         ///< register that holds the result
  std::vector<Instruction> code = {};
  /// With slots: that equal operands are kept hangs on none of them, and fill_slots() leaves what sees to it.
  bool always_keeps = false;

  /// Whether coefficients come from statistics of the tensor (fill_slots()).
  bool has_slots() const;

  /// Whether an element in which all operands hold the same bits comes out as those bits: the last operation is one
  /// of those that see to it (Op::agreed_or, agree_or_...).
  bool keeps_equal() const;

  /// Whether operations hang on where an element stands in its tensor, and on the tensor (fill_places()).
  bool has_places() const;

  /// Whether numbers of lines are among them (Places::lines).
  bool has_lines() const;

  /// How many registers it uses.
  size_t registers() const;

  /// The operand that it loads and nothing more, or empty.
  std::optional<uint16_t> loaded_operand() const;

  friend bool operator==(const Program&, const Program&) = default;
};

/// Puts the coefficients of one tensor into the slots of `program`, which is a copy of the plan's. Where they do not
/// add up to one, equal operands are not kept (Weights), and what kept them is taken out.
void fill_slots(Program& program, std::span<const double> coefficients);

/// What operations that are placed (is_placed()) need to know of a tensor.
struct TensorFacts {
  std::string_view name;
  std::span<const uint64_t> shape;
};

/// Puts into the placed operations of `program`, which is a copy of the plan's, what they come to for one tensor. As
/// compile() leaves them, Op::uniform has the seed as k0, a number of the method as k1 and that of one of its inputs as
/// operand; Op::before has a share of rows (operand 0) or columns (operand 1) as k0, of which whole ones count.
/// Op::stays has what it needs.
void fill_places(Program& program, const TensorFacts& tensor);

/// The number of a method for Op::uniform, below 2^32.
uint64_t method_number(std::string_view method);
/// The key of Op::uniform as fill_places() makes it.
uint64_t uniform_key(uint64_t seed, uint64_t method, uint64_t input, std::string_view tensor);

/// What a value is where all operands hold one number: `sum` times that number, which a linear combination's
/// coefficients add up to; and the sum of their magnitudes. Of most other values nothing of the kind is known.
struct Weights {
  double sum = 0, magnitude = 0;
  bool known = true;

  static constexpr Weights unknown() { return {0, 0, false}; }

  friend Weights operator*(double k, Weights x) { return {k * x.sum, (k < 0 ? -k : k) * x.magnitude, x.known}; }
  friend Weights operator+(Weights x, Weights y) {
    return {x.sum + y.sum, x.magnitude + y.magnitude, x.known && y.known};
  }

  /// Whether the sum is `wanted` to whoever wrote the coefficients: 0.1 + 0.2 + 0.7 is 1 - 1.1e-16 in f64. Not where
  /// one of them is NaN.
  bool add_up_to(double wanted) const {
    return known && (sum < wanted ? wanted - sum : sum - wanted) <= 1e-12 * magnitude;
  }
  bool add_up_to_one() const { return add_up_to(1); }
  /// As little; so is the sum of none.
  bool add_up_to_zero() const { return add_up_to(0); }
};

/// Those of the result of an operation of kernels/elementwise.h, of which `y` and `z` are only looked at where it reads
/// them. A product with a difference is nothing where the difference is, and what is chosen among equals is one of
/// them.
Weights weights_of(Op op, Weights x, Weights y, Weights z);

/// An operand as the executor sees it. Element i lies at data + (i / inner) * stride + (i % inner) *
/// element_size(dtype); a contiguous tensor has inner = UINT64_MAX. Rows of a wider tensor (channel expansion, fused
/// qkv) have inner < count.
struct Operand {
  const void* data = nullptr;   ///< element 0 of the view; any alignment
  Dtype dtype = Dtype::F32;     ///< REQUIRES: real
  uint64_t inner = UINT64_MAX;  ///< elements per contiguous run
  uint64_t stride = 0;          ///< bytes from one run's start to the next
};

/// Where elements of a run stand in their tensor: element i is the tensor's first + (i / inner) * stride + i % inner.
struct Places {
  uint64_t first = 0, inner = UINT64_MAX, stride = 0;
  const LineNumbers* lines = nullptr;  ///< what Op::line takes (kernels/lines.h), of all lines of the run

  uint64_t of(uint64_t i) const { return first + (inner == UINT64_MAX ? i : i / inner * stride + i % inner); }
};

/// Bytes of memory that a thread needs to run programs of so many registers: none up to kStackRegisters.
size_t registers_size(size_t registers);

/// Sees to it that this thread runs programs of so many registers without taking further memory. Throws std::bad_alloc.
void reserve_registers(size_t registers);

/// How results become values of the output's dtype: to nearest even, or, of dtypes below 32 bits, stochastically
/// (BlockKernels::draw32), each by the word of its element's index.
struct Rounding {
  bool stochastic = false;
  uint64_t key = 0;  ///< of the words
};

/// Stochastic rounding of a tensor, which hangs on seed, its name and the element's index and on nothing else.
Rounding stochastic_rounding(uint64_t seed, std::string_view tensor);

/// Runs `program` for elements [first, first + count) of the step and writes them to `out` (any alignment) as
/// `out_dtype`. Allocates nothing; registers are on the stack, or where reserve_registers() put them. The bytes are the
/// same for every `kernels`. REQUIRES, as add_products() does: reserve_registers() of more than kStackRegisters.
void run_program(const BlockKernels& kernels, const Program& program, const Operand* operands, uint64_t first,
                 uint64_t count, void* out, Dtype out_dtype, StoreCounts& counts, const Places& places = {},
                 const Rounding& rounding = {}) noexcept;

}  // namespace ckmerge
