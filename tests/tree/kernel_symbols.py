# SPDX-License-Identifier: Apache-2.0
"""usage: kernel_symbols.py NM ARCHIVE
No libm function whose result differs between C libraries and CPUs is called from kernels. What IEEE defines exactly
(sqrt, floor, rint, fabs, ...) may be."""
import re
import subprocess
import sys

import tree

INEXACT = ("a?(?:sin|cos|tan)h?(?:pi)? atan2(?:pi)? sincos exp exp2 exp10 expm1 log log2 log10 log1p pow powr compoundn "
           "rsqrt rootn cbrt hypot erf erfc [tl]gamma gamma [jy][01n] fma").split()
FORBIDDEN = re.compile(rf"(?:__)?(?:{'|'.join(INEXACT)})(?:f|l|f16|f32|f64|f128|f32x|f64x)?(?:_r|_finite)?|_ZGV.*")

listing = subprocess.run([sys.argv[1], "--undefined-only", sys.argv[2]], capture_output=True, text=True, check=True)
faults, member, symbols = [], "", 0
for line in listing.stdout.splitlines():
    if line.endswith(":"):
        member = line[:-1]
    elif match := re.match(r"\s+[Uw]\s+(\S+)", line):
        symbols += 1
        name = match.group(1).split("@")[0]
        if FORBIDDEN.fullmatch(name):
            faults.append(f"{member}: calls {name}; kernels/math.h is where such functions come from")
tree.finish(faults, symbols)
