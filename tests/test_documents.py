"""The documents name only what exists: files and commands; decisions are numbered."""

import re
import subprocess
from pathlib import Path

from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"\]\(([^)#:]+)\)")
_COMMAND = re.compile(r"manage\.py ([a-z_]+)")


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    return [path for name in listed if (path := ROOT / name).exists()]


def _found(pattern: re.Pattern[str]) -> list[tuple[Path, str]]:
    return [(page, text) for page in _pages() for text in pattern.findall(page.read_text())]


def test_every_link_between_documents_leads_somewhere():
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page, target in _found(_LINK)
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_command_that_a_document_names_exists():
    known = get_commands()
    unknown = [
        f"{page.relative_to(ROOT)}: {name}" for page, name in _found(_COMMAND) if name not in known
    ]
    assert unknown == []


def test_decisions_are_numbered_without_a_gap():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
