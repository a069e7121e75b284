// SPDX-License-Identifier: Apache-2.0
// Orders and sequences by themselves: against the standard library's.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "core/orders/draw_states.h"
#include "core/orders/magnitude_ranks.h"
#include "core/orders/mersenne_twister.h"
#include "core/orders/torch_order.h"

using namespace ckmerge;

namespace {

template <typename Key>
void check_ranks(const std::vector<Key>& keys, KeySorter<Key>& sorter) {
  std::vector<uint32_t> order(keys.size()), right(keys.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::ranges::stable_sort(order, {}, [&](uint32_t i) { return keys[i]; });
  for (uint32_t rank = 0; rank < order.size(); ++rank) right[order[rank]] = rank;
  CHECK(std::ranges::equal(sorter.ranks(keys), right));
}

template <typename Key>
void check_sorter() {
  KeySorter<Key> sorter;
  std::mt19937_64 random(7);
  for (const size_t count : {0u, 1u, 2u, 17u, 127u, 128u, 129u, 4096u, 70'001u})
    for (const Key distinct : {Key{1}, Key{3}, Key{1} << 12, std::numeric_limits<Key>::max() / 2}) {
      std::vector<Key> keys(count);
      for (Key& key : keys) key = static_cast<Key>(random()) % distinct;
      CAPTURE(count);
      check_ranks(keys, sorter);
    }
}

}  // namespace

TEST_CASE("ranks are those of a stable sort, whatever was sorted before") {
  check_sorter<uint32_t>();
  check_sorter<uint64_t>();
}

TEST_CASE("the generator is MT19937, also where it is passed over") {
  for (const uint32_t seed : {0u, 1u, 5489u, 0xffffffffu}) {
    std::mt19937 right(seed);
    MersenneTwister generator(seed);
    for (const size_t count : {1u, 623u, 624u, 5u, 2000u}) {
      std::vector<uint32_t> words(count);
      generator.fill(words);
      CHECK(std::ranges::all_of(words, [&](uint32_t word) { return word == right(); }));
      generator.skip(3 * count + 1);
      right.discard(3 * count + 1);
    }
  }
}

TEST_CASE("numbers of a sequence are drawn from any place, by many threads") {
  constexpr uint64_t kCount = 3'000'000;
  std::mt19937 right(9);
  std::vector<float> all(kCount);
  for (float& number : all) number = static_cast<float>(right() & 0xffffff) / 16777216.0F;
  DrawStates states((uint64_t{1} << 32) + 9, kCount);  // torch seeds with the lower bits
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t k = 0; k < wrong.size(); ++k)
    threads.emplace_back([&, k] {
      std::minstd_rand random(static_cast<unsigned>(k) + 1);
      for (int i = 0; i < 30; ++i) {
        const uint64_t first = random() % (kCount - 70'000), count = random() % 70'000;
        std::vector<float> out(count);
        states.draw(first, out);
        wrong[k] += !std::equal(out.begin(), out.end(), all.begin() + static_cast<ptrdiff_t>(first));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
  CHECK(states.memory() < 500'000);
  CHECK(DrawStates(0, uint64_t{1} << 40).memory() < 25'000'000);
}

// What torch 2.15 gave on a CPU: torch.argsort(torch.tensor([i * 7 % 3 for i in range(20)])), and descending.
TEST_CASE("equal magnitudes are in torch's order") {
  std::vector<KeyedIndex<uint32_t>> keys(20);
  const auto indices = [&](bool descending) {
    for (uint32_t i = 0; i < 20; ++i) keys[i] = {i * 7 % 3, i};
    sort_as_torch(std::span<KeyedIndex<uint32_t>>(keys), descending, {});
    std::vector<uint32_t> out;
    for (const KeyedIndex<uint32_t>& key : keys) out.push_back(key.index);
    return out;
  };
  CHECK(indices(false) == std::vector<uint32_t>{18, 3, 15, 6, 12, 9, 0, 10, 19, 16, 13, 7, 4, 1, 11, 8, 14, 5, 17, 2});
  CHECK(indices(true) == std::vector<uint32_t>{2, 17, 5, 14, 8, 11, 10, 19, 16, 13, 7, 4, 1, 0, 9, 12, 6, 15, 3, 18});
}
