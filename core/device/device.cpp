// SPDX-License-Identifier: Apache-2.0
#include "core/device/device.h"

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

Device::Device(const cuda::Runtime& runtime, int index)
    : runtime_(runtime),
      index_(index),
      name_("cuda:" + std::to_string(index)),
      copies_in_(runtime, &cuda::Runtime::destroy_stream),
      kernels_(runtime, &cuda::Runtime::destroy_stream),
      copies_out_(runtime, &cuda::Runtime::destroy_stream) {
  use();
  check(runtime_.device_info(index_, &info_), "asking for its memory");
  for (DeviceResource* stream : {&copies_in_, &kernels_, &copies_out_})
    check(runtime_.create_stream(stream->put()), "creating a stream");
}

void Device::use() const { check(runtime_.use_device(index_), "choosing it"); }

void Device::check(cuda::Status status, const char* doing) const {
  if (status == 0) return;
  throw Error(ErrorCode::resources, name_,
              sentence(name_, ": ", doing, " failed: ", runtime_.message(status), "; --device cpu does without it"));
}

void Device::drain() const noexcept {
  runtime_.use_device(index_);
  for (const DeviceResource* stream : {&copies_in_, &kernels_, &copies_out_}) runtime_.drain(stream->get());
}

}  // namespace ckmerge
