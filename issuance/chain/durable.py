"""Small JSON files beside the keys: changed by one command at a time, written whole or not at all."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let nobody else change a file between its reading and its writing; waits for whoever does.

    The lock is another file: the one that is changed is replaced, and a lock on it with it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_object(path: Path) -> dict[str, Any]:
    """The members of the JSON object in a file, none when there is no file. Raises ValueError."""
    try:
        return parse_object(path.read_bytes())
    except FileNotFoundError:
        return {}


def parse_object(text: bytes) -> dict[str, Any]:
    """The members of a JSON object in UTF-8. Raises ValueError, which says what the text is not."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError("not JSON") from error
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what is wrong is the text
    return document


def replace_object(path: Path, members: dict[str, Any]) -> None:
    """Put a JSON object in the place of a file, as ``replace_text`` does."""
    replace_text(path, json.dumps(members, indent=1, sort_keys=True) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, on disk when this returns; a crash leaves old or new.

    To be called under ``exclusive``. The permissions of a file that is there stay as they are.
    """
    draft = path.with_suffix(".tmp")
    with draft.open("w") as file:
        if path.exists():
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    keep_name(path)


def keep_name(path: Path) -> None:
    """Put a file's name on disk: making or renaming it alone is in the memory of the file system."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
