# SPDX-License-Identifier: Apache-2.0
"""Kinds of adapters that add something to a weight: what each adds, at strength 1, as a matrix (out, in...)."""
import math

import numpy


def flat(array):
    return array.reshape(len(array), -1)


def lora(m, weight):
    if m.has("lora_embedding_A"):
        return m.scale(len(m["lora_embedding_A"])) * (m["lora_embedding_B"] @ m["lora_embedding_A"]).T
    down, up = (m["lora_A"], m["lora_B"]) if m.has("lora_A") else (m["lora_down"], m["lora_up"]) if m.has("lora_down") else (m["lora.down"], m["lora.up"])
    rank = len(down)
    if m.has("lora_mid"):
        delta = numpy.einsum("ij...,pi,jr->pr...", m["lora_mid"], flat(up), flat(down))
        return m.scale(rank) * delta
    a, b = flat(down), flat(up)
    if m.number("use_bdlora"):
        a, b = spread(a, flat(weight).shape[1]), spread(b, rank)
    if m.has("lora_E"):
        return m.number("lora_alpha") / (m.number("init_r") + 1e-5) * (b @ (a * m["lora_E"])).reshape(weight.shape)
    if m.has("lora_diag"):
        b = b * m["lora_diag"]
    if down.ndim > 2 and b.shape[1] != rank:  # AdaLoRA's convolutions have matrices
        raise ValueError(m.name)
    return m.scale(rank) * (b @ a).reshape(weight.shape)


def spread(matrix, columns):
    """Rows of blocks as a block-diagonal matrix."""
    blocks = columns // matrix.shape[1]
    if blocks == 1:
        return matrix
    out, rows = numpy.zeros((len(matrix), columns)), len(matrix) // blocks
    for block in range(blocks):
        rows_of, columns_of = slice(block * rows, (block + 1) * rows), slice(block * matrix.shape[1], (block + 1) * matrix.shape[1])
        out[rows_of, columns_of] = matrix[rows_of]
    return out


def hadamard(m, weight):
    if m.has("hada_t1"):
        parts = [numpy.einsum("ij...,jr,ip->pr...", m[f"hada_t{n}"], m[f"hada_w{n}_b"], m[f"hada_w{n}_a"]) for n in (1, 2)]
        parts = [part.reshape(weight.shape) for part in parts]
    else:
        parts = [(m[f"hada_w{n}_a"] @ flat(m[f"hada_w{n}_b"])).reshape(weight.shape) for n in (1, 2)]
    return m.scale(len(m["hada_w1_b"])) * parts[0] * parts[1]


def kronecker(m, weight):
    whole = not m.has("lokr_w1_a") and not m.has("lokr_w2_a")
    rank = len(m["lokr_t2"]) if m.has("lokr_t2") else m["lokr_w1_a"].shape[1] if m.has("lokr_w1_a") else m["lokr_w2_a"].shape[1] if m.has("lokr_w2_a") else 1
    scale = m.scale(rank) if m.is_peft or not whole else 1
    w1 = m["lokr_w1"] if m.has("lokr_w1") else m["lokr_w1_a"] @ m["lokr_w1_b"]
    if m.has("lokr_t2"):
        w2 = numpy.einsum("ij...,jr,ip->pr...", m["lokr_t2"], m["lokr_w2_b"], m["lokr_w2_a"])
    else:
        w2 = m["lokr_w2"] if m.has("lokr_w2") else m["lokr_w2_a"] @ flat(m["lokr_w2_b"])
    if w2.ndim == 3:  # as PEFT does with Conv1d, which is not what LyCORIS does
        return scale * (numpy.kron(w1[None], w2) if m.is_peft else numpy.kron(w1[..., None], w2)).reshape(weight.shape)
    return scale * numpy.kron(w1.reshape(w1.shape + (1,) * (w2.ndim - 2)), w2).reshape(weight.shape)


def vera(m, weight):
    kind = "pvera" if m.has("pvera_lambda_b") else "vera"
    b, d = m[kind + "_lambda_b"], m[kind + "_lambda_d"]
    rank = len(d) // 2 if kind == "pvera" else len(d)
    a, big = m.shared[kind + "_A"][:rank, :weight.shape[1]], m.shared[kind + "_B"][:len(weight)]
    return (b[:, None] * big) @ (d[:rank, None] * a)


def random_bases(m, weight):
    lambdas, gamma = m["randlora_lambda"], m["randlora_gamma"]
    a = (m["randlora_A"] if m.has("randlora_A") else m.shared["randlora_A"])
    b = (m["randlora_B"] if m.has("randlora_B") else m.shared["randlora_B"])
    rank, bases = lambdas.shape
    small, large = min(weight.shape), max(weight.shape)
    left = (lambdas[:, :, None] * a[:, :1, :small] * gamma[None]).reshape(rank * bases, small)
    right = b[:large, :bases].reshape(large, bases * rank)
    delta = right @ left
    return m.number("randlora_alpha") / m.number("r") * (delta.T if weight.shape[1] > weight.shape[0] else delta)


def vectors(m, _):
    bank, parts = m.shared["vblora_vector_bank"], []
    for side in "AB":
        if m.has(f"vblora_logits_{side}"):
            logits = m[f"vblora_logits_{side}"]
            best = numpy.argsort(-logits, axis=-1)[..., :m.number("topk")]
            weights = numpy.exp(numpy.take_along_axis(logits, best, -1))
            weights /= weights.sum(-1, keepdims=True)
        else:
            best, weights = m[f"vblora_logits_{side}_topk_indices"].astype(int), m[f"vblora_logits_{side}_topk_weights"]
            weights = numpy.concatenate([weights, 1 - weights.sum(-1, keepdims=True)], -1)
        parts.append((weights[..., None] * bank[best]).sum(-2))
    a, b = parts
    return b.transpose(0, 2, 1).reshape(-1, b.shape[1]) @ a.reshape(len(a), -1)


def one_vector(m, _):
    theta = m.shared["unilora_theta_d"]
    a, b = (theta[m[f"unilora_indices_{side}"].astype(int)] * m[f"unilora_scales_{side}"] for side in "AB")
    return b @ a


def tiny(m, _):
    keys = sorted(key for key in m.shared if key.startswith("tinylora_v."))
    v = m.shared[keys[m.place]]
    middle = (v[:, None, None] * m["tinylora_P"]).sum(0)
    return m["tinylora_B"] @ middle @ m["tinylora_A"]


def fourier(m, weight):
    spectrum, dense = m["fourierft_spectrum"], numpy.zeros(weight.shape)
    dense.reshape(-1)[torch_places(m.number("random_loc_seed", 777), weight.size)[:len(spectrum)]] = spectrum
    return numpy.fft.ifft2(dense).real * m.number("scaling")


def filter_of(family):
    """The low-pass filter of reconstruction: of coif1 in closed form, Daubechies's of the roots of its polynomial within the unit circle."""
    if family == "coif1":
        return numpy.array([1 - 7**0.5, 5 + 7**0.5, 14 + 2 * 7**0.5, 14 - 2 * 7**0.5, 1 - 7**0.5, -3 + 7**0.5]) / (16 * 2**0.5)
    order = int(family.removeprefix("db"))
    numbers = numpy.ones(1)
    for y in numpy.roots([math.comb(order - 1 + k, k) for k in range(order - 1, -1, -1)]):
        sum_of_both = 2 - 4 * y  # z + 1/z
        z = min(numpy.roots([1, -sum_of_both, 1]), key=abs)
        numbers = numpy.convolve(numbers, [1, -z])
    for _ in range(order):
        numbers = numpy.convolve(numbers, [1, 1])
    return numbers.real * (2**0.5 / numbers.real.sum())


def wavelets(m, weight):
    """One level of the inverse transform of a spectrum whose quarters are its bands, in the middle of a larger one."""
    spectrum, dense = m["waveft_spectrum"], numpy.zeros(weight.shape)
    dense.reshape(-1)[torch_places(m.number("random_loc_seed", 777), weight.size)[:len(spectrum)]] = spectrum
    low = filter_of(m.number("wavelet_family"))
    high = low[::-1] * [(-1) ** i for i in range(len(low))]
    cut = len(low) - 2
    whole = [extent + cut + (extent + cut) % 2 for extent in weight.shape]
    first = [(size - extent) // 2 for size, extent in zip(whole, weight.shape)]
    bands = numpy.zeros(whole)
    bands[first[0]:first[0] + weight.shape[0], first[1]:first[1] + weight.shape[1]] = dense
    rows, columns = whole[0] // 2, whole[1] // 2
    out = numpy.zeros([size + cut for size in whole])
    for band, along, across in ((bands[:rows, :columns], low, low), (bands[:rows, columns:], high, low), (bands[rows:, :columns], low, high),
                                (bands[rows:, columns:], high, high)):
        for i in range(rows):
            for j in range(columns):
                out[2 * i:2 * i + len(low), 2 * j:2 * j + len(low)] += band[i, j] * numpy.outer(along, across)
    out = out[cut:len(out) - cut or None, cut:out.shape[1] - cut or None]
    return out[:weight.shape[0], :weight.shape[1]] * m.number("scaling")


def torch_places(seed, count):
    """torch.randperm's permutation. Its generator is MT19937; of few numbers each is drawn by one 32-bit word."""
    words = numpy.random.RandomState(seed)  # pylint: disable=no-member
    out = numpy.arange(count)
    for i in range(count - 1):
        j = i + int(words.randint(0, 2**32, dtype=numpy.uint32)) % (count - i)
        out[i], out[j] = out[j], out[i]
    return out


def circulant(m, weight):
    kernel = m["c3a_kernel"]
    rows, columns, size = kernel.shape
    places = (numpy.arange(size)[None, :] - numpy.arange(size)[:, None]) % size
    return kernel[:, :, places].transpose(0, 2, 1, 3).reshape(rows * size, columns * size) / weight.shape[1]


def sparse(m, weight):
    delta = numpy.zeros(weight.shape)
    rows, columns = m["shira_indices"].astype(int)
    numpy.add.at(delta, (rows, columns), m["shira_weight"].reshape(-1))
    return delta


def super_tuned(m, weight):
    delta = numpy.zeros(weight.size)
    numpy.add.at(delta, m["supertuning_indices"].astype(int), m["supertuning_values"])
    delta = delta.reshape(weight.shape)
    if m.has("supertuning_lora_A"):
        delta = delta + m.number("lora_alpha", m.number("r")) / m.number("r") * m["supertuning_lora_B"] @ m["supertuning_lora_A"]
    return delta


def shards(m, weight):
    block = m["miss_block"]
    if m.number("init_weights") == "bat":
        size = block.shape[-1]
        parts = weight.reshape(len(block), size, weight.shape[1] // size, size).transpose(0, 2, 1, 3)
        return (parts @ block[:, None] + block[:, None]).transpose(0, 2, 1, 3).reshape(weight.shape)
    if m.number("init_weights") == "mini":
        block = numpy.tile(block, (1, len(weight) // block.shape[1]))
    return block[numpy.arange(weight.shape[1]) % len(block)].T


def granular(m, weight):
    a, b = m["gralora_A"], m["gralora_B"]
    k, inputs, rank = a.shape
    outputs, part, delta = b.shape[2], rank // k, numpy.zeros(weight.shape)
    for o in range(k):
        for i in range(k):
            block = a[i][:, o * part:(o + 1) * part] @ b[o][i * part:(i + 1) * part]
            delta[o * outputs:(o + 1) * outputs, i * inputs:(i + 1) * inputs] = block.T
    if m.has("gralora_A_general"):
        delta = delta + m["gralora_B_general"] @ m["gralora_A_general"]
    return m.number("alpha") / (m.number("r") + m.number("hybrid_r", 0)) * delta


def singular_part(weight, rank):
    """The product of the `rank` greatest singular parts, or with a negative rank of the smallest."""
    u, s, v = numpy.linalg.svd(weight, full_matrices=False)
    part = slice(0, rank) if rank > 0 else slice(rank, None)
    return (u[:, part] * s[part]) @ v[part]


def undone(m, weight):
    """What the initialisation took from the weight before anything was learned."""
    start, rank = m.number("init_lora_weights"), m.number("r")
    if m.number("kasa_config") is not None:
        return singular_part(weight, -rank)
    if start == "pissa":
        return singular_part(weight, rank)
    if start == "olora":
        q, r = numpy.linalg.qr(weight)
        return m.scale(rank) * q[:, :rank] @ r[:rank]
    return 0


def time_dependent(m, weight):
    rank = m["lambda_layer"].shape[1]
    p, q = flat(m["p_layer"]), flat(m["q_layer"])
    return m.scale(rank) * ((p * m["lambda_layer"]) @ q - singular_part(flat(weight), rank)).reshape(weight.shape)


KINDS = [("lora_A", lora), ("lora_down", lora), ("lora.down", lora), ("lora_embedding_A", lora), ("hada_w1_a", hadamard), ("lokr_w1", kronecker),
         ("lokr_w1_a", kronecker), ("vera_lambda_b", vera), ("pvera_lambda_b", vera), ("randlora_lambda", random_bases), ("vblora_logits_A", vectors),
         ("vblora_logits_A_topk_indices", vectors), ("unilora_indices_A", one_vector), ("tinylora_P", tiny), ("fourierft_spectrum", fourier),
         ("waveft_spectrum", wavelets), ("c3a_kernel", circulant), ("shira_weight", sparse), ("supertuning_values", super_tuned), ("miss_block", shards),
         ("gralora_A", granular), ("lambda_layer", time_dependent), ("diff", lambda m, _: m["diff"]), ("w_norm", lambda m, _: m["w_norm"])]


def delta_of(m, weight):
    for factor, make in KINDS:
        if m.has(factor):
            return make(m, weight)
    return None


def added(m, weight, bias):
    """(weight, bias) with all that the module adds."""
    delta = delta_of(m, weight)
    out = None if delta is None else weight - (undone(m, weight) if m.is_peft else 0) + m.strength * delta
    bias_delta = next((m[key] for key in ("diff_b", "b_norm") if m.has(key)), None)
    if m.has("lora_B.bias"):
        bias_delta = m.scale(len(m["lora_A"])) * m["lora_B.bias"]
    return out, None if bias_delta is None or bias is None else bias + m.strength * bias_delta


assert math.isclose(spread(numpy.ones((2, 2)), 4).sum(), 4)
