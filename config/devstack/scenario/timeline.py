"""The story on screen: one line for each thing that happened, with the second it happened in."""

import contextlib
import sys
import time
from collections.abc import Iterator

WIDTH = 46


class Timeline:
    """Prints steps as they happen; time counts from the start of the stack."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        print(f"\n{title}", flush=True)

    def note(self, text: str, detail: str = "") -> None:
        """One finished line."""
        joined = f"{text:<{WIDTH}} {detail}" if detail else text
        print(f"  {self.seconds:6.1f} s  {joined}", flush=True)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[list[str]]:
        """A step that takes a while; what the body appends is shown as its result."""
        live = sys.stdout.isatty()
        if live:
            print(f"  {self.seconds:6.1f} s  {text:<{WIDTH}} …", end="", flush=True)
        result: list[str] = []
        try:
            yield result
        except BaseException:
            print(f"{chr(13) if live else ''}  {self.seconds:6.1f} s  {text:<{WIDTH}} FAILED")
            raise
        if live:
            print(end="\r\x1b[2K")
        self.note(text, "  ".join(result))
