// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/call.h"

#include <stdexcept>

#include "cli/capi/call_tensors.h"
#include "cli/report/progress.h"

namespace ckmerge::cli {
namespace {

class CallProgress final : public ProgressView {
 public:
  CallProgress(Call& call, uint64_t total) : call_(call) { call_.progress(start_event(total)); }

  void update(const Progress& progress) override { call_.progress(progress_event(progress)); }
  void finish(uint64_t total, double seconds) override { call_.progress(finish_event(total, seconds)); }

 private:
  Call& call_;
};

}  // namespace

void Call::tell(std::string_view) { throw std::logic_error("a request is answered by a document"); }

void Call::warn(const std::string& sentence) noexcept {
  if (options_.warn) options_.warn(options_.context, sentence.c_str());
}

Checkpoint Call::open(const std::string& path, const OpenOptions& how) {
  return names_memory(path) ? open_table(options_, path, how) : Caller::open(path, how);
}

std::unique_ptr<ProgressView> Call::watch(const Settings&, uint64_t total) {
  return std::make_unique<CallProgress>(*this, total);
}

// Other threads write the caller's flag, of which its type says nothing.
StopFlag Call::stop() {
  return StopFlag(
      [this] { return ends_.load() || (options_.stop && __atomic_load_n(options_.stop, __ATOMIC_RELAXED) != 0); });
}

void Call::progress(const std::string& event) {
  if (options_.progress && options_.progress(options_.context, event.c_str()) != 0) ends_.store(true);
}

}  // namespace ckmerge::cli
