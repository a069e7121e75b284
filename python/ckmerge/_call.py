# SPDX-License-Identifier: Apache-2.0
"""One call: the engine works in a thread of its own, and the calling thread waits, shows progress and can be interrupted.

Whatever is the caller's runs in the caller's thread: its progress callable, what makes its lazy tensors, Ctrl-C. An
exception of any of these stops the engine, and is raised when the engine has ended and left nothing behind.
"""
from __future__ import annotations

import ctypes
import json
import threading
import time
import warnings
from collections import deque
from typing import Any, Callable, Optional

from . import _library
from .errors import Warning as MergeWarning
from .errors import error_of
from .progress import Event, Progress, Shown

_STEP = 0.05  # seconds between looks at what the engine has to say, where it does not wake the caller itself
_TICK = 0.1  # seconds without an event after which a callable is called all the same


class _Job:
    """Something that the engine's thread wants done by the caller's."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.done = threading.Event()
        self.failed = False


class Caller:
    """The calling thread, as the engine's threads see it."""

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Event()
        self._gone = False
        self.refuses = False  # whether all that is asked for fails
        self.fault: Optional[BaseException] = None  # the first of what went wrong in the engine's threads

    def do(self, work: Callable[[], object]) -> bool:
        """Has ``work`` done in the caller's thread and waits for it. False: it failed, or the caller is gone."""
        job = _Job(work)
        self._jobs.append(job)
        self._wake.set()
        while not job.done.wait(_STEP):
            if self._gone:
                return False
        return not job.failed

    def wake(self) -> None:
        """Something has come for the caller."""
        self._wake.set()

    def wait(self) -> None:
        """Until something has come, or for a step."""
        if not self._jobs:
            self._wake.wait(_STEP)
        self._wake.clear()

    def serve(self, refuse: bool) -> None:
        """Does what was asked for, for a step at most: more comes as fast as it is done. With ``refuse`` all of it fails."""
        self.refuses = refuse
        until = time.monotonic() + _STEP
        while self._jobs and time.monotonic() < until:
            job = self._jobs.popleft()
            job.failed = True
            try:
                if not refuse:
                    job.work()
                    job.failed = False
            finally:
                job.done.set()

    def leave(self) -> None:
        """Nobody serves any more."""
        self._gone = self.refuses = True


class _Run:
    """A call that is under way. The engine's thread holds it, and all that it reads, until the engine has returned."""

    def __init__(self, request: bytes, tables: list[Any], caller: Caller) -> None:
        self.caller = caller
        self.events: deque[bytes] = deque()
        self.sentences: list[str] = []
        self.stop = ctypes.c_int(0)
        self.over = False
        self.exit = 1
        self.answer: Optional[bytes] = None
        self.fault: Optional[BaseException] = None
        self._request = request
        self._tables = tables
        self._session = _library.session()

    def start(self) -> None:
        threading.Thread(target=self._work, name="ckmerge").start()

    def _progress(self, _context: object, event: bytes) -> int:
        self.events.append(event)
        self.caller.wake()
        return self.stop.value

    def _warn(self, _context: object, sentence: bytes) -> None:
        self.sentences.append(sentence.decode("utf-8", "replace").strip())

    def _options(self) -> _library.CallOptions:
        options = _library.CallOptions(size=ctypes.sizeof(_library.CallOptions))
        options.progress = _library.Progress(self._progress)
        options.warn = _library.Warn(self._warn)
        options.stop = ctypes.pointer(self.stop)
        tables = (_library.Tensors * len(self._tables))(*(table.described() for table in self._tables))
        options.tensors = tables  # no cast(), which makes a circle that would keep the user's tensors for the collector
        options.tensors_count = len(self._tables)
        return options

    def _ask(self) -> None:
        lib, options, answer = _library.library(), self._options(), ctypes.c_void_p()
        self.exit = lib.ckmerge_call(self._session, self._request, ctypes.byref(options), ctypes.byref(answer))
        if answer.value:
            self.answer = ctypes.string_at(answer.value)
            lib.ckmerge_free(answer)

    def _work(self) -> None:
        try:
            self._ask()
        except BaseException as fault:  # of this module's own
            self.fault = fault
        finally:
            # What the user gave is the user's again before the user's thread goes on.
            self._tables = []
            self.over = True
            self.caller.wake()


class _Watch:
    """The caller's side of a run."""

    def __init__(self, run: _Run, shown: Shown) -> None:
        self._run = run
        self._shown = shown
        self._last = Event()
        self._told = time.monotonic()
        self.failure: Optional[BaseException] = None

    def until_over(self) -> None:
        """Serves the run until it is over. The first exception stops it, the second leaves it alone."""
        while True:
            try:
                while not self._run.over:
                    self._run.caller.wait()
                    self._run.caller.serve(refuse=self.failure is not None)
                    self._tell()
                self._tell()
                return
            except BaseException as failure:
                self._run.stop.value = 1
                if self.failure is not None:
                    self._run.caller.leave()
                    raise
                self.failure = failure

    def _tell(self) -> None:
        events, call = self._run.events, self._shown.call
        if call is None or self.failure is not None:
            events.clear()
            return
        while events:
            self._last = Event(json.loads(events.popleft()))
            self._told = time.monotonic()
            call(self._last)
        if self._shown.wants_ticks and not self._run.over and time.monotonic() - self._told >= _TICK:
            self._told = time.monotonic()
            call(Event(self._last, event="tick"))


def call(command: str, inputs: list[str], options: dict[str, Any], tables: list[Any], caller: Caller,
         progress: Progress = None, warn: bool = True, leave_out: str = "") -> dict[str, Any]:
    """The document that ``ckmerge COMMAND --json`` would print. Raises an ``Error`` where the program would end with an
    exit code that is not 0; ``warn`` issues what the document and the engine warn of as ``ckmerge.Warning``, but for what
    begins with ``leave_out``, which nobody asked for."""
    request = json.dumps({"command": command, "inputs": inputs, "options": options}, allow_nan=False).encode()
    shown = Shown(progress)
    run = _Run(request, tables, caller)
    watch = _Watch(run, shown)
    try:
        run.start()
        watch.until_over()
    finally:
        shown.close()
    if watch.failure is not None:
        raise watch.failure
    return _answer_of(run, warn, leave_out)


def _answer_of(run: _Run, warn: bool, leave_out: str) -> dict[str, Any]:
    if run.fault is not None:
        raise run.fault
    if run.answer is None:
        raise MemoryError("memory ran out, and there was none left to say what for")
    document: dict[str, Any] = json.loads(run.answer)
    if run.exit != 0 and run.caller.fault is not None:
        raise run.caller.fault
    if run.exit != 0:
        raise error_of(run.exit, document)
    if leave_out and "warnings" in document:
        document["warnings"] = [sentence for sentence in document["warnings"] if not sentence.startswith(leave_out)]
    if warn:
        for sentence in dict.fromkeys([*run.sentences, *document.get("warnings", ())]):
            warnings.warn(sentence, MergeWarning, stacklevel=_outside())
    return document


def _outside() -> int:
    """The stacklevel of the first frame that is not of this package, as seen from ``_answer_of``."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level
