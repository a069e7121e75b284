// SPDX-License-Identifier: Apache-2.0
// The two programs that most merges are, a weighted sum of two operands and a scaled difference added to a third, in
// one loop from memory to memory, where operands and result are of one dtype. What they save are the blocks in L1
// between loads, operation and store. As in a store, a loop writes what ordinary values become and then says whether it
// was right to: the caller does the block again, instruction by instruction, where it was not. Part of blocks.inl.

// ---- over formats of 16 bits ----

template <typename F, typename Operation>
bool fused_small(const void* x_at, const void* y_at, const void* z_at, void* dst, float k0, float k1, size_t n) {
  const auto* x = static_cast<const InFile<typename F::Code>*>(x_at);
  const auto* y = static_cast<const InFile<typename F::Code>*>(y_at);
  const auto* z = static_cast<const InFile<typename F::Code>*>(z_at);
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  int32_t largest = 0;
  uint32_t least = UINT32_MAX;
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) {
    const float value = Operation::of(widen<F>(x[i]), widen<F>(y[i]), widen<F>(z[i]), k0, k1);
    largest = larger_magnitude(largest, value);
    least = smaller_beyond_zero(least, value);
    codes[i] = static_cast<typename F::Code>(narrow_ordinary<F>(value));
  }
  return is_ordinary<F>(largest) && !some_vanish<F>(least);
}

// ---- over f32 ----

template <typename Operation>
bool fused_single(const void* x_at, const void* y_at, const void* z_at, void* dst, float k0, float k1, size_t n) {
  const auto* x = static_cast<const InFile<float>*>(x_at);
  const auto* y = static_cast<const InFile<float>*>(y_at);
  const auto* z = static_cast<const InFile<float>*>(z_at);
  auto* __restrict__ values = static_cast<InFile<float>*>(dst);
  constexpr uint32_t kStep = Single::kSign - Single::kInf;  // as in store_ordinary_wide
  uint32_t carries = 0;
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) {
    const float value = Operation::of(x[i], y[i], z[i], k0, k1);
    carries |= (bits_of(value) & kMagnitude) + kStep;
    values[i] = value;
  }
  return !(carries & Single::kSign);
}
