// SPDX-License-Identifier: Apache-2.0
// f16 by the conversions of AArch64, which round to nearest even unless FPCR says otherwise. Part of blocks.inl.

void load_halves(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<uint16_t>*>(src);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    uint16x4_t four;
    __builtin_memcpy(&four, codes + i, sizeof(four));
    vst1q_f32(dst + i, vcvt_f32_f16(vreinterpret_f16_u16(four)));
  }
  load_small<Half>(codes + i, dst + i, n - i);
}

bool store_ordinary_halves(const float* src, void* dst, size_t n, uint32_t& vanished) {
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const float32x4_t largest = vdupq_n_f32(float_of(kLargestSource<Half>));
  const float32x4_t vanishing = vdupq_n_f32(float_of(kLargestVanishing<Half>)), zero = vdupq_n_f32(0);
  uint32x4_t ordinary = vdupq_n_u32(UINT32_MAX), gone = vdupq_n_u32(0);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const float32x4_t x = vld1q_f32(src + i);
    ordinary = vandq_u32(ordinary, vcaleq_f32(x, largest));
    gone = vsubq_u32(gone, vbicq_u32(vcaleq_f32(x, vanishing), vceqq_f32(x, zero)));
    const uint16x4_t four = vreinterpret_u16_f16(vcvt_f16_f32(x));
    __builtin_memcpy(codes + i, &four, sizeof(four));
  }
  vanished += vaddvq_u32(gone);
  return store_ordinary<Half>(src + i, codes + i, n - i, vanished) && vminvq_u32(ordinary) != 0;
}
