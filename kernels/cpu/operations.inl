// SPDX-License-Identifier: Apache-2.0
// Block operations: a loop for each, and those of kernels/elementwise.h. Part of blocks.inl.
#include "kernels/cpu/elementwise.inl"

template <typename T>
void zero(T* dst, const T*, const T*, const T*, T, T, size_t n) {
  for (size_t i = 0; i < n; ++i) dst[i] = 0;
}
template <typename T>
void scale(T* dst, const T* x, const T*, const T*, T k0, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = k0 * x[i];
}
template <typename T>
void add(T* dst, const T* x, const T* y, const T*, T, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = x[i] + y[i];
}
template <typename T>
void subtract(T* dst, const T* x, const T* y, const T*, T, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = x[i] - y[i];
}
template <typename T>
void mix(T* dst, const T* x, const T* y, const T*, T k0, T k1, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = k0 * x[i] + k1 * y[i];
}
template <typename T>
void add_scaled(T* dst, const T* x, const T* y, const T*, T k0, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = x[i] + k0 * y[i];
}
template <typename T>
void add_scaled_difference(T* dst, const T* x, const T* y, const T* z, T k0, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = x[i] + k0 * (y[i] - z[i]);
}

// ---- equal stays equal: operands that hold the same bits ----

template <typename T>
struct BitsOf {
  using Type = uint32_t;
};
template <>
struct BitsOf<double> {
  using Type = uint64_t;
};
template <typename T>
inline bool same_bits(T x, T y) {
  return __builtin_bit_cast(typename BitsOf<T>::Type, x) == __builtin_bit_cast(typename BitsOf<T>::Type, y);
}

// `then` where x and y are the same bits; specialised for vectors, element by element.
template <typename V>
struct WhereSame {
  static V of(V x, V y, V then, V otherwise) { return same_bits(x, y) ? then : otherwise; }
};

// What an element becomes, of one value or of a vector of them.
struct MixOrEqual {
  template <typename V>
  static V of(V x, V y, V, V k0, V k1) {
    return WhereSame<V>::of(x, y, x, k0 * x + k1 * y);
  }
};
struct MoveOrEqual {
  template <typename V>
  static V of(V x, V y, V z, V k0, V) {
    const V moved = x + k0 * (y - z);
    return WhereSame<V>::of(x, y, WhereSame<V>::of(x, z, x, moved), moved);
  }
};

template <typename T>
void agree(T* dst, const T* x, const T* y, const T*, T, T, size_t n) {
  constexpr T kNan = static_cast<T>(__builtin_nanf(""));
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = same_bits(x[i], y[i]) ? x[i] : kNan;
}
template <typename T>
void agreed_or(T* dst, const T* x, const T* y, const T*, T, T, size_t n) {
  CKMERGE_INDEPENDENT
  // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
  for (size_t i = 0; i < n; ++i) dst[i] = x[i] == x[i] ? x[i] : y[i];
}
template <typename T>
void agree_or_mix(T* dst, const T* x, const T* y, const T*, T k0, T k1, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = MixOrEqual::of(x[i], y[i], x[i], k0, k1);
}
template <typename T>
void agree_or_add_scaled_difference(T* dst, const T* x, const T* y, const T* z, T k0, T k1, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = MoveOrEqual::of(x[i], y[i], z[i], k0, k1);
}

// ---- the table ----

template <typename T>
constexpr void add_operations(OpFunction<T> (&table)[kOpCount]) {
  add_elementwise(table);
  const auto at = [&](Op op) -> OpFunction<T>& { return table[static_cast<size_t>(op)]; };
  at(Op::zero) = zero, at(Op::constant) = constant, at(Op::scale) = scale;
  at(Op::add) = add, at(Op::subtract) = subtract, at(Op::mix) = mix;
  at(Op::add_scaled) = add_scaled, at(Op::add_scaled_difference) = add_scaled_difference;
  at(Op::agree) = agree, at(Op::agreed_or) = agreed_or;
  at(Op::agree_or_mix) = agree_or_mix, at(Op::agree_or_add_scaled_difference) = agree_or_add_scaled_difference;
}
