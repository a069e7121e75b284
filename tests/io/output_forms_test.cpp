// SPDX-License-Identifier: Apache-2.0
#include "io/output_forms.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

using namespace ckmerge;

namespace {

std::string promised(const char* path) {
  const OutputForm* const form = promised_form(path);
  return form ? form->name : "nothing";
}

}  // namespace

TEST_CASE("a name's extension promises a form, in whatever case, and another nothing") {
  CHECK(promised("a.b/x.safetensors") == "safetensors");
  CHECK(promised("x.SFT") == "safetensors");
  for (const char* path : {"x.ckpt", "x.pt", "x.Pth", "/tmp/x.bin"}) CHECK(promised(path) == "ckpt");
  for (const char* path : {"x", "x.gguf", "x.ckpt/y", ".ckpt", "x.ckpt.bak", ""}) CHECK(promised(path) == "nothing");
}

TEST_CASE("rows have names and extensions of their own, and are found by name") {
  std::set<std::string> extensions;
  for (const OutputForm& form : output_forms()) {
    CHECK(find_output_form(form.name) == &form);
    REQUIRE(!form.extensions.empty());
    for (const char* const extension : form.extensions) CHECK(extensions.insert(extension).second);
  }
  CHECK(find_output_form("gguf") == nullptr);
}

TEST_CASE("every form places all tensors behind its header, apart from each other and within the file") {
  const std::array<uint64_t, 2> shape{3, 5};
  const std::vector<OutputTensor> tensors{
      {"b", Dtype::F16, shape, 30}, {"a", Dtype::F32, shape, 60}, {"none", Dtype::F32, {}, 4}};
  const Metadata metadata{{"format", "pt"}};
  for (const OutputForm& form : output_forms()) {
    const OutputLayout layout = form.lay_out(tensors, {.metadata = &metadata});
    uint64_t end = layout.header.size();
    for (const uint32_t i : layout.order) {
      CHECK(layout.offsets[i] >= end);
      end = layout.offsets[i] + tensors[i].size;
    }
    CHECK(layout.order.size() == tensors.size());
    CHECK(end <= layout.file_size);
    CHECK((end == layout.file_size || layout.frame));  // whatever is no header and no tensor is the frame's
    if (form.has_tensor_sum) CHECK(layout.file_size == layout.header.size() + 94);
  }
}
