// SPDX-License-Identifier: Apache-2.0
// Which modules stay in memory, and what becomes of one that cannot be opened.
#include "core/adapters/prepared_modules.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

using namespace ckmerge;

namespace {

class OfSize : public ModuleChange {
 public:
  explicit OfSize(uint64_t size) : size_(size) {}
  void apply(uint64_t /*first*/, uint64_t /*count*/, std::span<float> /*weight*/) const override {}
  uint64_t memory() const override { return size_; }

 private:
  uint64_t size_;
};

}  // namespace

TEST_CASE("modules that nobody uses are kept as far as there is room, the last one always") {
  PreparedModules modules(250);
  std::vector<int> opened(4);
  for (size_t k = 0; k < opened.size(); ++k)
    modules.add([&opened, k] {
      ++opened[k];
      return std::make_unique<OfSize>(k == 3 ? 1000 : 100);
    });
  for (const size_t k : {0, 1, 0, 1}) modules.get(k);
  CHECK(opened == std::vector<int>{1, 1, 0, 0});  // both fit
  for (const size_t k : {2, 3, 3}) modules.get(k);
  CHECK(opened == std::vector<int>{1, 1, 1, 1});
  modules.get(0);  // given up for the others
  CHECK(opened[0] == 2);
  const std::shared_ptr<const ModuleChange> used = modules.get(1);
  const int before = opened[1];
  for (const size_t k : {3, 2, 0, 3}) modules.get(k);
  CHECK(modules.get(1) == used);  // what is used is not opened again
  CHECK(opened[1] == before);
}

TEST_CASE("a module that cannot be opened is tried again") {
  PreparedModules modules(0);
  bool fails = true;
  const size_t module = modules.add([&]() -> std::unique_ptr<ModuleChange> {
    if (fails) throw std::runtime_error("not now");
    return std::make_unique<OfSize>(1);
  });
  CHECK_THROWS_AS(modules.get(module), std::runtime_error);
  fails = false;
  CHECK(modules.get(module)->memory() == 1);
}
