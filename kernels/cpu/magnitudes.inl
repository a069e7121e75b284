// SPDX-License-Identifier: Apache-2.0
// Loops over keys of magnitudes (kernels/magnitudes.inl). Part of blocks.inl.

template <typename T>
uint64_t within(const T* x, size_t n, uint64_t low, uint64_t high) {
  using Key = typename MagnitudeKey<T>::Type;
  const auto from = static_cast<Key>(low), span = static_cast<Key>(high - low);
  Key count = 0;
  for (size_t i = 0; i < n; ++i) count += static_cast<Key>(magnitude_key(x[i]) - from) <= span;
  return count;
}

template <typename T>
uint64_t largest(const T* x, size_t n) {
  typename MagnitudeKey<T>::Type largest = 0;
  for (size_t i = 0; i < n; ++i) largest = magnitude_key(x[i]) > largest ? magnitude_key(x[i]) : largest;
  return largest;
}

// The first digit, which all keys have. Neighbours are counted in tables of their own: weights have few digits, and a
// CPU that counts one twice in a row would wait for its own store.
template <typename Key>
void count_first_digits(const Key* keys, size_t n, unsigned shift, uint32_t* tables, size_t apart) {
  static_assert(kDigitTables == 4);
  size_t i = 0;
  for (; i + kDigitTables <= n; i += kDigitTables) {
    ++tables[keys[i] >> shift];
    ++tables[apart + (keys[i + 1] >> shift)];
    ++tables[2 * apart + (keys[i + 2] >> shift)];
    ++tables[3 * apart + (keys[i + 3] >> shift)];
  }
  for (; i < n; ++i) ++tables[keys[i] >> shift];
}

// A later one, which few keys have: whether any of some has it is asked first.
template <typename Key>
void count_later_digits(const Key* keys, size_t n, unsigned shift, unsigned bits, Key above, uint32_t* tables,
                        size_t apart) {
  constexpr size_t kAtOnce = 32;
  const Key mask = (Key{1} << bits) - 1;
  const unsigned upper = shift + bits;
  for (size_t begin = 0; begin < n; begin += kAtOnce) {
    const size_t end = n - begin < kAtOnce ? n : begin + kAtOnce;
    Key any = 0;
    for (size_t i = begin; i < end; ++i) any |= keys[i] >> upper == above ? Key{1} : Key{0};
    if (any == 0) continue;
    for (size_t i = begin; i < end; ++i)
      if (keys[i] >> upper == above) ++tables[i % kDigitTables * apart + (keys[i] >> shift & mask)];
  }
}

template <typename T>
void digits(const T* x, size_t n, unsigned shift, unsigned bits, uint64_t above, uint32_t* tables, size_t apart) {
  using Key = typename MagnitudeKey<T>::Type;
  constexpr unsigned kKeyBits = 8 * sizeof(Key) - 1;
  Key keys[kBlockElements];
  for (size_t i = 0; i < n; ++i) keys[i] = magnitude_key(x[i]);
  if (shift + bits == kKeyBits)
    count_first_digits(keys, n, shift, tables, apart);
  else
    count_later_digits(keys, n, shift, bits, static_cast<Key>(above), tables, apart);
}
