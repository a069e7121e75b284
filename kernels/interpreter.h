// SPDX-License-Identifier: Apache-2.0
// The register interpreter of tile programs on the CPU. One instruction costs a call per block; the arithmetic itself
// is in the block functions of the chosen ISA. Software prefetch of the next block was measured and rejected (bf16 on
// AVX2 falls from 15 to 10 GB/s).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/choice.h"
#include "kernels/lines.h"
#include "kernels/program.h"
#include "kernels/result_origins.h"
#include "kernels/spilled_registers.h"

namespace ckmerge {

using Bytes = const unsigned char*;

// What differs between the two compute dtypes.
struct InF32 {
  using Value = float;
  static auto load(const BlockKernels& k, Dtype d) { return k.load32[static_cast<size_t>(d)]; }
  static auto store(const BlockKernels& k, Dtype d) { return k.store32[static_cast<size_t>(d)]; }
  static auto draw(const BlockKernels& k, Dtype d) { return k.draw32[static_cast<size_t>(d)]; }
  static auto op(const BlockKernels& k, Op op) { return k.op32[static_cast<size_t>(op)]; }
  static auto dot(const BlockKernels& k) { return k.dot32; }
  static auto uniform(const BlockKernels& k) { return k.uniform32; }
  static auto before(const BlockKernels& k) { return k.before32; }
  static auto stays(const BlockKernels& k) { return k.stays32; }
  static auto within(const BlockKernels& k) { return k.within32; }
  static constexpr Dtype kDtype = Dtype::F32;
};
struct InF64 {
  using Value = double;
  static auto load(const BlockKernels& k, Dtype d) { return k.load64[static_cast<size_t>(d)]; }
  static auto store(const BlockKernels& k, Dtype d) { return k.store64[static_cast<size_t>(d)]; }
  static auto draw(const BlockKernels& k, Dtype d) { return k.draw64[static_cast<size_t>(d)]; }
  static auto op(const BlockKernels& k, Op op) { return k.op64[static_cast<size_t>(op)]; }
  static auto dot(const BlockKernels& k) { return k.dot64; }
  static auto uniform(const BlockKernels& k) { return k.uniform64; }
  static auto before(const BlockKernels& k) { return k.before64; }
  static auto stays(const BlockKernels& k) { return k.stays64; }
  static auto within(const BlockKernels& k) { return k.within64; }
  static constexpr Dtype kDtype = Dtype::F64;
};

// Widens elements [first, first + n) of a strided view, which spans several of its runs.
template <typename Compute>
[[gnu::noinline]] void load_runs(const BlockKernels& kernels, const Operand& operand, uint64_t first, size_t n,
                                 typename Compute::Value* into) {
  const uint64_t size = element_size(operand.dtype);
  for (size_t done = 0; done < n;) {
    const uint64_t run = (first + done) / operand.inner, within = (first + done) % operand.inner;
    const size_t part = static_cast<size_t>(std::min<uint64_t>(n - done, operand.inner - within));
    Compute::load(kernels, operand.dtype)(static_cast<Bytes>(operand.data) + run * operand.stride + within * size,
                                          into + done, part);
    done += part;
  }
}

// Elements [first, first + n) of an operand: where they lie, or widened into `into`. Inlined, because a further call
// per block is seen in the rates of bf16 and f16.
template <typename Compute>
[[gnu::always_inline]] inline const typename Compute::Value* load_block(const BlockKernels& kernels,
                                                                        const Operand& operand, uint64_t first,
                                                                        size_t n, typename Compute::Value* into) {
  using Value = typename Compute::Value;
  if (first + n > operand.inner) {
    load_runs<Compute>(kernels, operand, first, n, into);
    return into;
  }
  const Bytes at = static_cast<Bytes>(operand.data) + first * element_size(operand.dtype);
  // A block that already holds aligned values of the compute dtype is read where it lies.
  if (operand.dtype == Compute::kDtype && reinterpret_cast<uintptr_t>(at) % sizeof(Value) == 0)
    return reinterpret_cast<const Value*>(at);
  Compute::load(kernels, operand.dtype)(at, into, n);
  return into;
}

// fn(done, place, part) for those parts of elements [first, first + n) that follow each other in their tensor.
template <typename Fn>
void for_each_run(const Places& places, uint64_t first, size_t n, const Fn& fn) {
  for (size_t done = 0, part = 0; done < n; done += part) {
    const uint64_t at = first + done, left = places.inner == UINT64_MAX ? n : places.inner - at % places.inner;
    part = static_cast<size_t>(std::min<uint64_t>(n - done, left));
    fn(done, places.of(at), part);
  }
}

template <typename Compute>
class Interpreter {
  using Value = typename Compute::Value;

 public:
  Interpreter(const BlockKernels& kernels, const Program& program, const Operand* operands, const Places& places)
      : kernels_(kernels),
        program_(program),
        operands_(operands),
        places_(places),
        registers_(program.registers()),
        chooses_(is_choice(program) && places.inner == UINT64_MAX) {
    if (registers_ <= kStackRegisters) return;
    SpilledRegisters::of_thread().reserve(registers_);  // done before, by whoever minds what is thrown
    std::byte* const memory = SpilledRegisters::of_thread().take();
    length_ = SpilledRegisters::block_length(registers_);
    pool_ = reinterpret_cast<Value*>(memory);
    at_ = reinterpret_cast<const Value**>(memory + registers_ * length_ * sizeof(double));
    std::fill_n(at_, registers_, nullptr);
  }
  ~Interpreter() {
    if (registers_ > kStackRegisters) SpilledRegisters::of_thread().give_back();
  }
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Elements of the longest block: with few registers kBlockElements, with more what keeps all of them in L1, with many
  // in L2.
  size_t length() const { return length_; }

  // The block of n results for elements [first, first + n).
  const Value* block(uint64_t first, size_t n) {
    if (chooses_)
      if (const auto k = chosen_operand(program_, places_.of(first), n))
        return load_block<Compute>(kernels_, operands_[*k], first, n, pool_);
    for (const Instruction& i : program_.code) {
      if (i.op == Op::load)
        at_[i.dst] = load_block<Compute>(kernels_, operands_[i.operand], first, n, block_of(i.dst));
      else if (is_placed(i.op))
        at_[i.dst] = place(i, first, n);
      else {
        Compute::op(kernels_, i.op)(block_of(i.dst), at_[i.a], at_[i.b], at_[i.c], static_cast<Value>(i.k0),
                                    static_cast<Value>(i.k1), n);
        at_[i.dst] = block_of(i.dst);
      }
    }
    return at_[program_.result];
  }

  // Tells whose the NaN and Inf among n results for elements [first, first + n) are, which were stored at `out`.
  [[gnu::noinline]] void find_origins(uint64_t first, size_t n, const Value* results, unsigned char* out,
                                      Dtype out_dtype, StoreCounts& counts) const {
    uint8_t marks[kBlockElements];
    ResultOrigins origins(kernels_,
                          {.compute = Compute::kDtype,
                           .results = results,
                           .out = out,
                           .dtype = out_dtype,
                           .keeps_equal = program_.keeps_equal()},
                          {marks, n});
    for (const Instruction& i : program_.code)
      if (i.op == Op::load) origins.take(operands_[i.operand], first);
    origins.count(counts);
  }

 private:
  static constexpr size_t kPool = kFullRegisters * kBlockElements;  // values
  static size_t block_length(size_t registers) {
    return registers <= kFullRegisters ? kBlockElements : kPool / registers / kLanes * kLanes;
  }
  Value* block_of(size_t index) { return pool_ + index * length_; }

  // Not inlined, because few programs have such.
  [[gnu::noinline]] const Value* place(const Instruction& i, uint64_t first, size_t n) {
    if (i.op == Op::line) return put_line_numbers(places_.lines[i.operand], first, n, block_of(i.dst));
    // Of `stays` k0 is any number.
    const auto k0 = i.op == Op::stays ? 0 : static_cast<uint64_t>(i.k0), k1 = static_cast<uint64_t>(i.k1);
    Value* const into = block_of(i.dst);
    for_each_run(places_, first, n, [&](size_t done, uint64_t place, size_t part) {
      if (i.op == Op::stays)
        Compute::stays(kernels_)(into + done, at_[i.a] + done, static_cast<Value>(i.k0), k1, place, part);
      else if (i.op == Op::uniform)
        Compute::uniform(kernels_)(into + done, k0 << 32 | k1, place, part);
      else
        Compute::before(kernels_)(into + done, k0, k1, place, part);
    });
    return into;
  }

  const Value* put_line_numbers(const LineNumbers& numbers, uint64_t first, size_t n, Value* into) const {
    for_each_run(places_, first, n,
                 [&](size_t done, uint64_t place, size_t part) { numbers.put(place, part, into + done); });
    return into;
  }

  const BlockKernels& kernels_;
  const Program& program_;
  const Operand* operands_;
  const Places& places_;
  const size_t registers_;
  const bool chooses_;  // is_choice(), of elements that follow each other
  size_t length_ = block_length(registers_);
  const Value* at_on_stack_[kStackRegisters] = {};
  const Value** at_ = at_on_stack_;  // by register
  alignas(64) Value pool_on_stack_[kPool];
  Value* pool_ = pool_on_stack_;
};

}  // namespace ckmerge
