// SPDX-License-Identifier: Apache-2.0
// f16 by the conversions of AArch64, which round to nearest even unless FPCR says otherwise. Part of blocks.inl.

void load_f16(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<uint16_t>*>(src);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    uint16x4_t four;
    __builtin_memcpy(&four, codes + i, sizeof(four));
    vst1q_f32(dst + i, vcvt_f32_f16(vreinterpret_f16_u16(four)));
  }
  for (; i < n; ++i) dst[i] = widen<Half>(codes[i]);
}

void store_f16(const float* src, void* dst, size_t n, StoreCounts* counts) {
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const float32x4_t nan = vdupq_n_f32(float_of(kNanBits)), largest = vdupq_n_f32(float_of(kLargestSource<Half>));
  uint32x4_t large = vdupq_n_u32(0);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const float32x4_t x = vld1q_f32(src + i);
    const float32x4_t canonical = vbslq_f32(vceqq_f32(x, x), x, nan);
    large = vorrq_u32(large, vcagtq_f32(x, largest));
    const uint16x4_t four = vreinterpret_u16_f16(vcvt_f16_f32(canonical));
    __builtin_memcpy(codes + i, &four, sizeof(four));
  }
  if (vmaxvq_u32(large)) count_large<Half>(src, i, counts);
  store_small<Half>(src + i, codes + i, n - i, counts);
}
