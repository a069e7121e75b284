// SPDX-License-Identifier: Apache-2.0
// f16 by the F16C instructions, for the ISAs that have them: ten times as fast as the integer arithmetic of
// small_floats.inl, which does the last few elements. Rounding is given in the instruction, so the mode in MXCSR does
// not matter. Part of blocks.inl.

void load_halves(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<uint16_t>*>(src);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i))));
  load_small<Half>(codes + i, dst + i, n - i);
}

bool store_ordinary_halves(const float* src, void* dst, size_t n, uint32_t& vanished) {
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const __m256 magnitude = _mm256_set1_ps(float_of(kMagnitude));
  const __m256 largest = _mm256_set1_ps(float_of(kLargestSource<Half>));
  __m256 special = _mm256_setzero_ps();
  __m256i least = _mm256_set1_epi32(-1);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = _mm256_loadu_ps(src + i);
    const __m256 y = _mm256_and_ps(x, magnitude);
    special = _mm256_or_ps(special, _mm256_cmp_ps(y, largest, _CMP_NLE_UQ));
    least = _mm256_min_epu32(least, _mm256_add_epi32(_mm256_castps_si256(y), _mm256_set1_epi32(-1)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  const __m256i vanishing = _mm256_set1_epi32(static_cast<int>(kLargestVanishing<Half> - 1));
  if (_mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_min_epu32(least, vanishing), least)) != 0)
    vanished += count_vanishing<Half>(src, i);
  return store_ordinary<Half>(src + i, codes + i, n - i, vanished) && !_mm256_movemask_ps(special);
}
