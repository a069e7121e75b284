# SPDX-License-Identifier: Apache-2.0
"""One call: the engine works in a thread of its own, and the calling thread waits, shows progress and can be interrupted.

Whatever is the caller's runs in the caller's thread: its progress callable, what makes its lazy tensors, Ctrl-C. An
exception of any of these stops the engine, and is raised when the engine has ended.

A signal's exception may come between any two steps of the caller's thread. So the two threads share plain locks, whose
methods are one step: an Event that is interrupted within may stay locked for ever.
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
from ._words import in_python
from .errors import Warning as MergeWarning
from .errors import error_of
from .progress import Event, Progress, Shown

_STEP = 0.05  # seconds between looks at what the engine has to say, where it does not wake the caller itself
_TICK = 0.1  # seconds without an event after which a callable is called all the same
_PATIENCE = 5.0  # seconds after a stop in which another interrupt is waited out too; a later one leaves the engine alone


def _locked() -> threading.Lock:
    """What one thread waits for, and the other releases."""
    lock = threading.Lock()
    lock.acquire()
    return lock


def _release(lock: threading.Lock) -> None:
    try:
        lock.release()
    except RuntimeError:  # released already
        pass


class _Unawaited(threading.Event):
    """Says to Thread.start that the thread has begun, which waits for it where an interrupt may leave a lock locked."""

    def wait(self, timeout: Optional[float] = None) -> bool:
        return True


class _Job:
    """Something that the engine's thread wants done by the caller's."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.done = _locked()
        self.failed = False


class Caller:
    """The calling thread, as the engine's threads see it."""

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._wake = _locked()
        self.refuses = False  # the caller is gone: all that is asked for fails
        self.fault: Optional[BaseException] = None  # the first of what went wrong in the engine's threads

    def do(self, work: Callable[[], object]) -> bool:
        """Has ``work`` done in the caller's thread and waits for it. False: it failed, or the caller is gone."""
        job = _Job(work)
        self._jobs.append(job)
        self.wake()
        while not job.done.acquire(timeout=_STEP):
            if self.refuses:
                return False
        return not job.failed

    def wake(self) -> None:
        """Something has come for the caller."""
        _release(self._wake)

    def wait(self) -> None:
        """Until something has come, or for a step."""
        if not self._jobs:
            self._wake.acquire(timeout=_STEP)

    def serve(self) -> None:
        """Does what was asked for, for a step at most: more comes as fast as it is done."""
        until = time.monotonic() + _STEP
        while self._jobs and time.monotonic() < until:
            job = self._jobs.popleft()
            job.failed = True
            try:
                job.work()
                job.failed = False
            finally:
                job.done.release()

    def leave(self) -> None:
        """Nobody serves any more: what waits fails within a step."""
        self.refuses = True


class _Run:
    """A call that is under way. The engine's thread holds it, and all that it reads, until the engine has returned."""

    def __init__(self, request: bytes, tables: list[Any], caller: Caller) -> None:
        self.caller = caller
        self.events: deque[bytes] = deque()
        self.sentences: list[str] = []
        self.stop = ctypes.c_int(0)
        self.begun = False
        self.over = False
        self.exit = 1
        self.answer: Optional[bytes] = None
        self.fault: Optional[BaseException] = None
        self._request = request
        self._tables = tables
        self._session = _library.session()

    def start(self) -> None:
        thread = threading.Thread(target=self._work, name="ckmerge")
        setattr(thread, "_started", _Unawaited())
        thread.start()

    @property
    def is_going(self) -> bool:
        """Whether the engine works. After ``stop``, a thread that had not begun will not call it."""
        return self.begun and not self.over

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
        self.begun = True
        try:
            if not self.stop.value:
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
        self._left = False

    def serve(self) -> None:
        """Starts the run and serves it until it is over."""
        self._run.start()
        while not self._run.over:
            self._run.caller.wait()
            self._run.caller.serve()
            self._tell()
        self._tell()

    def end(self, until: Optional[float] = None) -> None:
        """Stops what still runs, and waits for its end, whatever else is raised meanwhile."""
        until = time.monotonic() + _PATIENCE if until is None else until
        try:
            self._run.stop.value = 1
            self._run.caller.leave()
            while self._run.is_going and not self._left:
                self._run.caller.wait()
        finally:
            if self._run.is_going and not self._left:  # another interrupt
                if time.monotonic() < until:
                    self.end(until)
                else:
                    self._left = True

    def _tell(self) -> None:
        events, call = self._run.events, self._shown.call
        if call is None:
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
        try:
            watch.serve()
        finally:
            watch.end()
    finally:
        watch.end()  # for an interrupt between the exception and the line above
        shown.close()
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
    for part in (document, *(document.get("outputs") or ())):
        if "warnings" in part:
            part["warnings"] = [in_python(sentence) for sentence in part["warnings"]
                                if not (leave_out and sentence.startswith(leave_out))]
    if warn:
        for sentence in dict.fromkeys([*map(in_python, run.sentences), *document.get("warnings", ())]):
            warnings.warn(sentence, MergeWarning, stacklevel=_outside())
    return document


def _outside() -> int:
    """The stacklevel of the first frame that is not of this package, as seen from ``_answer_of``."""
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level
