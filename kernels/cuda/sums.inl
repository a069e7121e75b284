// SPDX-License-Identifier: Apache-2.0
// Sums of products on a device: sixteen threads for a sum's sixteen lanes, each in the order of its elements, so that
// the bits are the CPU's. The additions of a lane wait for each other and a tile has few sums, so nothing but their own
// latency may be waited for: elements are read long before they are added. Included after tile_threads.inl.

// Rows are the sixteen elements, one for each lane, that lie side by side; a lane reads this many ahead.
template <typename F>
constexpr uint32_t kRows = sizeof(typename F::Code) == 8 ? 16 : 32;

// One lane's elements of two contiguous operands.
template <typename F>
struct LaneRows {
  using Code = typename F::Code;
  Code x[kRows<F>], y[kRows<F>];

  CKMERGE_INLINE void read(const Code* from_x, const Code* from_y) {
    CKMERGE_UNROLL
    for (uint32_t r = 0; r < kRows<F>; ++r) x[r] = from_x[r * kLanes], y[r] = from_y[r * kLanes];
  }
  CKMERGE_INLINE double add_to(double added) const {
    CKMERGE_UNROLL
    for (uint32_t r = 0; r < kRows<F>; ++r)
      added += static_cast<double>(value_of<F>(x[r])) * static_cast<double>(value_of<F>(y[r]));
    return added;
  }
};

// Products of as many whole sets of rows as `count` elements have, of which this lane's are every kLanes-th; `i` goes
// on behind them. REQUIRES: x and y are aligned to their elements.
template <typename F>
CKMERGE_INLINE double add_rows(const unsigned char* x, const unsigned char* y, uint64_t& i, uint64_t count,
                               double added) {
  using Code = typename F::Code;
  constexpr uint64_t kStep = kRows<F> * kLanes;
  const Code *from_x = reinterpret_cast<const Code*>(x) + i, *from_y = reinterpret_cast<const Code*>(y) + i;
  const uint64_t sets = count > i ? (count - i + kLanes - 1) / kLanes / kRows<F> : 0;
  i += sets * kStep;
  if (sets == 0) return added;
  LaneRows<F> rows, next;
  rows.read(from_x, from_y);
  for (uint64_t set = 1; set < sets; ++set, rows = next) {
    next.read(from_x + set * kStep, from_y + set * kStep);
    added = rows.add_to(added);
  }
  return rows.add_to(added);
}

// The products that can be read ahead: of contiguous operands of one dtype, as compute dtype T has them.
template <typename T>
CKMERGE_INLINE double add_alike(const Launch& launch, const JobOperand& x, const JobOperand& y, const JobSum& sum,
                                uint64_t& i, double added) {
  const unsigned char *at_x = element_at(launch, x, sum.first), *at_y = element_at(launch, y, sum.first);
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(at_x) | reinterpret_cast<uintptr_t>(at_y);
  if (x.dtype != y.dtype || x.inner != UINT64_MAX || y.inner != UINT64_MAX || addresses % size_of(x.dtype) != 0)
    return added;
  if constexpr (sizeof(T) == sizeof(double)) {
    if (x.dtype == Dtype::F64) return add_rows<Double>(at_x, at_y, i, sum.count, added);
  } else {
    switch (x.dtype) {
      case Dtype::F8_E5M2: return add_rows<E5m2>(at_x, at_y, i, sum.count, added);
      case Dtype::F8_E4M3: return add_rows<E4m3>(at_x, at_y, i, sum.count, added);
      case Dtype::F16: return add_rows<Half>(at_x, at_y, i, sum.count, added);
      case Dtype::BF16: return add_rows<Bfloat>(at_x, at_y, i, sum.count, added);
      case Dtype::F32: return add_rows<Single>(at_x, at_y, i, sum.count, added);
      default: break;
    }
  }
  return added;
}

// One lane of one sum.
template <typename T>
CKMERGE_INLINE void run_sum(const Launch& launch, uint32_t index, uint32_t lane) {
  const JobSum& sum = table<JobSum>(launch, launch.parts)[index];
  const JobOperand& x = table<JobOperand>(launch, launch.operands)[sum.x];
  const JobOperand& y = table<JobOperand>(launch, launch.operands)[sum.y];
  double* total = reinterpret_cast<double*>(launch.in + sum.lanes) + lane;
  uint64_t i = (lane + kLanes - sum.index % kLanes) % kLanes;
  double added = add_alike<T>(launch, x, y, sum, i, *total);
  for (; i < sum.count; i += kLanes)
    added += static_cast<double>(load_element<T>(element_at(launch, x, sum.first + i), x.dtype)) *
             static_cast<double>(load_element<T>(element_at(launch, y, sum.first + i), y.dtype));
  *total = added;
}
