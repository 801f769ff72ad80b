"""What a custodian's file says, in types, whatever format it came in."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum

from core.errors import DomainError
from core.events import format_time
from core.units import Units, format_quantity


class FileRefused(DomainError):
    """The file cannot be used; nothing of it was taken in. ``line`` counts from 1, 0 is the whole."""

    code = "statement_malformed"
    title = "The file does not follow its format."

    def __init__(self, detail: str = "", *, line: int = 0) -> None:
        super().__init__(f"Line {line}: {detail}" if line else detail, line=line)
        self.line = line


class FormatUnknown(FileRefused):
    """None of the supported formats begins like this."""

    code = "statement_format_unknown"
    title = "The file is in no supported format."


class LineDoubled(FileRefused):
    """Two lines speak of the same holding or the same confirmation."""

    code = "statement_line_doubled"
    title = "Two lines of the file speak of the same thing."


class FileIncomplete(FileRefused):
    """The trailer is missing or counts other lines than there are."""

    code = "statement_incomplete"
    title = "The file is cut short or its trailer miscounts."


class FileTooLarge(FileRefused):
    """More bytes or lines than one file may have."""

    code = "statement_too_large"
    title = "The file is too large."


class Outcome(StrEnum):
    """What a confirmation reports about one deposit or delivery."""

    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"
    FAILING = "FAILING"
    SETTLED = "SETTLED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


class Basis(StrEnum):
    """On which basis a statement counts: settled, traded or contractual. Only SETT can be used."""

    SETT = "SETT"
    TRAD = "TRAD"
    CONT = "CONT"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One holding: settled units, of which ``blocked`` cannot be moved."""

    line: int
    isin: str
    settled: Units
    blocked: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """A statement of holdings of one account at one moment."""

    reference: str
    sender: str
    created_at: datetime
    account: str
    basis: Basis
    as_of: datetime
    positions: tuple[PositionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationLine:
    """One report about one of our deposits or deliveries; ``quantity`` is this part's units."""

    line: int
    our_reference: str
    custodian_reference: str
    outcome: Outcome
    isin: str
    quantity: Units
    value_date: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationFile:
    """Reports about deposits and deliveries, in the order they happened."""

    reference: str
    sender: str
    created_at: datetime
    lines: tuple[ConfirmationLine, ...]


ParsedFile = StatementFile | ConfirmationFile


def to_json(parsed: ParsedFile) -> str:
    """The typed lines as JSON: quantities as decimal strings of shares, times in RFC 3339."""
    kind = "statement" if isinstance(parsed, StatementFile) else "confirmation"
    return json.dumps({"kind": kind} | asdict(parsed, dict_factory=_plain), indent=2)


def _plain(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {name: _plain_value(name, value) for name, value in pairs}


def _plain_value(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and name != "line":
        return format_quantity(value)
    return value
