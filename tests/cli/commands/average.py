#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: average.py CKMERGE
average, against its weights and sums computed here once more; and more inputs than a process may open at first."""
import json
import math
import pathlib
import resource
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, refused, run_in_folders
from operation_files import make, produces, read, some


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def log_of(x):
    m, exponent = math.frexp(x)
    if m < 0.70710678118654752:
        m, exponent = m * 2, exponent - 1
    s = (m - 1) / (m + 1)
    total = 0.0
    for k in range(23, 0, -2):
        total = total * (s * s) + 1.0 / k
    return exponent * math.log(2) + 2 * s * total


def exp_of(y):
    n = round(y / math.log(2))
    r = y - n * math.log(2)
    total = 1.0
    for k in range(16, 0, -1):
        total = 1 + total * r / k
    return math.ldexp(total, n)


def power_weights(n, gamma):
    until = [exp_of((gamma + 1) * log_of((k + 1) / n)) for k in range(n)]
    for k, value in enumerate(until):
        expect(math.isclose(value, ((k + 1) / n) ** (gamma + 1), rel_tol=1e-12), f"power {k} {n} {gamma}")
    return [value - before for value, before in zip(until, [0.0] + until)]


def ema_weights(n, beta):
    weights, kept = [], 1.0
    for _ in range(n - 1):
        weights.insert(0, (1 - beta) * kept)
        kept *= beta
    return [kept] + weights


def averaged(files, weights):
    """In f32, term by term, rounded after every operation; then to the first file's dtype."""
    inputs = [read(file) for file in files]
    out = {}
    for name, (dtype, shape, data) in inputs[0].items():
        if dtype == "I64":
            out[name] = dtype, shape, data
            continue
        code = {"F16": "e", "F32": "f"}[dtype]
        columns = [struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", tensors[name][2]) for tensors in inputs]
        values = []
        for row in zip(*columns):
            total = None
            for weight, value in zip(map(f32, weights), row):
                if weight == 0:
                    continue
                term = f32(weight * value)
                total = term if total is None else f32(total + term)
            values.append(total)
        out[name] = dtype, shape, struct.pack(f"<{len(values)}{code}", *values)
    return out


def test_average():
    for count in (1, 2, 5, 9, 40):
        files = [f"s{k}.safetensors" for k in range(count)]
        for k, file in enumerate(files):
            make(file, {"w": ("F32", [7, 3], some(k, 21)), "h": ("F16", [5], some(k + 100, 5)), "n": ("I64", [1], [k])})
        average = ["average", *files, "-o", "out.safetensors"]
        produces(averaged(files, [1.0 / count] * count), *average)
        produces(averaged(files, ema_weights(count, 0.75)), *average, "--beta", "0.75")
        produces(averaged(files, power_weights(count, 6.94)), *average, "--gamma", "6.94")
        produces(averaged(files, ema_weights(count, 0)), *average, "--beta", "0")
    many = [f"s{k % 40}.safetensors" for k in range(200)]
    done = call("average", *many, "-o", "out.safetensors", "-f")
    expect(done.returncode == 0, f"200 inputs: {done.stderr}")
    expect(read("out.safetensors") == averaged(many, [1 / 200] * 200), "200 inputs")
    refused(2, "below 1", "average", "s0.safetensors", "s1.safetensors", "--beta", "1", "-o", "x.safetensors")
    refused(2, "between 0 and 1000", "average", "s0.safetensors", "--gamma", "-1", "-o", "x.safetensors")
    refused(2, "give one", "average", "s0.safetensors", "--gamma", "1", "--beta", "0", "-o", "x.safetensors")
    refused(2, "no checkpoint is given", "average", "-o", "x.safetensors")


def test_open_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = [f"s{k}.safetensors" for k in range(100)]
    for k, file in enumerate(files):
        make(file, {"w": ("F32", [3], some(k, 3))})

    def few(limit):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, limit), limit))
    done = call("average", *files, "-o", "out.safetensors", preexec_fn=few(hard))
    expect(done.returncode == 0 and read("out.safetensors") == averaged(files, [1 / 100] * 100), f"100 inputs: {done.stderr}")
    for limit in (64, 24):
        done = call("average", *files, "-o", "few.safetensors", "-f", preexec_fn=few(limit))
        expect(done.returncode == 0 and read("few.safetensors") == read("out.safetensors"), f"{limit} descriptors: {done.stderr}")
    peak = json.loads(call("average", *files[:2], "-o", "p.safetensors", "--json").stdout)["run"]["peak_memory"]
    ballast = b"x" * (200 << 20)  # what this process holds is not the program's
    again = json.loads(call("average", *files[:2], "-o", "p.safetensors", "-f", "--json").stdout)["run"]["peak_memory"]
    expect(again < max(2 * peak, len(ballast) / 2), f"peak memory {again}, of a small parent {peak}")


run_in_folders(test_average, test_open_files)
