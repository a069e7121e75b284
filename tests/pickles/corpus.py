# SPDX-License-Identifier: Apache-2.0
"""The files of refusals.py and python_reads.py: (name, bytes, what ckmerge says of it, or None where it opens it)."""
from dict_states import states
from members import members
from refused_files import archives, directories, harmless, machines, repeated, streams, tensors
from refused_names import refused_names


def corpus():
    for group in (refused_names, archives, directories, machines, repeated, states, members, tensors, streams, harmless):
        yield from group()
