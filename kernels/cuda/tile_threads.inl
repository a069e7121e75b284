// SPDX-License-Identifier: Apache-2.0
// What one thread of a device does for a tile job. A thread takes vectors of elements of its block's part; a vector is
// loaded and stored whole where everything is aligned and every value ordinary, else element by element by the rules of
// the CPU's stores. Threads of a block share nothing, so the host can run them one after another and get the same
// bytes.
//
// Whoever includes this, into a namespace, includes tile_job.h and defines CKMERGE_INLINE, CKMERGE_COLD
// (the same, but never inlined) and add_to(uint64_t*, uint64_t), which adds to a counter that other threads add to.
#include "kernels/cuda/elements.inl"
#include "kernels/elementwise.inl"
#include "kernels/placed.inl"

// Arrays that are indexed in loops stay in registers only where the loops are unrolled.
#if defined(__CUDA_ARCH__)
#define CKMERGE_UNROLL _Pragma("unroll")
#else
#define CKMERGE_UNROLL
#endif

// ---- the job's tables ----

template <typename T>
CKMERGE_INLINE const T* table(const Launch& launch, uint64_t offset) {
  return reinterpret_cast<const T*>(launch.in + offset);
}

// The part that a block belongs to: the last whose first block is not behind it.
CKMERGE_INLINE uint32_t part_of_block(const Launch& launch, uint32_t block) {
  const JobPart* parts = table<JobPart>(launch, launch.parts);
  uint32_t low = 0, high = launch.part_count;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    (parts[middle].first_block <= block ? low : high) = middle;
  }
  return low;
}

CKMERGE_INLINE uint32_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::F8_E5M2:
    case Dtype::F8_E4M3: return 1;
    case Dtype::F16:
    case Dtype::BF16: return 2;
    case Dtype::F64: return 8;
    default: return 4;
  }
}

CKMERGE_INLINE const unsigned char* element_at(const Launch& launch, const JobOperand& operand, uint64_t i) {
  int64_t at = operand.offset;
  if (operand.inner == UINT64_MAX)
    at += static_cast<int64_t>(i * size_of(operand.dtype));
  else
    at += static_cast<int64_t>(i / operand.inner * operand.stride + i % operand.inner * size_of(operand.dtype));
  return launch.in + at;
}

// Whether vectors of the operand, or of the output, that begin `shift` elements before `at` are aligned.
template <uint32_t kVector>
CKMERGE_INLINE bool is_aligned(const unsigned char* at, Dtype dtype, uint32_t shift) {
  const uint32_t size = size_of(dtype), alignment = vector_alignment(kVector * size);
  return (reinterpret_cast<uintptr_t>(at) - shift * size) % alignment == 0;
}

// ---- equal stays equal, and whose a NaN is ----

CKMERGE_INLINE bool same_bits(float x, float y) { return bits_of(x) == bits_of(y); }
CKMERGE_INLINE bool same_bits(double x, double y) { return bits_of_double(x) == bits_of_double(y); }

// What the operands of one element are.
struct Origins {
  bool nan = false, inf = false;         // one of them is
  bool alike = true;                     // all are the same bits in the output's dtype
  const unsigned char* first = nullptr;  // bytes

  template <typename T>
  CKMERGE_INLINE void take(const unsigned char* at, Dtype dtype, Dtype out, T value) {
    nan |= value != value;
    inf |= value == value && !is_finite(value);
    if (!first) first = at;
    alike &= dtype == out;
    for (uint32_t k = 0; alike && k < size_of(dtype); ++k) alike = first[k] == at[k];
  }
};

// ---- how a program is computed ----

// Any program. Registers are columns of memory that belongs to this thread alone: register r, element e at
// registers[(r * kVector + e) * kStride].
template <Kernel kOfKernel, typename T, uint32_t kStride>
struct InterpretedProgram {
  using Value = T;
  static constexpr Kernel kKernel = kOfKernel;
  static constexpr uint32_t kVector = shape_of(kKernel).vector;

  const Launch& launch;
  const JobPart& part;
  const JobOperand* operands;
  const JobInstruction* code;
  T* registers;

  CKMERGE_INLINE InterpretedProgram(const Launch& l, const JobPart& p, T* r)
      : launch(l),
        part(p),
        operands(table<JobOperand>(l, l.operands) + p.first_operand),
        code(table<JobInstruction>(l, l.instructions) + p.first_instruction),
        registers(r) {}

  CKMERGE_INLINE T& at(uint32_t r, uint32_t e) const { return registers[(r * kVector + e) * kStride]; }

  CKMERGE_INLINE T place(const JobInstruction& i, uint32_t e, uint64_t index) const {
    if (i.op == Op::stays) return stays_of<T>(at(i.a, e), static_cast<T>(i.k0), index, static_cast<uint64_t>(i.k1));
    const auto k0 = static_cast<uint64_t>(i.k0), k1 = static_cast<uint64_t>(i.k1);
    return i.op == Op::uniform ? uniform_of<T>(index, k0 << 32 | k1) : before_of<T>(index, k0, k1);
  }

  // Of element e of a vector, which is the tensor's `index`.
  CKMERGE_INLINE T operate(const JobInstruction& i, uint32_t e, uint64_t index) const {
    const T k0 = static_cast<T>(i.k0), k1 = static_cast<T>(i.k1);
    switch (i.op) {
#define CKMERGE_ROW(name, operands, expression) \
  case Op::name:                                \
    return Elementwise<Op::name>::of<T>(at(i.a, e), operands > 1 ? at(i.b, e) : 0, operands > 2 ? at(i.c, e) : 0);
      CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
      case Op::uniform:
      case Op::before:
      case Op::stays: return place(i, e, index);
      case Op::constant: return k0;
      case Op::scale: return k0 * at(i.a, e);
      case Op::add: return at(i.a, e) + at(i.b, e);
      case Op::subtract: return at(i.a, e) - at(i.b, e);
      case Op::mix: return k0 * at(i.a, e) + k1 * at(i.b, e);
      case Op::add_scaled: return at(i.a, e) + k0 * at(i.b, e);
      case Op::add_scaled_difference: return at(i.a, e) + k0 * (at(i.b, e) - at(i.c, e));
      case Op::agree: return same_bits(at(i.a, e), at(i.b, e)) ? at(i.a, e) : static_cast<T>(float_of(kNanBits));
      case Op::agreed_or: return at(i.a, e) == at(i.a, e) ? at(i.a, e) : at(i.b, e);
      case Op::agree_or_mix: return same_bits(at(i.a, e), at(i.b, e)) ? at(i.a, e) : k0 * at(i.a, e) + k1 * at(i.b, e);
      case Op::agree_or_add_scaled_difference:
        return same_bits(at(i.a, e), at(i.b, e)) && same_bits(at(i.a, e), at(i.c, e))
                   ? at(i.a, e)
                   : at(i.a, e) + k0 * (at(i.b, e) - at(i.c, e));
      default: return 0;
    }
  }

  CKMERGE_INLINE bool is_aligned_throughout() const {
    bool aligned = true;
    for (uint32_t k = 0; k < part.instruction_count; ++k) {
      if (code[k].op != Op::load) continue;
      const JobOperand& operand = operands[code[k].operand];
      aligned &= operand.inner == UINT64_MAX &&
                 is_aligned<kVector>(element_at(launch, operand, part.first), operand.dtype, part.shift);
    }
    return aligned;
  }

  CKMERGE_INLINE void vector(uint64_t i, T* results) const {
    for (uint32_t k = 0; k < part.instruction_count; ++k) {
      if (code[k].op == Op::load) {
        const JobOperand& operand = operands[code[k].operand];
        load_vector<kVector>(element_at(launch, operand, i), operand.dtype, results);
      } else {
        for (uint32_t e = 0; e < kVector; ++e) results[e] = operate(code[k], e, part.place + i + e);
      }
      for (uint32_t e = 0; e < kVector; ++e) at(code[k].dst, e) = results[e];
    }
    for (uint32_t e = 0; e < kVector; ++e) results[e] = at(part.result, e);
  }

  CKMERGE_INLINE T element(uint64_t i, Origins& origins) const {
    for (uint32_t k = 0; k < part.instruction_count; ++k) {
      if (code[k].op == Op::load) {
        const JobOperand& operand = operands[code[k].operand];
        const unsigned char* bytes = element_at(launch, operand, i);
        at(code[k].dst, 0) = load_element<T>(bytes, operand.dtype);
        origins.take(bytes, operand.dtype, part.dtype, at(code[k].dst, 0));
      } else {
        at(code[k].dst, 0) = operate(code[k], 0, part.place + i);
      }
    }
    return at(part.result, 0);
  }
};

// ---- a thread's share of a part ----

CKMERGE_INLINE void add_counts(const Launch& launch, uint32_t part, const StoreCounts& counts) {
  if (!(counts.saturated | counts.overflowed | counts.lost_inf | counts.non_finite | counts.vanished)) return;
  StoreCounts* sums = reinterpret_cast<StoreCounts*>(launch.in + launch.counts) + part;
  add_to(&sums->saturated, counts.saturated);
  add_to(&sums->overflowed, counts.overflowed);
  add_to(&sums->lost_inf, counts.lost_inf);
  add_to(&sums->non_finite, counts.non_finite);
  add_to(&sums->created, counts.created);
  add_to(&sums->vanished, counts.vanished);
}

// The rules of kernels/result_origins.cpp for a result that is NaN or Inf, which was stored at `out`.
template <typename T>
CKMERGE_INLINE void judge(const JobPart& part, T result, const Origins& origins, unsigned char* out,
                          StoreCounts& counts) {
  const bool is_nan = result != result;
  if (is_nan && origins.nan) {
    if (!part.keeps_equal || !origins.alike) return;
    for (uint32_t k = 0; k < size_of(part.dtype); ++k) out[k] = origins.first[k];
  } else if (is_nan || !(origins.nan || origins.inf)) {
    ++counts.created;
    if (!is_nan && part.dtype == Dtype::F8_E4M3) --counts.lost_inf;
  }
}

// Elements [begin, end) of a part by all rules. Not inlined on the device, because its registers would be the hot
// loop's as well.
template <typename ProgramOf>
CKMERGE_COLD void store_elements(const Launch& launch, uint32_t index, uint64_t begin, uint64_t end,
                                 typename ProgramOf::Value* registers) {
  const JobPart& part = table<JobPart>(launch, launch.parts)[index];
  const ProgramOf program(launch, part, registers);
  const uint32_t size = size_of(part.dtype);
  StoreCounts counts;
  for (uint64_t i = begin; i < end; ++i) {
    Origins origins;
    const auto value = program.element(part.first + i, origins);
    unsigned char* const out = launch.out + part.out + i * size;
    store_element(out, part.dtype, value, counts);
    if (!is_finite(value)) judge(part, value, origins, out, counts);
  }
  add_counts(launch, index, counts);
}

// A block's share of a part, in vectors; vector v is elements [v * kVector - shift, (v + 1) * kVector - shift).
template <Kernel kKernel>
struct Share {
  static constexpr KernelShape kShape = shape_of(kKernel);
  uint64_t begin, end, count;
  uint32_t shift;

  CKMERGE_INLINE Share(const JobPart& part, uint32_t block) : count(part.count), shift(part.shift) {
    const uint64_t vectors = (count + shift + kShape.vector - 1) / kShape.vector;
    begin = static_cast<uint64_t>(block - part.first_block) * kShape.vectors_per_block;
    end = begin + kShape.vectors_per_block < vectors ? begin + kShape.vectors_per_block : vectors;
  }
  CKMERGE_INLINE bool is_whole(uint64_t v) const {
    return v * kShape.vector >= shift && (v + 1) * kShape.vector - shift <= count;
  }
  CKMERGE_INLINE uint64_t first_element(uint64_t v) const {
    return v * kShape.vector < shift ? 0 : v * kShape.vector - shift;
  }
  CKMERGE_INLINE uint64_t end_element(uint64_t v) const {
    return (v + 1) * kShape.vector - shift < count ? (v + 1) * kShape.vector - shift : count;
  }
};

template <typename ProgramOf>
CKMERGE_INLINE void run_part(const Launch& launch, uint32_t index, uint32_t block, uint32_t thread,
                             typename ProgramOf::Value* registers) {
  constexpr uint32_t kVector = shape_of(ProgramOf::kKernel).vector;
  const JobPart& part = table<JobPart>(launch, launch.parts)[index];
  const ProgramOf program(launch, part, registers);
  const Share<ProgramOf::kKernel> share(part, block);
  const Dtype dtype = part.dtype;
  unsigned char* const out = launch.out + part.out;
  const bool aligned = program.is_aligned_throughout() && is_aligned<kVector>(out, dtype, share.shift);
  const uint64_t first = part.first;
  uint32_t left = 0, round = 0;  // a bit for each vector that was not stored: a call in the loop would cost registers
  uint32_t vanished = 0;
  static_assert(share.kShape.vectors_per_block / share.kShape.threads <= 32);
  for (uint64_t v = share.begin + thread; v < share.end; v += share.kShape.threads, ++round) {
    const uint64_t from = share.first_element(v);
    if (aligned && share.is_whole(v)) {
      typename ProgramOf::Value results[kVector];
      program.vector(first + from, results);
      if (store_vector<kVector>(out + from * size_of(dtype), dtype, results, vanished)) continue;
    }
    left |= 1u << round;
  }
  if (vanished != 0) add_counts(launch, index, {.vanished = vanished});
  for (uint64_t v = share.begin + thread; left != 0; v += share.kShape.threads, left >>= 1)
    if (left & 1) store_elements<ProgramOf>(launch, index, share.first_element(v), share.end_element(v), registers);
}
