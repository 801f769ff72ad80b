"""The canonical CSV: what is written is read back, and everything else is refused with its line."""

import json
from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import isin as isin_number

from core.units import UNITS_MAX, Units
from custody.providers import canonical_csv, files, formats
from custody.providers.files import (
    Basis,
    ConfirmationFile,
    ConfirmationLine,
    FileRefused,
    Outcome,
    PositionLine,
    StatementFile,
)

STATEMENT = b"""HDR,1,STATEMENT,ST1,SANDBOX,2026-11-20T22:00:00Z
ACC,SB-0001,SETT,2026-11-20T22:00:00Z
POS,US46438F1012,1000.5,0
POS,US3159481098,500,20
TRL,2
"""
CONFIRMATION = b"""HDR,1,CONFIRMATION,CF1,SANDBOX,2026-11-20T22:00:00Z
CNF,dep_1,C1,SETTLED,US46438F1012,1000.5,2026-11-20,
CNF,dlv_1,C2,FAILING,US3159481098,500,2026-11-21,LACK
TRL,2
"""

references = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,20}", fullmatch=True)
isins = st.from_regex(r"[A-HJ-NP-Z0-9]{9}", fullmatch=True).map(
    lambda body: f"US{body}" + isin_number.calc_check_digit(f"US{body}")
)
quantities = st.integers(1, UNITS_MAX).map(Units)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made aware here
    lambda each: each.replace(microsecond=0, tzinfo=UTC)
)


@st.composite
def statements(draw):
    held = draw(st.lists(st.tuples(isins, quantities), max_size=8, unique_by=lambda each: each[0]))
    return StatementFile(
        reference=draw(references),
        sender=draw(references),
        created_at=draw(moments),
        account=draw(references),
        basis=draw(st.sampled_from(Basis)),
        as_of=draw(moments),
        positions=tuple(
            PositionLine(
                line=number,
                isin=isin,
                settled=settled,
                blocked=Units(draw(st.integers(0, settled))),
            )
            for number, (isin, settled) in enumerate(held, start=3)
        ),
    )


@st.composite
def confirmations(draw):
    keys = draw(st.lists(st.tuples(references, st.sampled_from(Outcome)), max_size=8, unique=True))
    return ConfirmationFile(
        reference=draw(references),
        sender=draw(references),
        created_at=draw(moments),
        lines=tuple(
            ConfirmationLine(
                line=number,
                our_reference=draw(references),
                custodian_reference=reference,
                outcome=outcome,
                isin=draw(isins),
                quantity=draw(quantities),
                value_date=draw(st.dates(date(2000, 1, 1), date(2100, 1, 1))),
                reason=draw(st.from_regex(r"[A-Z0-9_]{0,40}", fullmatch=True)),
            )
            for number, (reference, outcome) in enumerate(keys, start=2)
        ),
    )


@settings(max_examples=150, deadline=None)
@given(statements() | confirmations())
def test_what_is_written_is_read_back(file):
    assert formats.parse(canonical_csv.emit(file)) == file


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([STATEMENT, CONFIRMATION]),
    st.integers(0, 10_000),
    st.binary(max_size=4),
    st.integers(0, 4),
)
def test_a_damaged_file_is_refused_or_read_and_never_breaks_the_reader(raw, at, bytes_in, cut):
    at %= len(raw)
    damaged = raw[:at] + bytes_in + raw[at + cut :]
    try:
        parsed = formats.parse(damaged)
    except FileRefused:
        return  # and not any other exception
    assert formats.parse(canonical_csv.emit(parsed)) == parsed


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    with pytest.raises(FileRefused):
        formats.parse(raw)
    with pytest.raises(FileRefused):
        formats.parse(b"HDR," + raw)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        (b"HDR,1", b"HDR,2", "statement_malformed", 1),
        (b"STATEMENT", b"STATMENT", "statement_malformed", 1),
        (b"SETT,", b"ETTS,", "statement_malformed", 2),
        (b"US46438F1012", b"US46438F1013", "statement_malformed", 3),
        (b"US46438F1012", b"us46438f1012", "statement_malformed", 3),
        (b"1000.5,0", b"-1000.5,0", "statement_malformed", 3),
        (b"1000.5,0", b"1e3,0", "statement_malformed", 3),
        (b"1000.5,0", b"1000.5", "statement_malformed", 3),
        (b"1000.5,0", b"1000.5,0,0", "statement_malformed", 3),
        (b"1000.5,0", b"1000.1234567890123456789,0", "statement_malformed", 3),
        (b"500,20", b"500,501", "statement_malformed", 4),
        (b"US3159481098", b"US46438F1012", "statement_line_doubled", 4),
        (b"TRL,2", b"TRL,3", "statement_incomplete", 5),
        (b"TRL,2\n", b"", "statement_incomplete", 4),
        (b"POS,US46438F1012", "PÖS,US46438F1012".encode(), "statement_malformed", 3),
        (b"22:00:00Z\nPOS", b"25:00:00Z\nPOS", "statement_malformed", 2),
        (b"HDR", b"XDR", "statement_format_unknown", 0),
    ],
)
def test_a_bad_statement_is_refused_with_its_line(old, new, code, line):
    assert old in STATEMENT
    with pytest.raises(FileRefused) as refusal:
        formats.parse(STATEMENT.replace(old, new, 1))
    assert (refusal.value.code, refusal.value.line) == (code, line)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        (b"SETTLED", b"SETLED", "statement_malformed", 2),
        (b"1000.5,", b"0,", "statement_malformed", 2),
        (b"2026-11-20,\n", b"2026-11-31,\n", "statement_malformed", 2),
        (b"2026-11-20,\n", b"20261120,\n", "statement_malformed", 2),
        (b"LACK", b"=cmd", "statement_malformed", 3),
        (b"dlv_1,C2,FAILING", b"dlv_1,C1,SETTLED", "statement_line_doubled", 3),
        (b"dep_1", b"", "statement_malformed", 2),
    ],
)
def test_a_bad_confirmation_is_refused_with_its_line(old, new, code, line):
    assert old in CONFIRMATION
    with pytest.raises(FileRefused) as refusal:
        formats.parse(CONFIRMATION.replace(old, new, 1))
    assert (refusal.value.code, refusal.value.line) == (code, line)


def test_too_large_a_file_is_not_even_read():
    with pytest.raises(FileRefused) as refusal:
        formats.parse(b"HDR," + b"x" * formats.FILE_BYTES_MAX)
    assert refusal.value.code == "statement_too_large"


def test_the_command_prints_typed_lines_without_a_database(tmp_path, capsys):
    path = tmp_path / "statement.csv"
    path.write_bytes(STATEMENT)
    call_command("parse_statement", path)
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["basis"]) == ("statement", "SETT")
    assert said["positions"][0] == {
        "line": 3,
        "isin": "US46438F1012",
        "settled": "1000.5",
        "blocked": "0",
    }


def test_the_command_prints_a_refusal_with_its_code(tmp_path, capsys):
    path = tmp_path / "statement.csv"
    path.write_bytes(STATEMENT.replace(b"TRL,2", b"TRL,1"))
    with pytest.raises(SystemExit) as end:
        call_command("parse_statement", path)
    assert end.value.code == 1
    assert json.loads(capsys.readouterr().out)["refused"]["code"] == "statement_incomplete"


def test_json_of_a_confirmation_writes_quantities_in_shares():
    said = json.loads(files.to_json(formats.parse(CONFIRMATION)))
    assert said["lines"][0]["quantity"] == "1000.5"
    assert said["lines"][0]["value_date"] == "2026-11-20"
