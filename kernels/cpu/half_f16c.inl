// SPDX-License-Identifier: Apache-2.0
// f16 by the F16C instructions, for the ISAs that have them. The integer arithmetic of small_floats.inl reaches half of
// their speed. Rounding is given in the instruction, so the mode in MXCSR does not matter. Part of blocks.inl.

void load_f16(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<uint16_t>*>(src);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i))));
  for (; i < n; ++i) dst[i] = widen<Half>(codes[i]);
}

void store_f16(const float* src, void* dst, size_t n, StoreCounts* counts) {
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const __m256 nan = _mm256_set1_ps(float_of(kNanBits)), magnitude = _mm256_set1_ps(float_of(kMagnitude));
  const __m256 largest = _mm256_set1_ps(float_of(kLargestSource<Half>));
  __m256 large = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = _mm256_loadu_ps(src + i);
    const __m256 canonical = _mm256_blendv_ps(x, nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    large = _mm256_or_ps(large, _mm256_cmp_ps(_mm256_and_ps(x, magnitude), largest, _CMP_GT_OQ));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm256_cvtps_ph(canonical, _MM_FROUND_TO_NEAREST_INT));
  }
  if (_mm256_movemask_ps(large)) count_large<Half>(src, i, counts);
  store_small<Half>(src + i, codes + i, n - i, counts);
}
