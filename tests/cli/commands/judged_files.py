# SPDX-License-Identifier: Apache-2.0
"""Files of given names, dtypes and shapes, for what is judged by the header alone."""
import json
import pathlib
import struct

SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1, "F4": 0.5,
         "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4, "C64": 8, "U64": 8, "I64": 8, "F64": 8}


def write(path, tensors, fill=0x38, metadata=None):
    """tensors: {name: (dtype, shape)} or {name: (dtype, shape, bytes)}; 0x38 in every byte is a small number of every dtype."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, *given) in tensors.items():
        count = 1
        for n in shape:
            count *= n
        value = given[0] if given else bytes([fill & 1 if dtype == "BOOL" else fill]) * int(count * SIZES[dtype])
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(value)]}
        data += value
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def below(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}
