// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_tensor.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/torch/torch_pieces.h"

namespace ckmerge {
namespace {

// Keys are numbers; those of a stream are looked up at every mention.
constexpr size_t kLongestKey = 1000;

[[noreturn]] void fail(const char* what) { throw Error(ErrorCode::malformed, "", what); }

bool is_global(const PickleValues& values, PickleRef value) { return values.kind(value) == PickleKind::global; }

std::string_view module_of(const PickleValues& values, PickleRef global) {
  return values.text(values.global_module(global));
}
std::string_view name_of(const PickleValues& values, PickleRef global) {
  return values.text(values.global_name(global));
}

uint64_t whole_number(const PickleValues& values, PickleRef value, const char* what) {
  if (values.kind(value) != PickleKind::integer || values.integer(value) < 0) fail(what);
  return static_cast<uint64_t>(values.integer(value));
}

uint64_t product(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) fail("has more elements or bytes than 64 bits can count");
  return result;
}

uint64_t sum(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) fail("lies further into its storage than 64 bits can count");
  return result;
}

// ---- storages

// Null for an untyped one.
const TorchDtype* storage_type(const PickleValues& values, PickleRef type) {
  constexpr const char* kNoStorage = "a storage of no known type";
  if (!is_global(values, type)) fail(kNoStorage);
  const std::string_view module = module_of(values, type);
  std::string_view name = name_of(values, type);
  if (module != "torch" && module != "torch.cuda" && module != "torch.storage") fail(kNoStorage);
  if (name == "UntypedStorage" || name == "_UntypedStorage") return nullptr;
  if (!name.ends_with("Storage")) fail(kNoStorage);
  name.remove_suffix(7);
  if (const TorchDtype* const type = torch_dtype_of_storage(name)) return type;
  fail(kNoStorage);
}

// Before torch 0.4, a storage could be a part of another: (key, first element, elements).
void read_view(const PickleValues& values, PickleRef view, uint64_t item, TorchStorage& storage) {
  storage.view_size = storage.size;
  if (values.kind(view) == PickleKind::none) return;
  if (values.kind(view) != PickleKind::tuple || values.tuple(view).size() != 3) fail("a storage's view is no triple");
  storage.view_begin = product(whole_number(values, values.tuple(view)[1], "a storage's view begins nowhere"), item);
  storage.view_size = product(whole_number(values, values.tuple(view)[2], "a storage's view has no size"), item);
  if (sum(storage.view_begin, storage.view_size) > storage.size) fail("a view is larger than its storage");
}

// ---- what tensors are made by

bool is_called(const PickleValues& values, PickleRef value, std::string_view module, std::string_view name) {
  if (values.kind(value) != PickleKind::call || !is_global(values, values.called(value))) return false;
  return module_of(values, values.called(value)) == module && name_of(values, values.called(value)) == name;
}

bool is_made_in_torch(const PickleValues& values, PickleRef value) {
  if (values.kind(value) != PickleKind::call || !is_global(values, values.called(value))) return false;
  const std::string_view module = module_of(values, values.called(value));
  const std::string_view name = name_of(values, values.called(value));
  return ((module == "torch._utils" || module == "torch._tensor" || module == "torch.tensor") &&
          name.starts_with("_rebuild")) ||
         (module == "torch.nn.parameter" && (name == "Parameter" || name == "Buffer"));
}

// What makes a tensor: a function of torch._utils and its arguments.
struct Maker {
  std::string_view name;
  std::span<const PickleRef> parts;
};

bool is_parameter(std::string_view maker) {
  return maker == "_rebuild_parameter" || maker == "_rebuild_parameter_with_state" || maker == "Parameter" ||
         maker == "Buffer";
}

// _rebuild_from_type_v2(function, type, arguments, state), and before torch 1.11 without the 2.
Maker made_with_type(const PickleValues& values, const Maker& maker) {
  const std::span<const PickleRef> parts = maker.parts;
  if (parts.size() != 4 || !is_global(values, parts[0]) || module_of(values, parts[0]) != "torch._utils" ||
      values.kind(parts[2]) != PickleKind::tuple)
    fail("is made in a way that is not known");
  if (const std::string_view piece = piece_kind(values, parts[1]); !piece.empty())
    throw Error(ErrorCode::mismatch, "", piece_sentence(piece));
  return {name_of(values, parts[0]), values.tuple(parts[2])};
}

Maker maker_of(const PickleValues& values, PickleRef value) {
  if (!is_made_in_torch(values, value)) fail("is no tensor");
  return {name_of(values, values.called(value)), values.tuple(values.arguments(value))};
}

// Tensors come in wrappers, as deep as somebody wrapped them: parameters, attributes, and tensors of devices that have
// no storages of their own (_rebuild_device_tensor_from_cpu_tensor(tensor, dtype, device, requires_grad)), of which
// `device_dtype` is the dtype.
Maker unwrapped(const PickleValues& values, PickleRef value, PickleRef& device_dtype) {
  constexpr int kMostWraps = 8;
  Maker maker = maker_of(values, value);
  for (int i = 0; i < kMostWraps; ++i) {
    const bool on_device = maker.name == "_rebuild_device_tensor_from_cpu_tensor";
    if (maker.name == "_rebuild_from_type_v2" || maker.name == "_rebuild_from_type") {
      maker = made_with_type(values, maker);
    } else if (is_parameter(maker.name) || on_device) {
      if (maker.parts.size() < (on_device ? 2u : 1u)) fail("is wrapped without its tensor");
      if (on_device) device_dtype = maker.parts[1];
      maker = maker_of(values, maker.parts[0]);
    } else {
      return maker;
    }
  }
  fail("a tensor wrapped too often");
}

void read_numbers(const PickleValues& values, PickleRef list, std::vector<uint64_t>& numbers, const char* what) {
  if (is_called(values, list, "torch", "Size")) {
    const auto arguments = values.tuple(values.arguments(list));
    if (arguments.size() != 1) fail(what);
    list = arguments[0];
  }
  numbers.clear();
  const auto take = [&](PickleRef item) { numbers.push_back(whole_number(values, item, what)); };
  if (values.kind(list) == PickleKind::tuple)
    std::ranges::for_each(values.tuple(list), take);
  else if (values.kind(list) == PickleKind::list)
    values.for_each_item(list, take);
  else
    fail(what);
}

const TorchDtype* type_of(const PickleValues& values, PickleRef dtype) {
  if (is_global(values, dtype) && module_of(values, dtype) == "torch")
    if (const TorchDtype* const type = torch_dtype(name_of(values, dtype))) return type;
  fail("has no known dtype");
}

// Of metadata: torch writes one or two bits. A hostile file may have all tensors share one huge dict of them, which
// would be read once for each.
constexpr size_t kMostBits = 16;

// Bits that change what the elements are: torch stores a conjugate as the original with a note.
void refuse_lazy_changes(const PickleValues& values, PickleRef metadata) {
  if (values.kind(metadata) != PickleKind::dict) return;
  size_t members = 0;
  values.for_each_member(metadata, [&](PickleRef key, PickleRef value) {
    if (++members > kMostBits) fail("has more said of it than torch says");
    for (const char* bit : {"conj", "neg"})
      if (values.is_text(key, bit) && values.kind(value) == PickleKind::boolean && values.boolean(value))
        throw Error(ErrorCode::mismatch, "", sentence("is a lazy ", bit, " of what is stored; save it resolved"));
  });
}

// The last element, not only the first, must lie in the storage.
void check_place(const TorchTensor& tensor) {
  const uint64_t elements = tensor.storage.view_size / tensor.type->size;
  if (tensor.shape.size() != tensor.strides.size()) fail("has more sizes than strides, or fewer");
  if (tensor.count == 0) return;
  uint64_t last = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size(); ++i) last = sum(last, product(tensor.shape[i] - 1, tensor.strides[i]));
  if (last >= elements) fail("reaches outside of its storage");
}

// torch counts a byte as one element where it holds two (float4_e2m1fn_x2); safetensors counts both, along the last
// dimension.
void count_halves(TorchTensor& tensor) {
  const uint64_t in_byte = 8 / info(*tensor.type->dtype).bits;
  if (tensor.shape.empty())
    throw Error(ErrorCode::mismatch, "", sentence("is one ", tensor.type->name, ", which safetensors cannot hold"));
  if (!lies_in_order(tensor))
    throw Error(ErrorCode::mismatch, "",
                sentence("is a view of ", tensor.type->name, " out of order; save it contiguous"));
  tensor.shape.back() = product(tensor.shape.back(), in_byte);
  tensor.count = product(tensor.count, in_byte);
}

}  // namespace

bool lies_in_order(const TorchTensor& tensor) {
  if (tensor.count == 0) return true;
  uint64_t expected = 1;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

TorchStorage read_storage(const PickleValues& values, PickleRef persistent) {
  const PickleRef id = values.persistent_id(persistent);
  if (values.kind(id) != PickleKind::tuple || values.tuple(id).size() < 5 || values.tuple(id).size() > 6)
    fail("its pickle refers to something that is no storage");
  const auto parts = values.tuple(id);
  if (!values.is_text(parts[0], "storage") || values.kind(parts[2]) != PickleKind::text)
    fail("its pickle refers to something that is no storage");
  TorchStorage storage;
  storage.type = storage_type(values, parts[1]);
  storage.key = values.text(parts[2]);
  if (storage.key.size() > kLongestKey) fail("a storage whose key is longer than any");
  const uint64_t item = storage.type ? storage.type->size : 1;
  storage.size = product(whole_number(values, parts[4], "a storage without a size"), item);
  storage.view_size = storage.size;
  if (parts.size() == 6) read_view(values, parts[5], item, storage);
  return storage;
}

bool is_tensor(const PickleValues& values, PickleRef value) { return is_made_in_torch(values, value); }

// _rebuild_tensor(storage, offset, size, stride), _v2(..., requires_grad, hooks[, metadata]),
// _v3(..., requires_grad, hooks, dtype[, metadata]).
void read_tensor(const PickleValues& values, PickleRef value, TorchTensor& tensor) {
  PickleRef device_dtype = PickleValues::kNone;
  tensor.shape.clear();
  tensor.strides.clear();
  const auto [maker, parts] = unwrapped(values, value, device_dtype);
  const bool v1 = maker == "_rebuild_tensor", v2 = maker == "_rebuild_tensor_v2", v3 = maker == "_rebuild_tensor_v3";
  if (!v1 && !v2 && !v3)
    throw Error(ErrorCode::mismatch, "",
                sentence("is not a plain tensor (torch._utils.", maker.substr(0, 80), "); save it as one"));
  if (parts.size() < (v1 ? 4u : v2 ? 6u : 7u)) fail("is described in too few words");
  if (values.kind(parts[0]) != PickleKind::persistent) fail("has no storage");
  tensor.storage = read_storage(values, parts[0]);
  tensor.type = v3 ? type_of(values, parts[6]) : tensor.storage.type;
  if (!tensor.type || (tensor.storage.type && tensor.storage.type != tensor.type)) fail("has no known dtype");
  if (device_dtype != PickleValues::kNone && type_of(values, device_dtype) != tensor.type)
    throw Error(ErrorCode::mismatch, "",
                "is stored in one dtype and was of another on its device; save it as a plain one");
  tensor.offset = whole_number(values, parts[1], "begins before its storage");
  read_numbers(values, parts[2], tensor.shape, "has sizes that are no whole numbers");
  read_numbers(values, parts[3], tensor.strides, "has strides that are no whole numbers");
  if (const size_t metadata = v3 ? 7 : 6; parts.size() > metadata) refuse_lazy_changes(values, parts[metadata]);
  tensor.count = 1;
  for (const uint64_t dimension : tensor.shape) tensor.count = product(tensor.count, dimension);
  check_place(tensor);
  if (tensor.type->dtype && info(*tensor.type->dtype).bits < 8) count_halves(tensor);
}

}  // namespace ckmerge
