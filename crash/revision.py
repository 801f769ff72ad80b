"""Which code a result was measured on."""

import subprocess

from config.devstack import places

CHANGED = " with changes"


def revision() -> str:
    """The commit of this checkout, "with changes" when it holds more; "" where git knows none."""
    try:
        commit = _git("rev-parse", "--short=10", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + CHANGED * bool(changes)


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=places.CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
