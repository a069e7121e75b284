// SPDX-License-Identifier: Apache-2.0
// The loops of fused.inl over f16 by the conversions of AArch64, four elements at a time. Part of blocks.inl.

template <>
struct WhereSame<float32x4_t> {
  static float32x4_t of(float32x4_t x, float32x4_t y, float32x4_t then, float32x4_t otherwise) {
    return vbslq_f32(vceqq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y)), then, otherwise);
  }
};

template <typename Operation>
bool fused_halves(const void* x_at, const void* y_at, const void* z_at, void* dst, float k0, float k1, size_t n) {
  const auto* x = static_cast<const InFile<uint16_t>*>(x_at);
  const auto* y = static_cast<const InFile<uint16_t>*>(y_at);
  const auto* z = static_cast<const InFile<uint16_t>*>(z_at);
  auto* codes = static_cast<InFile<uint16_t>*>(dst);
  const auto four = [](const InFile<uint16_t>* at) {
    uint16x4_t bits;
    __builtin_memcpy(&bits, at, sizeof(bits));
    return vcvt_f32_f16(vreinterpret_f16_u16(bits));
  };
  const float32x4_t first = vdupq_n_f32(k0), second = vdupq_n_f32(k1);
  uint32x4_t largest = vdupq_n_u32(0), least = vdupq_n_u32(UINT32_MAX);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const float32x4_t value = Operation::of(four(x + i), four(y + i), four(z + i), first, second);
    const uint32x4_t bits = vandq_u32(vreinterpretq_u32_f32(value), vdupq_n_u32(kMagnitude));
    largest = vmaxq_u32(largest, bits);
    least = vminq_u32(least, vsubq_u32(bits, vdupq_n_u32(1)));
    const uint16x4_t stored = vreinterpret_u16_f16(vcvt_f16_f32(value));
    __builtin_memcpy(codes + i, &stored, sizeof(stored));
  }
  return fused_small<Half, Operation>(x + i, y + i, z + i, codes + i, k0, k1, n - i) &&
         is_ordinary<Half>(static_cast<int32_t>(vmaxvq_u32(largest))) && !some_vanish<Half>(vminvq_u32(least));
}
