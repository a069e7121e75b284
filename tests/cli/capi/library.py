# SPDX-License-Identifier: Apache-2.0
"""The C interface as tests of whole commands use it: the library, which is the second argument, by ctypes."""
import ctypes
import json
import sys


class Library:
    def __init__(self, path, settings=None):
        self.library = ctypes.CDLL(path)
        self.library.ckmerge_open.restype = self.library.ckmerge_describe.restype = ctypes.c_void_p
        self.library.ckmerge_describe.argtypes = self.library.ckmerge_free.argtypes = [ctypes.c_void_p]
        self.library.ckmerge_call.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p,
                                              ctypes.POINTER(ctypes.c_void_p)]
        self.session = self.library.ckmerge_open(json.dumps(settings or {}).encode())
        assert self.session

    def text(self, pointer):
        text = ctypes.string_at(pointer).decode()
        self.library.ckmerge_free(pointer)
        return text

    def describe(self):
        return json.loads(self.text(self.library.ckmerge_describe(self.session)))

    def call(self, command, inputs=(), **options):
        """(exit code, document); options with _ in place of -."""
        request = {"command": command, "inputs": list(inputs),
                   "options": {name.replace("_", "-"): value for name, value in options.items()}}
        answer = ctypes.c_void_p()
        code = self.library.ckmerge_call(self.session, json.dumps(request).encode(), None, ctypes.byref(answer))
        return code, json.loads(self.text(answer))


def library(settings=None):
    return Library(sys.argv[2], settings)
