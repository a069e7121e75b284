// SPDX-License-Identifier: Apache-2.0
#include "io/torch/torch_dtypes.h"

namespace ckmerge {
namespace {

constexpr TorchDtype kTypes[] = {
    {"Double", "float64", 8, Dtype::F64},
    {"Float", "float32", 4, Dtype::F32},
    {"Half", "float16", 2, Dtype::F16},
    {"BFloat16", "bfloat16", 2, Dtype::BF16},
    {"Long", "int64", 8, Dtype::I64},
    {"Int", "int32", 4, Dtype::I32},
    {"Short", "int16", 2, Dtype::I16},
    {"Char", "int8", 1, Dtype::I8},
    {"Byte", "uint8", 1, Dtype::U8},
    {"Bool", "bool", 1, Dtype::BOOL},
    {"ComplexFloat", "complex64", 8, Dtype::C64},
    {"ComplexDouble", "complex128", 16, std::nullopt},
    {"QInt8", "qint8", 1, std::nullopt},
    {"QUInt8", "quint8", 1, std::nullopt},
    {"QInt32", "qint32", 4, std::nullopt},
    {"QUInt4x2", "quint4x2", 1, std::nullopt},
    {"QUInt2x4", "quint2x4", 1, std::nullopt},
    {nullptr, "complex32", 4, std::nullopt},
    {nullptr, "bcomplex32", 4, std::nullopt},
    {nullptr, "uint16", 2, Dtype::U16},
    {nullptr, "uint32", 4, Dtype::U32},
    {nullptr, "uint64", 8, Dtype::U64},
    {nullptr, "float8_e4m3fn", 1, Dtype::F8_E4M3},
    {nullptr, "float8_e5m2", 1, Dtype::F8_E5M2},
    {nullptr, "float8_e4m3fnuz", 1, Dtype::F8_E4M3FNUZ},
    {nullptr, "float8_e5m2fnuz", 1, Dtype::F8_E5M2FNUZ},
    {nullptr, "float8_e8m0fnu", 1, Dtype::F8_E8M0},
    {nullptr, "float4_e2m1fn_x2", 1, Dtype::F4},
    {nullptr, "bits8", 1, std::nullopt},
    {nullptr, "bits16", 2, std::nullopt},
    {nullptr, "bits1x8", 1, std::nullopt},
    {nullptr, "bits2x4", 1, std::nullopt},
    {nullptr, "bits4x2", 1, std::nullopt},
    // Without bytes of their own in any torch so far (2.15 saves none): one each, as they would lie unpacked.
    {nullptr, "int1", 1, std::nullopt},
    {nullptr, "int2", 1, std::nullopt},
    {nullptr, "int3", 1, std::nullopt},
    {nullptr, "int4", 1, std::nullopt},
    {nullptr, "int5", 1, std::nullopt},
    {nullptr, "int6", 1, std::nullopt},
    {nullptr, "int7", 1, std::nullopt},
    {nullptr, "uint1", 1, std::nullopt},
    {nullptr, "uint2", 1, std::nullopt},
    {nullptr, "uint3", 1, std::nullopt},
    {nullptr, "uint4", 1, std::nullopt},
    {nullptr, "uint5", 1, std::nullopt},
    {nullptr, "uint6", 1, std::nullopt},
    {nullptr, "uint7", 1, std::nullopt},
};

}  // namespace

const TorchDtype* torch_dtype(std::string_view name) {
  for (const TorchDtype& row : kTypes)
    if (name == row.name) return &row;
  return nullptr;
}

const TorchDtype* torch_dtype_of_storage(std::string_view storage) {
  for (const TorchDtype& row : kTypes)
    if (row.storage && storage == row.storage) return &row;
  return nullptr;
}

}  // namespace ckmerge
