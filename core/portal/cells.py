"""The values a portal page shows: quantities, times, statuses and links, each in one form."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.timezone import localtime

from core.units import format_quantity

# A status word means the same colour on every page.
STATUS_TONES = {
    word: tone
    for tone, text_of_words in {
        "success": "ACTIVE ADJUSTED ALLOW APPROVED CLEAR COMPLETED DELIVERED DONE ENABLED EXPLAINED"
        " FINAL_OK IMPORTED MATCHED PASSED PROVED REGISTERED SETTLED",
        "info": "ADVISED ASSIGNED CHALLENGED CONDITIONS INCLUDED INSTRUCTED IN_ESCROW"
        " PARTIALLY_DELIVERED PARTIALLY_SETTLED QUEUED REQUESTED SENT SUBMITTED",
        "warning": "ASKING AWAITING_APPROVAL AWAITING_TOKENS BEGUN CHECKING DISABLED EXIT_ONLY FAILING FENCED"
        " IN_REVIEW PENDING PROPOSED RETURNING REVERSED REVIEW UNMATCHED",
        "danger": "DEAD DENY FAILED FINAL_REVERTED FREEZE FROZEN OPEN REFUSED REJECTED REVOKED"
        " SUSPENDED",
    }.items()
    for word in text_of_words.split()
}

# The same for Unfold's list columns, which need an answer for every word.
LABEL_TONES: defaultdict[str, str] = defaultdict(lambda: "neutral", STATUS_TONES)


@dataclass(frozen=True, slots=True)
class Cell:
    """One shown value. ``tone`` makes it a coloured label; ``note`` is a second, smaller line.

    ``buttons`` are what can be done about it: words, path and look of each.
    """

    text: str
    href: str = ""
    tone: str = ""
    mono: bool = False
    number: bool = False
    note: str = ""
    buttons: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value on an object's page; ``wide`` gives it a line of its own."""

    label: str
    cell: Cell
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A table, a list of facts, or both, under a heading; ``empty`` says why there are no rows."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    facts: Sequence[Fact] = ()
    empty: str = "Nothing here yet."
    note: str = ""

    @property
    def labelled_rows(self) -> list[list[tuple[str, Cell]]]:
        """Each row's cells with the heading of their column."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


BLANK = Cell("\N{EN DASH}")


def text(value: object, *, note: str = "") -> Cell:
    """Plain words; a dash when there are none."""
    return Cell(str(value), note=note) if value not in (None, "") else BLANK


def code(value: object, *, href: str = "", note: str = "") -> Cell:
    """An identifier, hash or address, in a fixed-width face."""
    return Cell(str(value), href=href, mono=True, note=note) if value not in (None, "") else BLANK


def link(value: object, href: str, *, note: str = "") -> Cell:
    """Words that lead to another page."""
    return Cell(str(value), href=href, note=note)


def words(value: str) -> str:
    """``AWAITING_APPROVAL`` as a person writes it: ``Awaiting approval``."""
    return value.replace("_", " ").capitalize()


def status(value: str | None) -> Cell:
    """A status as a coloured label."""
    if not value:
        return BLANK
    return Cell(words(value), tone=STATUS_TONES.get(value.upper(), "neutral"))


def yes_no(value: bool | None) -> Cell:  # noqa: FBT001 - the value shown
    """A boolean; unknown is a dash."""
    return BLANK if value is None else Cell("Yes" if value else "No")


def group_digits(decimal: str) -> str:
    """``1234567.5`` as ``1,234,567.5``."""
    whole, point, rest = decimal.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{rest}"


def quantity(units: int | None, *, note: str = "") -> Cell:
    """Units as a decimal number of wholes, digits grouped, no trailing zeros."""
    if units is None:
        return BLANK
    return Cell(group_digits(format_quantity(units)), number=True, note=note)


def time(moment: datetime | None, *, note: str = "") -> Cell:
    """A moment in UTC to the second."""
    return BLANK if moment is None else Cell(format_moment(moment), note=note)


def format_moment(moment: datetime) -> str:
    """``2026-11-22 15:50:03 UTC``."""
    return f"{localtime(moment):%Y-%m-%d %H:%M:%S}\N{NO-BREAK SPACE}UTC"


def age(span: timedelta) -> str:
    """A span in its two largest units at most: ``3 min``, ``2 h 10 min``, ``4 d 3 h``."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86_400
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)
