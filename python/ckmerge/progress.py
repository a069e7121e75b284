# SPDX-License-Identifier: Apache-2.0
"""How far a call is: the events that a callable is given, and what ``progress=True`` shows."""
from __future__ import annotations

import sys
import time
from typing import Any, Callable, Optional, TextIO, Union

_LINE_EVERY = 5.0  # seconds between plain lines, as the program has it


class Event(dict[str, Any]):
    """One event, as a line of ``--progress json`` has it (docs/cli.md, "Progress"), with its keys as attributes too.

    ``event`` is ``"start"``, ``"progress"`` or ``"finish"``, or ``"tick"`` where nothing has come for a tenth of a second:
    then the numbers are the last ones. Whatever is not told is 0 or an empty string.

    >>> event = Event(event="progress", stage="merge", done=524288, total=1146632)
    >>> event.stage, event["done"], event.rate
    ('merge', 524288, 0)
    """

    @property
    def event(self) -> str:
        """What happened."""
        return str(self.get("event", ""))

    @property
    def stage(self) -> str:
        """``"merge"``, ``"hash"``, ``"seal"``, ``"verify"`` or ``"scan"``."""
        return str(self.get("stage", ""))

    @property
    def done(self) -> int:
        """Bytes of this stage that are done."""
        return int(self.get("done", 0))

    @property
    def total(self) -> int:
        """Bytes of this stage."""
        return int(self.get("total", 0))

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return float(self.get("seconds", 0))

    @property
    def rate(self) -> int:
        """Bytes per second."""
        return int(self.get("rate", 0))


ProgressCallable = Callable[[Event], object]
Progress = Union[bool, ProgressCallable, None]


class _Bar:
    """A bar of tqdm's, in a terminal or a notebook: one for each stage."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._stage = ""

    def __call__(self, event: Event) -> None:
        if event.event == "progress":
            self._show(event)
        elif event.event == "finish":
            self._finish()

    def _show(self, event: Event) -> None:
        if self._bar is None or self._stage != event.stage:
            self._finish()
            self._stage = event.stage
            self._bar = self._tqdm(total=event.total, unit="B", unit_scale=True, desc=event.stage, leave=True)
        self._bar.update(event.done - self._bar.n)

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.total - self._bar.n)
            self._bar.close()
            self._bar = None

    def close(self) -> None:
        """Leaves the bar as it is, where the call failed."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Lines:
    """A line on stderr every few seconds, and none for what is over sooner."""

    def __init__(self, stream: Optional[TextIO] = None) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        if event.event != "progress" or time.monotonic() - self._last < _LINE_EVERY:
            return
        self._last = time.monotonic()
        stream = self._stream or sys.stderr
        if stream is not None:  # pythonw has none
            print(_line(event), file=stream, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


def _line(event: Event) -> str:
    share = 100 * event.done // event.total if event.total else 0
    return f"{event.stage}: {share} %, {event.done / 1e9:.2f} of {event.total / 1e9:.2f} GB, {event.rate / 1e9:.2f} GB/s"


class Shown:
    """What ``progress=`` came to: a callable, with what is to be closed at the end."""

    def __init__(self, progress: Progress) -> None:
        self._shown: Union[_Bar, _Lines, None] = None
        self.call: Optional[ProgressCallable] = None
        if progress is True:
            self._shown = self.call = _default()
        elif progress is not None and progress is not False:
            if not callable(progress):
                raise TypeError(f"progress is True, False or a callable, not {type(progress).__name__}")
            self.call = progress

    @property
    def wants_ticks(self) -> bool:
        """Whether a user's callable polls something else in it."""
        return self.call is not None and self._shown is None

    def close(self) -> None:
        """To be called when the call is over, whatever came of it."""
        if self._shown is not None:
            self._shown.close()


def _default() -> Union[_Bar, _Lines]:
    if sys.stderr is None:
        return _Lines()
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notebook without widgets: the bar is text then
            from tqdm.auto import tqdm
    except ImportError:
        return _Lines()
    return _Bar(tqdm)
