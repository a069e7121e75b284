// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/orders/draw_states.h"
#include "core/orders/order_source.h"

namespace ckmerge {
namespace {

class DrawSource final : public OrderSource {
 public:
  explicit DrawSource(std::shared_ptr<DrawStates> states) : states_(std::move(states)) {}

  Dtype dtype() const override { return Dtype::F32; }

  // A range may begin and end within a number.
  void read(const OrderedTensor& tensor, uint64_t begin, std::span<std::byte> out) override {
    const uint64_t first = begin / sizeof(float), end = (begin + out.size() + sizeof(float) - 1) / sizeof(float);
    std::vector<float> numbers(end - first);
    states_->draw(tensor.drawn_before + first, numbers);
    std::memcpy(out.data(), std::as_bytes(std::span(numbers)).data() + begin % sizeof(float), out.size());
  }

  // What a reader holds is as large as its window, which is counted with the tiles.
  uint64_t memory(const OrderedTensor& /*tensor*/) const override { return states_->memory(); }

 private:
  const std::shared_ptr<DrawStates> states_;
};

}  // namespace

std::unique_ptr<OrderSource> draw_source(std::shared_ptr<DrawStates> states) {
  return std::make_unique<DrawSource>(std::move(states));
}

}  // namespace ckmerge
