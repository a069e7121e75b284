// SPDX-License-Identifier: Apache-2.0
#include "core/threads/late_stop.h"

#include <memory>
#include <mutex>
#include <utility>

namespace ckmerge {
namespace {

class LateStop {
 public:
  explicit LateStop(std::function<StopFlag()> give) : give_(std::move(give)) {}

  bool is_raised() {
    std::call_once(given_, [this] { flag_ = give_(); });
    return flag_.is_raised();
  }

 private:
  const std::function<StopFlag()> give_;
  std::once_flag given_;
  StopFlag flag_;
};

}  // namespace

StopFlag late_stop(std::function<StopFlag()> give) {
  return StopFlag([stop = std::make_shared<LateStop>(std::move(give))] { return stop->is_raised(); });
}

}  // namespace ckmerge
