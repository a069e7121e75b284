// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/made_adapter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "io/checkpoint.h"

namespace ckmerge {
namespace {

// What stands behind a module's name: the factor on the left, on the right, and its alpha.
constexpr std::array<const char*, 3> kKohyaNames{".lora_up.weight", ".lora_down.weight", ".alpha"};
constexpr std::array<const char*, 2> kPeftNames{".lora_B.weight", ".lora_A.weight"};

std::span<const char* const> factor_names(AdapterSpelling spelling) {
  if (spelling == AdapterSpelling::kohya) return kKohyaNames;
  return kPeftNames;
}

constexpr int kDone = 0;

}  // namespace

FactorPair balanced_factors(const Svd& svd, uint64_t rank) {
  FactorPair out;
  const uint64_t rows = svd.left.columns, columns = svd.right.columns;
  out.up.resize(rows * rank);
  out.down.resize(rank * columns);
  for (uint64_t k = 0; k < std::min<uint64_t>(rank, svd.values.size()); ++k) {
    const double root = std::sqrt(svd.values[k]);
    for (uint64_t i = 0; i < rows; ++i) out.up[i * rank + k] = static_cast<float>(root * svd.left.row(k)[i]);
    for (uint64_t j = 0; j < columns; ++j) out.down[k * columns + j] = static_cast<float>(root * svd.right.row(k)[j]);
  }
  out.energy = svd.energy;
  out.kept = svd.kept(rank);
  return out;
}

struct MadeAdapter::State {
  struct Slot {
    std::shared_ptr<const FactorPair> factors;
    uint64_t unread = 0;  // bytes
    bool in_work = false;
    ModuleEnergy energy;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Slot> slots;  // by module
  unsigned free = 1;        // modules that may be made besides

  // Takes the right to make module k, or what somebody else has made.
  std::shared_ptr<const FactorPair> taken(size_t k) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return slots[k].factors || (!slots[k].in_work && free > 0); });
    if (slots[k].factors) return slots[k].factors;
    slots[k].in_work = true;
    --free;
    return nullptr;
  }

  void give(size_t k, std::shared_ptr<const FactorPair> made) {
    const std::lock_guard lock(mutex);
    Slot& slot = slots[k];
    slot.in_work = false;
    ++free;
    if (made) {
      slot.unread = (made->up.size() + made->down.size()) * sizeof(float);
      slot.energy = {made->energy, made->kept};
      slot.factors = std::move(made);
    }
    changed.notify_all();
  }

  // Whoever reads the last of a module lets it go.
  void count_read(size_t k, uint64_t size) {
    const std::lock_guard lock(mutex);
    Slot& slot = slots[k];
    slot.unread -= std::min(slot.unread, size);
    if (slot.unread == 0) slot.factors.reset();
  }
};

MadeAdapter::MadeAdapter(std::vector<MadeModule> modules, AdapterSpelling spelling, unsigned threads)
    : modules_(std::move(modules)), spelling_(spelling), state_(std::make_unique<State>()) {
  state_->slots.resize(modules_.size());
  state_->free = std::max(threads, 1U);
}

MadeAdapter::~MadeAdapter() = default;

int MadeAdapter::read(size_t tensor, uint64_t offset, std::span<std::byte> out) const {
  const size_t names = factor_names(spelling_).size(), k = tensor / names, which = tensor % names;
  const MadeModule& module = modules_[k];
  if (which == 2) {
    const auto alpha = static_cast<float>(module.rank());
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(&alpha) + offset, out.size());
    return kDone;
  }
  std::shared_ptr<const FactorPair> factors = state_->taken(k);
  if (!factors) {
    try {
      factors = std::make_shared<const FactorPair>(module.make());
    } catch (...) {
      state_->give(k, nullptr);
      throw;
    }
    state_->give(k, factors);
  }
  const std::vector<float>& values = which == 0 ? factors->up : factors->down;
  std::memcpy(out.data(), reinterpret_cast<const std::byte*>(values.data()) + offset, out.size());
  state_->count_read(k, out.size());
  return kDone;
}

Checkpoint MadeAdapter::checkpoint() const {
  std::vector<std::string> names;
  std::vector<MemoryTensor> tensors;
  const std::span<const char* const> factors = factor_names(spelling_);
  for (const MadeModule& module : modules_)
    for (const char* const factor : factors) names.push_back(module.name + factor);
  for (size_t i = 0; i < names.size(); ++i) {
    const MadeModule& module = modules_[i / factors.size()];
    const size_t which = i % factors.size();
    const Shape shape = which == 0 ? Shape(module.up_shape) : which == 1 ? Shape(module.down_shape) : Shape();
    tensors.push_back({.name = names[i], .dtype = "F32", .shape = shape});
  }
  MemoryTensors described{.name = "memory:adapter", .tensors = tensors};
  described.read = [this](size_t tensor, uint64_t offset, std::span<std::byte> out) {
    return read(tensor, offset, out);
  };
  return open_tensors(described, {.as_stored = true, .keep_names = true});
}

std::vector<ModuleEnergy> MadeAdapter::energies() const {
  std::vector<ModuleEnergy> out;
  const std::lock_guard lock(state_->mutex);
  for (const State::Slot& slot : state_->slots) out.push_back(slot.energy);
  return out;
}

double kept_in_all(std::span<const ModuleEnergy> energies) {
  double all = 0, kept = 0;
  for (const ModuleEnergy& module : energies) {
    const double energy = module.energy.value_or(0);
    all += energy, kept += energy * module.kept;
  }
  return all > 0 ? kept / all : 1;
}

uint64_t largest_memory(std::span<const MadeModule> modules) {
  uint64_t most = 0;
  for (const MadeModule& module : modules) most = std::max(most, module.memory);
  return most;
}

}  // namespace ckmerge
