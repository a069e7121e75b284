// SPDX-License-Identifier: Apache-2.0
// The loops of fused.inl over formats of 16 bits, sixteen elements at a time, for the ISAs that have AVX2: what g++
// makes of the plain loop packs and unpacks in halves, which costs bf16 a third of its rate from L2. Part of
// blocks.inl.

// A bare __m256 as a template's argument loses its attributes, which compilers warn of.
struct Eight {
  __m256 values;

  friend Eight operator+(Eight x, Eight y) { return {_mm256_add_ps(x.values, y.values)}; }
  friend Eight operator-(Eight x, Eight y) { return {_mm256_sub_ps(x.values, y.values)}; }
  friend Eight operator*(Eight x, Eight y) { return {_mm256_mul_ps(x.values, y.values)}; }
};
template <>
struct WhereSame<Eight> {
  static Eight of(Eight x, Eight y, Eight then, Eight otherwise) {
    const __m256i same = _mm256_cmpeq_epi32(_mm256_castps_si256(x.values), _mm256_castps_si256(y.values));
    return {_mm256_blendv_ps(otherwise.values, then.values, _mm256_castsi256_ps(same))};
  }
};

inline Eight widen_eight(Half, const InFile<uint16_t>* codes) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)))};
}
inline Eight widen_eight(Bfloat, const InFile<uint16_t>* codes) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}

// REQUIRES: ordinary values.
inline __m256i narrow_sixteen(Half, Eight low, Eight high) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT;
  return _mm256_set_m128i(_mm256_cvtps_ph(high.values, kNearest), _mm256_cvtps_ph(low.values, kNearest));
}
inline __m256i narrow_sixteen(Bfloat, Eight low, Eight high) {
  const auto round = [](Eight x) {
    const __m256i bits = _mm256_castps_si256(x.values);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    return _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  };
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(round(low), round(high)), 0xd8);
}

template <typename F, typename Operation>
bool fused_sixteens(const void* x_at, const void* y_at, const void* z_at, void* dst, float k0, float k1, size_t n) {
  const auto* x = static_cast<const InFile<uint16_t>*>(x_at);
  const auto* y = static_cast<const InFile<uint16_t>*>(y_at);
  const auto* z = static_cast<const InFile<uint16_t>*>(z_at);
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const Eight first{_mm256_set1_ps(k0)}, second{_mm256_set1_ps(k1)};
  __m256i largest = _mm256_setzero_si256(), least = _mm256_set1_epi32(-1);
  const auto eight = [&](size_t at) {
    const Eight value =
        Operation::of(widen_eight(F{}, x + at), widen_eight(F{}, y + at), widen_eight(F{}, z + at), first, second);
    const __m256i bits = _mm256_and_si256(_mm256_castps_si256(value.values), _mm256_set1_epi32(kMagnitude));
    largest = _mm256_max_epi32(largest, bits);
    least = _mm256_min_epu32(least, _mm256_add_epi32(bits, _mm256_set1_epi32(-1)));
    return value;
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Eight low = eight(i), high = eight(i + 8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), narrow_sixteen(F{}, low, high));
  }
  const __m256i vanishing = _mm256_set1_epi32(static_cast<int>(kLargestVanishing<F> - 1));
  const __m256i wrong =
      _mm256_or_si256(_mm256_cmpgt_epi32(largest, _mm256_set1_epi32(static_cast<int>(kLargestSource<F>))),
                      _mm256_cmpeq_epi32(_mm256_min_epu32(least, vanishing), least));
  return fused_small<F, Operation>(x + i, y + i, z + i, codes + i, k0, k1, n - i) && _mm256_testz_si256(wrong, wrong);
}
