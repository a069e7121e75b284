// SPDX-License-Identifier: Apache-2.0
// Block operations that are one expression of an element of each operand, one row each. From these rows are made their
// places in Op, the CPU's loops (kernels/cpu/elementwise.inl), the device's switch (kernels/cuda/tile_threads.inl) and
// how many registers an instruction reads. Functions that expressions call are in kernels/elementwise.inl.
// Plain C types only: kernel files compiled per ISA include this header (ARCHITECTURE.md, "ISA files").
#pragma once

/* ROW(name, operands, expression of x, y and z). A NaN in any operand that is read gives NaN, unless a row says
 * otherwise; Inf follows IEEE 754.
 *
 * multiply     0 * Inf is NaN
 * divide       the quotient, rounded once: x / 0 is Inf, 0 / 0 and Inf / Inf are NaN
 * absolute     clears the sign
 * minimum      IEEE 754-2019's: NaN where x or y is, and -0 is below +0
 * maximum      likewise
 * square_root  rounded once; NaN below 0, -0 of -0
 * copy_sign    the magnitude of x with the sign of y; NaN where y is, because a NaN's sign is not the same everywhere
 * select       y where x < 0, else z: also where x is NaN or -0; the other of the two does not count. x - y is below 0
 *              where x < y and nowhere else, so that it does for all comparisons
 * exponential  e to the x, within 0.51 ulp in f32, 1 ulp in f64
 * logarithm    to the base e, with the same bounds; NaN below 0, -Inf of 0 and -0
 * power        x to the y for x from 0: NaN below, and 1 where y is 0 or x is 1, whatever the other is. Within 0.51 ulp
 *              in f32, 1 + 2 |y ln x| ulp in f64
 */
#define CKMERGE_ELEMENTWISE(ROW)        \
  ROW(multiply, 2, x* y)                \
  ROW(divide, 2, x / y)                 \
  ROW(absolute, 1, absolute_of(x))      \
  ROW(minimum, 2, smaller_of(x, y))     \
  ROW(maximum, 2, larger_of(x, y))      \
  ROW(square_root, 1, root_of(x))       \
  ROW(copy_sign, 2, with_sign_of(x, y)) \
  ROW(select, 3, x < 0 ? y : z)         \
  ROW(exponential, 1, exp_of(x))        \
  ROW(logarithm, 1, log_of(x))          \
  ROW(power, 2, power_of(x, y))
