"""The canonical CSV of statements and confirmations: bytes to typed lines and back.

Pure: no database, no clock. docs/operations/statements.md is the specification.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import TypeVar

from stdnum import isin as isin_number

from core.units import QuantityInvalid, Units, format_quantity, parse_quantity
from custody.providers.files import (
    Basis,
    ConfirmationFile,
    ConfirmationLine,
    FileIncomplete,
    FileRefused,
    FileTooLarge,
    LineDoubled,
    Outcome,
    ParsedFile,
    PositionLine,
    StatementFile,
)

MARK = b"HDR,"
VERSION = "1"
FILE_LINES_MAX = 20_000
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_REASON = re.compile(r"[A-Z0-9_]{0,40}")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

T = TypeVar("T")
_Row = tuple[int, list[str]]


def parse(raw: bytes) -> ParsedFile:
    """Read one file. Raises FileRefused or one of its kinds, naming the line at fault."""
    rows = _rows(raw)
    header_line, header = rows[0]
    if header[0] != "HDR" or len(header) != len(("HDR", "v", "kind", "ref", "from", "at")):
        raise FileRefused("the first line must be HDR with six fields", line=header_line)
    if header[1] != VERSION:
        raise FileRefused("only version 1 is known", line=header_line)
    reference, sender = _reference(header_line, header[3]), _reference(header_line, header[4])
    created_at = _moment(header_line, header[5])
    if header[2] == "STATEMENT":
        return _statement(rows[1:-1], reference, sender, created_at)
    if header[2] == "CONFIRMATION":
        lines = tuple(_confirmation_line(row) for row in rows[1:-1])
        _refuse_doubles((each.line, f"{each.custodian_reference} {each.outcome}") for each in lines)
        return ConfirmationFile(
            reference=reference, sender=sender, created_at=created_at, lines=lines
        )
    raise FileRefused("the kind must be STATEMENT or CONFIRMATION", line=header_line)


def emit(file: ParsedFile) -> bytes:
    """Write one file; ``parse`` gives the same back."""
    kind = "STATEMENT" if isinstance(file, StatementFile) else "CONFIRMATION"
    rows: list[tuple[str, ...]] = [
        ("HDR", VERSION, kind, file.reference, file.sender, _write_moment(file.created_at))
    ]
    body = list(_statement_rows(file) if isinstance(file, StatementFile) else _cnf_rows(file))
    counted = sum(row[0] != "ACC" for row in body)
    rows += [*body, ("TRL", str(counted))]
    return "".join(",".join(row) + "\r\n" for row in rows).encode("ascii")


def _statement_rows(file: StatementFile) -> Iterator[tuple[str, ...]]:
    yield "ACC", file.account, file.basis, _write_moment(file.as_of)
    for each in file.positions:
        yield "POS", each.isin, format_quantity(each.settled), format_quantity(each.blocked)


def _cnf_rows(file: ConfirmationFile) -> Iterator[tuple[str, ...]]:
    for each in file.lines:
        yield (
            "CNF",
            each.our_reference,
            each.custodian_reference,
            each.outcome,
            each.isin,
            format_quantity(each.quantity),
            each.value_date.isoformat(),
            each.reason,
        )


def _rows(raw: bytes) -> list[_Row]:
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileRefused("only ASCII is allowed", line=line) from None
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if len(lines) > FILE_LINES_MAX:
        raise FileTooLarge(f"a file has at most {FILE_LINES_MAX} lines")
    rows = [(number, line.split(",")) for number, line in enumerate(lines, start=1)]
    last_line, trailer = rows[-1]
    counted = sum(row[0] not in {"HDR", "ACC", "TRL"} for _, row in rows)
    if trailer != ["TRL", str(counted)]:
        raise FileIncomplete(f"the last line must be TRL,{counted}", line=last_line)
    return rows


def _statement(
    rows: list[_Row], reference: str, sender: str, created_at: datetime
) -> StatementFile:
    if not rows or rows[0][1][0] != "ACC":
        raise FileRefused("the second line must be ACC", line=2)
    line, account = _fields(rows[0], "ACC", 4)
    positions = tuple(_position(row) for row in rows[1:])
    _refuse_doubles((each.line, each.isin) for each in positions)
    return StatementFile(
        reference=reference,
        sender=sender,
        created_at=created_at,
        account=_reference(line, account[0]),
        basis=_read(line, Basis, account[1], "basis"),
        as_of=_moment(line, account[2]),
        positions=positions,
    )


def _position(row: _Row) -> PositionLine:
    line, fields = _fields(row, "POS", 4)
    settled, blocked = _quantity(line, fields[1]), _quantity(line, fields[2])
    if blocked > settled:
        raise FileRefused("more is blocked than settled", line=line)
    return PositionLine(line=line, isin=_isin(line, fields[0]), settled=settled, blocked=blocked)


def _confirmation_line(row: _Row) -> ConfirmationLine:
    line, fields = _fields(row, "CNF", 8)
    quantity = _quantity(line, fields[4])
    if quantity == 0:
        raise FileRefused("the quantity must be positive", line=line)
    if not _REASON.fullmatch(fields[6]):
        raise FileRefused("the reason is not a code", line=line)
    return ConfirmationLine(
        line=line,
        our_reference=_reference(line, fields[0]),
        custodian_reference=_reference(line, fields[1]),
        outcome=_read(line, Outcome, fields[2], "outcome"),
        isin=_isin(line, fields[3]),
        quantity=quantity,
        value_date=_day(line, fields[5]),
        reason=fields[6],
    )


def _fields(row: _Row, kind: str, count: int) -> _Row:
    line, fields = row
    if fields[0] != kind:
        raise FileRefused(f"expected a {kind} line", line=line)
    if len(fields) != count:
        raise FileRefused(f"a {kind} line has {count} fields, not {len(fields)}", line=line)
    return line, fields[1:]


def _refuse_doubles(keys: Iterable[tuple[int, str]]) -> None:
    seen: dict[str, int] = {}
    for line, key in keys:
        if key in seen:
            raise LineDoubled(f"repeats line {seen[key]}", line=line)
        seen[key] = line


def _read(line: int, reader: Callable[[str], T], text: str, name: str) -> T:
    try:
        return reader(text)
    except ValueError:
        raise FileRefused(f"the {name} is not valid", line=line) from None


def _reference(line: int, text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise FileRefused("a reference is 1 to 64 letters, digits and ._/-", line=line)
    return text


def _isin(line: int, text: str) -> str:
    if not isin_number.is_valid(text) or text != isin_number.compact(text):
        raise FileRefused("the ISIN or its check digit is wrong", line=line)
    return text


def _quantity(line: int, text: str) -> Units:
    try:
        return parse_quantity(text)
    except QuantityInvalid:
        raise FileRefused("the quantity is not a plain decimal", line=line) from None


def _moment(line: int, text: str) -> datetime:
    moment = _read(line, lambda each: datetime.strptime(each, _MOMENT), text, "time")  # noqa: DTZ007 - Z follows
    return moment.replace(tzinfo=UTC)


def _day(line: int, text: str) -> date:
    if not _DAY.fullmatch(text):
        raise FileRefused("the date is not YYYY-MM-DD", line=line)
    return _read(line, date.fromisoformat, text, "date")


def _write_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_MOMENT)
