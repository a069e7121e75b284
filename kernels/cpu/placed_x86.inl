// SPDX-License-Identifier: Apache-2.0
// Philox by AVX2, four counters at a time, and by AVX-512, eight: compilers make no vector code of its products of 32
// by 32 bits. Part of blocks.inl.

#if defined(__AVX512F__)
struct Wide {
  using Bits = __m512i;
  static constexpr size_t kCounters = 8;
  static Bits all(uint64_t word) { return _mm512_set1_epi64(static_cast<int64_t>(word)); }
  static Bits counters(uint64_t first) {
    return _mm512_add_epi64(all(first), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Bits add(Bits x, Bits y) { return _mm512_add_epi64(x, y); }
  static Bits product(Bits x, Bits y) { return _mm512_mul_epu32(x, y); }
  static Bits upper(Bits x) { return _mm512_srli_epi64(x, 32); }
  static Bits differ(Bits x, Bits y, Bits z) { return _mm512_ternarylogic_epi64(x, y, z, 0x96); }
  static Bits paired(Bits x, Bits y) { return _mm512_mask_blend_epi32(0xaaaa, x, _mm512_slli_epi64(y, 32)); }
  // first: a and b of every counter; last: c and d.
  template <typename Store>
  static void in_order(Bits first, Bits last, const Store& store) {
    const Bits even = _mm512_unpacklo_epi64(first, last), odd = _mm512_unpackhi_epi64(first, last);
    store(0, _mm512_permutex2var_epi64(even, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), odd));
    store(16, _mm512_permutex2var_epi64(even, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), odd));
  }
  static void store(uint32_t* dst, Bits words) { _mm512_storeu_si512(dst, words); }
  static void store(float* dst, Bits words) {
    const __m512 values = _mm512_cvtepi32_ps(_mm512_srli_epi32(words, 8));
    _mm512_storeu_ps(dst, _mm512_mul_ps(values, _mm512_set1_ps(0x1p-24f)));
  }
  static void store(double* dst, Bits words) {
    const Bits whole = _mm512_srli_epi32(words, 8);
    const __m512d unit = _mm512_set1_pd(0x1p-24);
    _mm512_storeu_pd(dst, _mm512_mul_pd(_mm512_cvtepi32_pd(_mm512_castsi512_si256(whole)), unit));
    _mm512_storeu_pd(dst + 8, _mm512_mul_pd(_mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(whole, 1)), unit));
  }
};
#else
struct Wide {
  using Bits = __m256i;
  static constexpr size_t kCounters = 4;
  static Bits all(uint64_t word) { return _mm256_set1_epi64x(static_cast<int64_t>(word)); }
  static Bits counters(uint64_t first) { return _mm256_add_epi64(all(first), _mm256_setr_epi64x(0, 1, 2, 3)); }
  static Bits add(Bits x, Bits y) { return _mm256_add_epi64(x, y); }
  static Bits product(Bits x, Bits y) { return _mm256_mul_epu32(x, y); }
  static Bits upper(Bits x) { return _mm256_srli_epi64(x, 32); }
  static Bits differ(Bits x, Bits y, Bits z) { return _mm256_xor_si256(x, _mm256_xor_si256(y, z)); }
  static Bits paired(Bits x, Bits y) { return _mm256_blend_epi32(x, _mm256_slli_epi64(y, 32), 0xaa); }
  template <typename Store>
  static void in_order(Bits first, Bits last, const Store& store) {
    const Bits even = _mm256_unpacklo_epi64(first, last), odd = _mm256_unpackhi_epi64(first, last);
    store(0, _mm256_permute2x128_si256(even, odd, 0x20));
    store(8, _mm256_permute2x128_si256(even, odd, 0x31));
  }
  static void store(uint32_t* dst, Bits words) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst), words); }
  static void store(float* dst, Bits words) {
    const __m256 values = _mm256_cvtepi32_ps(_mm256_srli_epi32(words, 8));
    _mm256_storeu_ps(dst, _mm256_mul_ps(values, _mm256_set1_ps(0x1p-24f)));
  }
  static void store(double* dst, Bits words) {
    const Bits whole = _mm256_srli_epi32(words, 8);
    const __m256d unit = _mm256_set1_pd(0x1p-24);
    _mm256_storeu_pd(dst, _mm256_mul_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(whole)), unit));
    _mm256_storeu_pd(dst + 4, _mm256_mul_pd(_mm256_cvtepi32_pd(_mm256_extracti128_si256(whole, 1)), unit));
  }
};
#endif

// A word of every counter in the lower half of each 64 bits; what stands in the upper halves does not count.
struct WideWords {
  Wide::Bits a, b, c, d;
};

template <int kRounds>
inline WideWords rounds_of(WideWords at, uint32_t low, uint32_t high) {
  if constexpr (kRounds == 0) {
    return at;
  } else {
    const Wide::Bits x = Wide::product(Wide::all(kFirstFactor), at.a),
                     y = Wide::product(Wide::all(kSecondFactor), at.c);
    const WideWords next = {Wide::differ(Wide::upper(y), at.b, Wide::all(low)), y,
                            Wide::differ(Wide::upper(x), at.d, Wide::all(high)), x};
    return rounds_of<kRounds - 1>(next, low + kLowStep, high + kHighStep);
  }
}

// The words of as many counters as fill whole registers. REQUIRES: index is a multiple of 4. Returns how many words.
template <typename T>
size_t uniform_by_registers(T* dst, uint64_t key, uint64_t index, size_t n) {
  constexpr size_t kWords = 4 * Wide::kCounters;
  const auto low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  Wide::Bits counters = Wide::counters(index / 4);
  size_t i = 0;
  for (; i + kWords <= n; i += kWords, counters = Wide::add(counters, Wide::all(Wide::kCounters))) {
    const WideWords words =
        rounds_of<kPhiloxRounds>({counters, Wide::upper(counters), Wide::all(0), Wide::all(0)}, low, high);
    Wide::in_order(Wide::paired(words.a, words.b), Wide::paired(words.c, words.d),
                   [&](size_t at, Wide::Bits eight) { Wide::store(dst + i + at, eight); });
  }
  return i;
}
