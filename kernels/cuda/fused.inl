// SPDX-License-Identifier: Apache-2.0
// The programs that are one expression over their operands, without an interpreter: with operands of any dtypes, and,
// because checkpoints are mostly that, with operands and output of one dtype. Each of these has a kernel of its own:
// with the switches in it, or with the other dtypes' registers, it could not keep enough loads in flight. Included
// after tile_threads.inl.

// One expression over the first operands.
template <Shape kShape>
struct FusedProgram {
  using Value = float;
  static constexpr Kernel kKernel = Kernel::mixed32;
  static constexpr uint32_t kVector = shape_of(kKernel).vector;
  static constexpr uint32_t kOperands = kShape == Shape::convert ? 1 : kShape == Shape::mix ? 2 : 3;

  const Launch& launch;
  const JobPart& part;
  const JobOperand* operands;
  const unsigned char* x[kOperands];  // element 0, of contiguous ones
  Dtype dtypes[kOperands];
  float k0, k1;

  CKMERGE_INLINE FusedProgram(const Launch& l, const JobPart& p, float*)
      : launch(l),
        part(p),
        operands(table<JobOperand>(l, l.operands) + p.first_operand),
        k0(static_cast<float>(p.k0)),
        k1(static_cast<float>(p.k1)) {
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) x[k] = l.in + operands[k].offset, dtypes[k] = operands[k].dtype;
  }

  CKMERGE_INLINE float result(const float (&v)[3]) const {
    if constexpr (kShape == Shape::convert) return v[0];
    if (part.keeps_equal && same_bits(v[0], v[1]) && (kShape == Shape::mix || same_bits(v[0], v[2]))) return v[0];
    if constexpr (kShape == Shape::mix) return k0 * v[0] + k1 * v[1];
    return v[0] + k0 * (v[1] - v[2]);
  }

  CKMERGE_INLINE bool is_aligned_throughout() const {
    bool aligned = true;
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k)
      aligned &= operands[k].inner == UINT64_MAX &&
                 is_aligned<kVector>(x[k] + part.first * size_of(dtypes[k]), dtypes[k], part.shift);
    return aligned;
  }

  CKMERGE_INLINE void vector(uint64_t i, float* results) const {
    float values[3][kVector] = {};
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) load_vector<kVector>(x[k] + i * size_of(dtypes[k]), dtypes[k], values[k]);
    CKMERGE_UNROLL
    for (uint32_t e = 0; e < kVector; ++e) results[e] = result({values[0][e], values[1][e], values[2][e]});
  }

  CKMERGE_INLINE float element(uint64_t i, Origins& origins) const {
    float values[3] = {};
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) {
      const unsigned char* bytes = element_at(launch, operands[k], i);
      values[k] = load_element<float>(bytes, operands[k].dtype);
      origins.take(bytes, operands[k].dtype, part.dtype, values[k]);
    }
    return result(values);
  }
};

// ---- operands and output of one dtype ----

// A thread has this many vectors of every operand in flight before it computes the first.
constexpr uint32_t kDepth = 2;

// The vectors of one block, counted from its first in 32 bits, for what the loop keeps in registers is dear.
template <typename F, Kernel kKernel, Shape kShape>
struct AlikeVectors {
  using Program = FusedProgram<kShape>;
  static constexpr uint32_t kVector = shape_of(kKernel).vector, kSize = sizeof(typename F::Code);
  static constexpr uint32_t kOperands = Program::kOperands;
  static_assert(kVector * kSize == 16);

  struct Words {
    uint32_t of[kOperands][kWordsOf<F, kVector>] = {};
  };
  const unsigned char* x[kOperands];
  unsigned char* out;
  uint32_t count, first_whole, end_whole;

  CKMERGE_INLINE AlikeVectors(const Program& program, const Launch& launch, const JobPart& part, uint32_t block) {
    const Share<kKernel> share(part, block);
    count = static_cast<uint32_t>(share.end - share.begin);
    out = launch.out + part.out + share.begin * 16 - part.shift * kSize;
    bool aligned = reinterpret_cast<uintptr_t>(out) % 16 == 0;
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) {
      x[k] = program.x[k] + static_cast<int64_t>((part.first - part.shift) * kSize + share.begin * 16);
      aligned &= reinterpret_cast<uintptr_t>(x[k]) % 16 == 0;
    }
    // Only a part's own first and last vector may be cut.
    first_whole = count > 0 && !share.is_whole(share.begin) ? 1 : 0;
    end_whole = count > 0 && !share.is_whole(share.end - 1) ? count - 1 : count;
    if (!aligned) end_whole = 0;
  }

  CKMERGE_INLINE bool is_whole(uint32_t v) const { return v >= first_whole && v < end_whole; }

  CKMERGE_INLINE void read(uint32_t v, Words& words) const {
    CKMERGE_UNROLL
    for (uint32_t k = 0; k < kOperands; ++k) read_words<16>(x[k] + v * 16, words.of[k]);
  }

  CKMERGE_INLINE bool store(const Program& program, uint32_t v, const Words& words, uint32_t& vanished) const {
    float results[kVector];
    CKMERGE_UNROLL
    for (uint32_t e = 0; e < kVector; ++e) {
      float values[3] = {};
      CKMERGE_UNROLL
      for (uint32_t k = 0; k < kOperands; ++k) values[k] = value_of<F>(code_in<F>(words.of[k], e));
      results[e] = program.result(values);
    }
    return store_vector<kVector>(out + v * 16, kDtypeOf<F>, results, vanished);
  }
};

// Stores a vector that cannot be stored whole. That is rare, so everything is computed anew from the indices, instead
// of being kept in registers.
template <Kernel kKernel, Shape kShape>
CKMERGE_COLD void store_elements_of(const Launch& launch, uint32_t index, uint32_t block, uint32_t v) {
  const Share<kKernel> share(table<JobPart>(launch, launch.parts)[index], block);
  store_elements<FusedProgram<kShape>>(launch, index, share.first_element(share.begin + v),
                                       share.end_element(share.begin + v), nullptr);
}

template <typename F, Kernel kKernel, Shape kShape>
CKMERGE_INLINE void run_alike_shape(const Launch& launch, uint32_t index, uint32_t block, uint32_t thread) {
  using Vectors = AlikeVectors<F, kKernel, kShape>;
  constexpr uint32_t kThreads = shape_of(kKernel).threads;
  const JobPart& part = table<JobPart>(launch, launch.parts)[index];
  const FusedProgram<kShape> program(launch, part, nullptr);
  const Vectors vectors(program, launch, part, block);
  static_assert(shape_of(kKernel).vectors_per_block / kThreads <= 32);
  uint32_t left = 0;  // a bit for each vector of this thread that was not stored: a call in the loop costs registers
  uint32_t vanished = 0;
  for (uint32_t round = 0; round * kThreads + thread < vectors.count; round += kDepth) {
    typename Vectors::Words words[kDepth];
    CKMERGE_UNROLL
    for (uint32_t d = 0; d < kDepth; ++d) {
      const uint32_t v = (round + d) * kThreads + thread;
      if (vectors.is_whole(v)) vectors.read(v, words[d]);
    }
    CKMERGE_UNROLL
    for (uint32_t d = 0; d < kDepth; ++d) {
      const uint32_t v = (round + d) * kThreads + thread;
      if (v < vectors.count && !(vectors.is_whole(v) && vectors.store(program, v, words[d], vanished)))
        left |= 1u << (round + d);
    }
  }
  if (vanished != 0) add_counts(launch, index, {.vanished = vanished});
  for (uint32_t v = thread; left != 0; v += kThreads, left >>= 1)
    if (left & 1) store_elements_of<kKernel, kShape>(launch, index, block, v);
}

template <typename F, Kernel kKernel>
CKMERGE_INLINE void run_alike(const Launch& launch, uint32_t block, uint32_t thread) {
  const uint32_t index = part_of_block(launch, block);
  switch (table<JobPart>(launch, launch.parts)[index].shape) {
    case Shape::convert: run_alike_shape<F, kKernel, Shape::convert>(launch, index, block, thread); break;
    case Shape::mix: run_alike_shape<F, kKernel, Shape::mix>(launch, index, block, thread); break;
    default: run_alike_shape<F, kKernel, Shape::add_scaled_difference>(launch, index, block, thread);
  }
}

// ---- of any dtypes ----

CKMERGE_INLINE void run_mixed(const Launch& launch, uint32_t block, uint32_t thread) {
  const uint32_t index = part_of_block(launch, block);
  switch (table<JobPart>(launch, launch.parts)[index].shape) {
    case Shape::convert: run_part<FusedProgram<Shape::convert>>(launch, index, block, thread, nullptr); break;
    case Shape::mix: run_part<FusedProgram<Shape::mix>>(launch, index, block, thread, nullptr); break;
    default: run_part<FusedProgram<Shape::add_scaled_difference>>(launch, index, block, thread, nullptr);
  }
}
