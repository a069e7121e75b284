# SPDX-License-Identifier: Apache-2.0
"""Many files in one, as conformance_driver reads and writes them."""
import struct


def join(files):
    return b"".join(struct.pack("<Q", len(file)) + file for file in files)


def split(pack):
    files, at = [], 0
    while at < len(pack):
        (size,) = struct.unpack_from("<Q", pack, at)
        files.append(pack[at + 8:at + 8 + size])
        at += 8 + size
    return files
