// SPDX-License-Identifier: Apache-2.0
// What one thread of a device does for a tile job. A thread takes vectors of elements of its block's part; a vector is
// loaded and stored whole where everything is aligned and every value ordinary, else element by element by the rules of
// the CPU's stores. Threads of a block share nothing, so the host can run them one after another and get the same
// bytes.
//
// Whoever includes this, into a namespace, includes tile_job.h and defines CKMERGE_INLINE, CKMERGE_COLD
// (the same, but never inlined) and add_to(uint64_t*, uint64_t), which adds to a counter that other threads add to.
#include "kernels/cuda/elements.inl"

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

// ---- how a program is computed ----

// One expression over the first operands.
template <Shape kShape>
struct FusedProgram {
  using Value = float;
  static constexpr Kernel kKernel = Kernel::fused32;
  static constexpr uint32_t kVector = shape_of(kKernel).vector;
  static constexpr uint32_t kOperands = kShape == Shape::convert ? 1 : kShape == Shape::mix ? 2 : 3;

  const Launch& launch;
  const JobPart& part;
  const JobOperand* operands;
  float k0, k1;

  CKMERGE_INLINE FusedProgram(const Launch& l, const JobPart& p, float*)
      : launch(l),
        part(p),
        operands(table<JobOperand>(l, l.operands) + p.first_operand),
        k0(static_cast<float>(p.k0)),
        k1(static_cast<float>(p.k1)) {}

  CKMERGE_INLINE float result(const float (&x)[3]) const {
    if constexpr (kShape == Shape::convert) return x[0];
    if constexpr (kShape == Shape::mix) return k0 * x[0] + k1 * x[1];
    return x[0] + k0 * (x[1] - x[2]);
  }

  CKMERGE_INLINE bool is_aligned_throughout() const {
    bool aligned = true;
    for (uint32_t k = 0; k < kOperands; ++k)
      aligned &= operands[k].inner == UINT64_MAX &&
                 is_aligned<kVector>(element_at(launch, operands[k], part.first), operands[k].dtype, part.shift);
    return aligned;
  }

  template <typename Dtypes>
  CKMERGE_INLINE void vector(uint64_t i, float* results) const {
    float x[3][kVector] = {};
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k)
      load_vector<kVector>(launch.in + operands[k].offset + i * size_of(Dtypes::of(operands[k].dtype)),
                           Dtypes::of(operands[k].dtype), x[k]);
    CKMERGE_UNROLL
    for (uint32_t e = 0; e < kVector; ++e) results[e] = result({x[0][e], x[1][e], x[2][e]});
  }

  CKMERGE_INLINE float element(uint64_t i, bool& finite) const {
    float x[3] = {};
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) {
      x[k] = load_element<float>(element_at(launch, operands[k], i), operands[k].dtype);
      finite &= is_finite(x[k]);
    }
    return result(x);
  }
};

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

  CKMERGE_INLINE T operate(const JobInstruction& i, uint32_t e) const {
    const T k0 = static_cast<T>(i.k0), k1 = static_cast<T>(i.k1);
    switch (i.op) {
      case Op::scale: return k0 * at(i.a, e);
      case Op::add: return at(i.a, e) + at(i.b, e);
      case Op::subtract: return at(i.a, e) - at(i.b, e);
      case Op::mix: return k0 * at(i.a, e) + k1 * at(i.b, e);
      case Op::add_scaled: return at(i.a, e) + k0 * at(i.b, e);
      case Op::add_scaled_difference: return at(i.a, e) + k0 * (at(i.b, e) - at(i.c, e));
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

  template <typename Dtypes>
  CKMERGE_INLINE void vector(uint64_t i, T* results) const {
    for (uint32_t k = 0; k < part.instruction_count; ++k) {
      if (code[k].op == Op::load) {
        const JobOperand& operand = operands[code[k].operand];
        load_vector<kVector>(element_at(launch, operand, i), operand.dtype, results);
      } else {
        for (uint32_t e = 0; e < kVector; ++e) results[e] = operate(code[k], e);
      }
      for (uint32_t e = 0; e < kVector; ++e) at(code[k].dst, e) = results[e];
    }
    for (uint32_t e = 0; e < kVector; ++e) results[e] = at(part.result, e);
  }

  CKMERGE_INLINE T element(uint64_t i, bool& finite) const {
    for (uint32_t k = 0; k < part.instruction_count; ++k) {
      if (code[k].op == Op::load) {
        const JobOperand& operand = operands[code[k].operand];
        at(code[k].dst, 0) = load_element<T>(element_at(launch, operand, i), operand.dtype);
        finite &= is_finite(at(code[k].dst, 0));
      } else {
        at(code[k].dst, 0) = operate(code[k], 0);
      }
    }
    return at(part.result, 0);
  }
};

// ---- a thread's share of a part ----

CKMERGE_INLINE void add_counts(const Launch& launch, uint32_t part, const StoreCounts& counts) {
  if (!(counts.saturated | counts.overflowed | counts.lost_inf | counts.non_finite)) return;
  StoreCounts* sums = reinterpret_cast<StoreCounts*>(launch.in + launch.counts) + part;
  add_to(&sums->saturated, counts.saturated);
  add_to(&sums->overflowed, counts.overflowed);
  add_to(&sums->lost_inf, counts.lost_inf);
  add_to(&sums->non_finite, counts.non_finite);
  add_to(&sums->created, counts.created);
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
    bool finite = true;
    const auto value = program.element(part.first + i, finite);
    const uint64_t non_finite = counts.non_finite;
    store_element(launch.out + part.out + i * size, part.dtype, value, counts);
    counts.created += counts.non_finite != non_finite && finite;
  }
  add_counts(launch, index, counts);
}

// `Dtypes` says what the dtype of an operand or the output is: what the tables say, or one known when this is compiled.
struct AnyDtype {
  static CKMERGE_INLINE Dtype of(Dtype dtype) { return dtype; }
};
template <Dtype kDtype>
struct OneDtype {
  static CKMERGE_INLINE Dtype of(Dtype) { return kDtype; }
};

template <typename ProgramOf, typename Dtypes = AnyDtype>
CKMERGE_INLINE void run_part(const Launch& launch, uint32_t index, uint32_t block, uint32_t thread,
                             typename ProgramOf::Value* registers) {
  constexpr KernelShape kShape = shape_of(ProgramOf::kKernel);
  constexpr uint32_t kVector = kShape.vector;
  const JobPart& part = table<JobPart>(launch, launch.parts)[index];
  const ProgramOf program(launch, part, registers);
  const Dtype dtype = Dtypes::of(part.dtype);
  const uint32_t size = size_of(dtype), shift = part.shift;
  unsigned char* const out = launch.out + part.out;
  const bool aligned = program.is_aligned_throughout() && is_aligned<kVector>(out, dtype, shift);
  const uint64_t count = part.count, first = part.first, vectors = (count + shift + kVector - 1) / kVector;
  const uint64_t begin = static_cast<uint64_t>(block - part.first_block) * kShape.vectors_per_block;
  const uint64_t end = begin + kShape.vectors_per_block < vectors ? begin + kShape.vectors_per_block : vectors;
  for (uint64_t v = begin + thread; v < end; v += kShape.threads) {
    const uint64_t from = v * kVector, to = from + kVector;  // counted from `shift` elements before the part
    if (aligned && from >= shift && to - shift <= count) {
      typename ProgramOf::Value results[kVector];
      program.template vector<Dtypes>(first + from - shift, results);
      if (store_vector<kVector>(out + (from - shift) * size, dtype, results)) continue;
    }
    store_elements<ProgramOf>(launch, index, from < shift ? 0 : from - shift, to - shift < count ? to - shift : count,
                              registers);
  }
}

// A kernel of its own for operands and output of one dtype, whose loop is known when it is compiled: with the switches
// in it, it would need too many registers to keep enough loads in flight.
template <typename ProgramOf>
CKMERGE_INLINE void run_one_dtype(const Launch& launch, uint32_t index, uint32_t block, uint32_t thread) {
  switch (table<JobPart>(launch, launch.parts)[index].dtype) {
    case Dtype::BF16: run_part<ProgramOf, OneDtype<Dtype::BF16>>(launch, index, block, thread, nullptr); break;
    case Dtype::F16: run_part<ProgramOf, OneDtype<Dtype::F16>>(launch, index, block, thread, nullptr); break;
    default: run_part<ProgramOf, OneDtype<Dtype::F32>>(launch, index, block, thread, nullptr);
  }
}

template <bool kOneDtype, Shape kShape>
CKMERGE_INLINE void run_shape(const Launch& launch, uint32_t index, uint32_t block, uint32_t thread) {
  if constexpr (kOneDtype)
    run_one_dtype<FusedProgram<kShape>>(launch, index, block, thread);
  else
    run_part<FusedProgram<kShape>>(launch, index, block, thread, nullptr);
}

template <bool kOneDtype>
CKMERGE_INLINE void run_fused(const Launch& launch, uint32_t block, uint32_t thread) {
  const uint32_t index = part_of_block(launch, block);
  switch (table<JobPart>(launch, launch.parts)[index].shape) {
    case Shape::convert: run_shape<kOneDtype, Shape::convert>(launch, index, block, thread); break;
    case Shape::mix: run_shape<kOneDtype, Shape::mix>(launch, index, block, thread); break;
    default: run_shape<kOneDtype, Shape::add_scaled_difference>(launch, index, block, thread);
  }
}

// ---- sums of products ----

// One lane of one sum. The lanes are added to in the order of the elements, as on the CPU.
template <typename T>
CKMERGE_INLINE void run_sum(const Launch& launch, uint32_t index, uint32_t lane) {
  const JobSum& sum = table<JobSum>(launch, launch.parts)[index];
  const JobOperand& x = table<JobOperand>(launch, launch.operands)[sum.x];
  const JobOperand& y = table<JobOperand>(launch, launch.operands)[sum.y];
  double* total = reinterpret_cast<double*>(launch.in + sum.lanes) + lane;
  double added = *total;
  for (uint64_t i = (lane + kLanes - sum.index % kLanes) % kLanes; i < sum.count; i += kLanes)
    added += static_cast<double>(load_element<T>(element_at(launch, x, sum.first + i), x.dtype)) *
             static_cast<double>(load_element<T>(element_at(launch, y, sum.first + i), y.dtype));
  *total = added;
}
