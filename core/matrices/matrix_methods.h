// SPDX-License-Identifier: Apache-2.0
// Methods that make a tensor as a whole: what each computes of matrices that lie in memory, in f64 with + - * / and
// sqrt alone, so that the bits are the same on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/algebra/matrix.h"
#include "core/threads/hands.h"
#include "io/table/joined_pieces.h"

namespace ckmerge {

class Alignment;

/// A tensor of some inputs, with at least one element. Those of a method of deltas are what inputs have
/// beyond the first one, or the deltas that it was given.
struct WholeTensor {
  Shape shape;
  std::span<const Matrix> inputs;        ///< of the first dimension times all others
  std::span<const double> coefficients;  ///< as MethodSpec's file fills them
  Hands hands = {};
  const Alignment* alignment = nullptr;  ///< of the inputs, of a method that aligns them; null: all stays in place
  uint32_t row = 0;                      ///< of the tensor in the first input
};

/// How a method of kernels/methods that is of whole tensors is computed.
struct MatrixMethod {
  std::string_view name;
  /// It is a change of the first input that is made of what the others have beyond it, or of deltas; else it is made of
  /// the inputs as they are.
  bool of_deltas;
  /// Channels of the second input are matched with those of the first one, over all tensors that have them.
  bool aligns = false;
  /// It multiplies elements with each other, up to four of them, and gives s times as much of inputs that are s times
  /// as large: it gets them times a power of two, so that no product vanishes or is beyond f64.
  bool multiplies = false;
  /// As large as an input. REQUIRES: all elements are finite. May take more time, not memory, than this says: bytes
  /// that are held beside the inputs, the result included: at least one as large as an input.
  Matrix (*make)(const WholeTensor& tensor);
  Matrix (*plain)(const WholeTensor& tensor);  ///< what it is instead of a tensor with NaN or Inf
  uint64_t (*memory)(Shape shape, size_t inputs, std::span<const double> coefficients);
  uint64_t (*memory_of_threads)(Shape shape, unsigned threads) = nullptr;  ///< what so many hold beside; null: nothing
};

/// By its name in kernels/methods; null: it is no method of whole tensors.
const MatrixMethod* matrix_method(std::string_view name);

/// All of them, by name.
std::span<const MatrixMethod> matrix_methods();

/// Rows and columns of the matrix that a tensor is: its first dimension times all others; one row of a vector or
/// scalar.
uint64_t matrix_rows(Shape shape);
uint64_t matrix_columns(Shape shape);

}  // namespace ckmerge
