# SPDX-License-Identifier: Apache-2.0
"""Kinds of adapters that act on a weight: what they make of (weight, bias)."""
import numpy
import reference_adding


def matrix(weight):
    return weight.reshape(len(weight), -1)


def decomposed(m, weight, bias):
    """DoRA around a kind that adds: of PEFT and, with dora_scale, of LyCORIS."""
    if m.has("lora_magnitude_vector"):
        v = weight + m.strength * reference_adding.delta_of(m, weight)
        magnitude = m["lora_magnitude_vector"].reshape(-1)
        if m.is_embedding:
            return magnitude * v / numpy.sqrt((v * v).sum(0)), None
        norm = numpy.sqrt((matrix(v) ** 2).sum(1))
        return v * (magnitude / norm).reshape((-1,) + (1,) * (v.ndim - 1)), None
    v, magnitude = weight + reference_adding.delta_of(m, weight), m["dora_scale"]
    over_rows = magnitude.shape[0] != len(weight)
    axes, of = tuple(axis for axis in range(v.ndim) if axis != (1 if over_rows else 0)), weight if m.comfy and not over_rows else v
    norm = numpy.sqrt((of * of).sum(axes, keepdims=True)) + numpy.finfo(numpy.float32).eps
    if m.comfy:
        return weight + m.strength * (v * magnitude.reshape(norm.shape) / norm - weight), None
    return v * (1 + m.strength * (magnitude.reshape(norm.shape) / norm - 1)), None


def skew_of(values, size):
    out = numpy.zeros((len(values), size, size))
    rows, columns = numpy.triu_indices(size, 1)
    out[:, rows, columns] = values
    return out - out.transpose(0, 2, 1)


def block_size(entries):
    return int((1 + (1 + 8 * entries) ** 0.5) / 2)


def rotations(m, values):
    s = skew_of(values, block_size(values.shape[1]))
    one = numpy.eye(s.shape[1])
    if m.number("coft"):
        most = m.number("eps") / len(s) ** 0.5
        norms = numpy.sqrt((s * s).sum((1, 2), keepdims=True))
        s = numpy.where(norms <= most, s, most * s / norms)
    if m.number("use_cayley_neumann", True):
        s2 = s @ s
        return one + 2 * s + 2 * s2 + 2 * s2 @ s + s2 @ s2
    return (one - s) @ numpy.linalg.inv(one + s)


def oft(m, weight, _):
    values = m["oft_embedding_R"] if m.has("oft_embedding_R") else m["oft_R"]
    r, flat = rotations(m, values), matrix(weight)
    blocks = flat.shape[1] // r.shape[1]
    r = numpy.repeat(r, blocks, 0) if len(r) == 1 else r
    parts = flat.reshape(len(flat), blocks, -1)
    out = numpy.einsum("obi,bij->obj" if m.is_embedding else "obj,bij->obi", parts, r)
    return out.reshape(weight.shape), None


def boft(m, weight, _):
    """One factor, as PEFT has it where there is no compiler of CUDA."""
    r, flat = m["boft_R"], matrix(weight)
    assert len(r) == 1, "several factors permute"
    k = (r[0] - r[0].transpose(0, 2, 1)) / 2
    one = numpy.eye(k.shape[1])
    q = (one - k) @ numpy.linalg.inv(one + k)
    out = numpy.einsum("obj,bij->obi", flat.reshape(len(flat), len(q), -1), q).reshape(flat.shape)
    return (m["boft_s"].reshape(-1, 1) * out).reshape(weight.shape), None


def ia3(m, weight, bias):
    l = m["ia3_l"].reshape(-1)
    names = m.number("feedforward_modules") or []
    if any(m.name == name or m.name.endswith("." + name) for name in names):
        return weight * l.reshape((1, -1) + (1,) * (weight.ndim - 2)), None
    return weight * l.reshape((-1,) + (1,) * (weight.ndim - 1)), None if bias is None else bias * l


def householder(m, weight, _):
    u, flat = m["hra_u"], matrix(weight)
    columns = []
    for column in u.T:
        for other in columns if m.number("apply_GS") else ():
            column = column - (column @ other) * other
        columns.append(column / numpy.sqrt(column @ column))
    for column in columns:
        flat = flat - 2 * numpy.outer(flat @ column, column)
    return flat.reshape(weight.shape), None


def generalized(m, weight, bias):
    def path(side):
        stem = f"glora_{side}."
        if m.has(stem + "Xd"):
            return m[stem + "Xd"] @ m[stem + "Xu"]
        return m[stem + "X"] if m.has(stem + "X") else 0.0

    out = weight * (1 + path("A")) + path("B")
    if bias is None:
        return out, None
    coupled = path("C")
    coupled = (weight @ coupled).reshape(-1) if not isinstance(coupled, float) else 0
    return out, bias * (1 + path("D")) + path("E") + coupled


def generalized_of_lycoris(m, weight, _):
    rank = len(m["a2"])
    a = matrix(m["a1"]) @ matrix(m["a2"])
    through = numpy.einsum("oi...,ij->oj...", weight, a)
    return weight + m.strength * m.scale(rank) * (through + (matrix(m["b1"]) @ matrix(m["b2"])).reshape(weight.shape)), None


def delora(m, weight, _):
    a, b = m["delora_A"], m["delora_B"]
    norms = numpy.sqrt((a * a).sum(1)) * numpy.sqrt((b * b).sum(0))
    return weight + m["delora_lambda"] / len(a) * (b / norms) @ a * m["delora_w_norm"], None


def hira(m, weight, _):
    if m.has("hira_embedding_A"):
        return weight * (1 + (m["hira_embedding_B"] @ m["hira_embedding_A"]).T), None
    return weight * (1 + (matrix(m["hira_B"]) @ matrix(m["hira_A"])).reshape(weight.shape)), None


def deft(m, weight, _):
    p, r = m["deft_P"], m["deft_R"]
    alpha = m.number("alpha")
    r = r * (1 if alpha is None else alpha / p.shape[1])
    if m.number("decomposition_method") == "qr":
        p = numpy.linalg.qr(p)[0]
        return weight + p @ (r - p.T @ weight), None
    return weight + p @ (r - numpy.maximum(p, 0).T @ weight), None


def road(m, weight, bias):
    theta, alpha, half = m["road_theta"], m["road_alpha"], m.number("group_size") // 2
    if m.number("variant") == "road_4":
        theta, alpha = theta.reshape(-1, 2, 2 * half), alpha.reshape(-1, 2, 2 * half)
        first, second = (alpha[:, 0] * numpy.cos(theta[:, 0])).reshape(-1), (alpha[:, 1] * numpy.sin(theta[:, 1])).reshape(-1)
    else:
        if m.number("variant") == "road_1":
            theta, alpha = (numpy.repeat(values.reshape(-1, 1, half), 2, 1).reshape(-1) for values in (theta, alpha))
        first, second = alpha * numpy.cos(theta), alpha * numpy.sin(theta)

    def rotated(values):
        grouped = values.reshape(-1, 2, half, *values.shape[1:])
        turned = numpy.stack([-grouped[:, 1], grouped[:, 0]], 1).reshape(values.shape)
        return first.reshape((-1,) + (1,) * (values.ndim - 1)) * values + second.reshape((-1,) + (1,) * (values.ndim - 1)) * turned

    return rotated(weight), None if bias is None else rotated(bias)


def subspace(m, weight, _):
    u, s, v = (m[f"osf_svd_params.{name}"] for name in ("U_low", "S_low", "V_low"))
    return reference_adding.singular_part(weight, m.number("effective_rank")) + (u * s) @ v, None


def shared_basis(m, weight, _):
    category = next(key.removeprefix("frod_V.") for key in m.shared if key.startswith("frod_V.") and ("." + m.name).endswith("." + key.removeprefix("frod_V.")))
    v = m.shared["frod_V." + category]
    u = weight @ numpy.linalg.inv(v.T)
    u = u / numpy.sqrt((u * u).sum(0))
    middle = numpy.diag(m["frod_lambda_l"])
    rows, columns = m.shared["frod_s_indices." + category].astype(int)
    numpy.add.at(middle, (rows, columns), m["frod_lambda_s_values"])
    return u @ middle @ v.T, None


def network(m, weight, _):
    def act(values):
        return numpy.maximum(values, 0)

    hidden, kept = act(weight.T @ m["peanut_A"].T), []
    depth = sum(key.startswith("peanut_encoders") for key in m.factors)
    for n in range(depth):
        kept.append(hidden)
        hidden = act(hidden @ m[f"peanut_encoders.{n}"].T)
    for n in range(depth):
        hidden = act(hidden @ m[f"peanut_decoders.{n}"].T) + kept[depth - 1 - n]
    return weight + m.number("scaling", 1.0) * (hidden @ m["peanut_B"].T).T, None


def only_bias(m, _, bias):
    return None, None if bias is None else bias + m["beft_bias"].reshape(-1)


def blocks_of_lycoris(m, weight, _):
    blocks = m["oft_blocks"]
    q = blocks - blocks.swapaxes(-1, -2)
    most = float(m.factors.get("alpha", 0)) * len(weight)
    norm = numpy.sqrt((q * q).sum()) + 1e-8
    if most > 0 and norm > most:
        q = q * most / norm
    one = numpy.eye(q.shape[-1])
    r = (one + q) @ numpy.linalg.inv(one - q)
    r = one + m.strength * (r - one)
    rescale = m["rescale"] if m.has("rescale") else 1
    if blocks.ndim == 3:
        return numpy.einsum("knm,kn...->km...", r, weight.reshape(*blocks.shape[:2], *weight.shape[1:])).reshape(weight.shape) * rescale, None
    out, size = matrix(weight), blocks.shape[-1]
    for stage in range(len(blocks)):
        # Rows are paired with those 2^stage half blocks away: (rest, 2, k) is seen as (rest, k, 2).
        k = 2**stage * (size // 2)
        order = numpy.arange(len(weight)).reshape(-1, 2, k).transpose(0, 2, 1).reshape(-1)
        mixed = numpy.einsum("bij,bjc->bic", r[stage], out[order].reshape(-1, size, out.shape[1])).reshape(out.shape)
        out = numpy.empty_like(out)
        out[order] = mixed
    return out.reshape(weight.shape) * rescale, None


def ia3_of_lycoris(m, weight, _):
    values = m["weight"].reshape(-1)
    shape = (1, -1) if m["on_input"] else (-1, 1)
    return weight * (1 + m.strength * values.reshape(shape + (1,) * (weight.ndim - 2))), None


KINDS = [(("lora_magnitude_vector", "dora_scale"), decomposed), (("oft_R", "oft_embedding_R"), oft), (("boft_R",), boft), (("ia3_l",), ia3),
         (("hra_u",), householder), (("glora_A.Xd", "glora_A.X", "glora_D.X", "glora_B.X", "glora_B.Xd"), generalized), (("a1",), generalized_of_lycoris),
         (("delora_A",), delora), (("hira_A", "hira_embedding_A"), hira), (("deft_P",), deft), (("road_theta",), road), (("osf_svd_params.U_low",), subspace),
         (("frod_lambda_l",), shared_basis), (("peanut_A",), network), (("beft_bias",), only_bias), (("oft_blocks",), blocks_of_lycoris), (("on_input",), ia3_of_lycoris)]
