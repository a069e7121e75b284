// SPDX-License-Identifier: Apache-2.0
// A program, its operands and its window made from any bytes, run on every table and naively. The fuzzer and the seeded
// test share it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace ckmerge {

/// Empty if all tables wrote the bytes and counts of the naive run and summed the products of two operands alike;
/// otherwise which did not.
std::string check_random_program(std::span<const uint8_t> bytes);

}  // namespace ckmerge
