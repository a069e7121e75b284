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
  const __m256 vanishing = _mm256_set1_ps(float_of(kLargestVanishing<Half>)), zero = _mm256_setzero_ps();
  __m256 special = zero;
  __m256i gone = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = _mm256_loadu_ps(src + i);
    const __m256 y = _mm256_and_ps(x, magnitude);
    special = _mm256_or_ps(special, _mm256_cmp_ps(y, largest, _CMP_NLE_UQ));
    gone = _mm256_sub_epi32(gone, _mm256_castps_si256(_mm256_and_ps(_mm256_cmp_ps(y, vanishing, _CMP_LE_OQ),
                                                                    _mm256_cmp_ps(y, zero, _CMP_NEQ_OQ))));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  uint32_t lanes[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), gone);
  for (const uint32_t lane : lanes) vanished += lane;
  return store_ordinary<Half>(src + i, codes + i, n - i, vanished) && !_mm256_movemask_ps(special);
}
