"""The sandbox custodian's own books, in one SQLite file: instructions, holdings, files, attestations."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from core.units import Units
from custody.providers import canonical_csv
from custody.providers.custodian import Instruction
from custody.providers.files import (
    Basis,
    ConfirmationFile,
    ConfirmationLine,
    Outcome,
    ParsedFile,
    PositionLine,
    StatementFile,
)

FILES_MAX = 100
# A delivery to this participant is refused, so that a refusal can be seen.
REFUSING_PARTICIPANT = "REJECT"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS instruction (
    number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT UNIQUE NOT NULL,
    outward INTEGER NOT NULL, account TEXT NOT NULL, isin TEXT NOT NULL, quantity TEXT NOT NULL,
    participant TEXT NOT NULL, destination TEXT NOT NULL,
    outcome TEXT NOT NULL, due_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS file (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS attestation (
    isin TEXT NOT NULL, chain_id INTEGER NOT NULL, contract TEXT NOT NULL,
    shares TEXT NOT NULL, as_of INTEGER NOT NULL, PRIMARY KEY (chain_id, contract)
);
"""


class InstructionDiffers(Exception):
    """The reference names another instruction already."""


class Book:
    """All the custodian remembers. Quantities are units, kept as text: SQLite has no such integers."""

    def __init__(self, *, path: Path, code: str) -> None:
        self._code = code
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def accept(self, instruction: Instruction, *, outward: bool, now: float, due_at: float) -> None:
        """Take an instruction once and report it matched. Raises InstructionDiffers."""
        told = (
            int(outward),
            instruction.account,
            instruction.isin,
            str(instruction.quantity),
            instruction.participant,
            instruction.destination,
        )
        with self._transaction():
            known = self._db.execute(
                "SELECT outward, account, isin, quantity, participant, destination"
                " FROM instruction WHERE reference = ?",
                [instruction.our_reference],
            ).fetchone()
            if known is not None:
                if known != told:
                    raise InstructionDiffers(instruction.our_reference)
                return
            self._db.execute(
                "INSERT INTO instruction (reference, outward, account, isin, quantity, participant,"
                " destination, outcome, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'MATCHED', ?)",
                [instruction.our_reference, *told, due_at],
            )
            self._confirm([(instruction, Outcome.MATCHED, "")], now=now)

    def settle_due(self, *, now: float) -> int:
        """Settle, deliver or reject what is due; publish confirmations, then statements."""
        with self._transaction():
            due = self._db.execute(
                "SELECT reference, account, isin, quantity, participant, outward FROM instruction"
                " WHERE outcome = 'MATCHED' AND due_at <= ? ORDER BY number",
                [now],
            ).fetchall()
            settled = []
            for reference, account, isin, quantity, participant, outward in due:
                instruction = Instruction(
                    our_reference=reference,
                    account=account,
                    isin=isin,
                    quantity=Units(int(quantity)),
                    participant=participant,
                )
                outcome, reason = self._judge(instruction, outward=bool(outward))
                self._db.execute(
                    "UPDATE instruction SET outcome = ? WHERE reference = ?",
                    [str(outcome), reference],
                )
                settled.append((instruction, outcome, reason))
            if settled:
                self._confirm(settled, now=now)
                for account in sorted({each.account for each, _, _ in settled}):
                    self._publish(self._statement(account, now=now))
        return len(settled)

    def files(self, *, after: int) -> list[tuple[int, str]]:
        """Sequence and content of the files put out after ``after``."""
        found = self._db.execute(
            "SELECT sequence, content FROM file WHERE sequence > ? ORDER BY sequence LIMIT ?",
            [after, FILES_MAX],
        )
        return list(found.fetchall())

    def held(self, isin: str, *, account: str = "") -> Units:
        """Settled units of an ISIN, on one account or on all."""
        rows = self._db.execute(
            "SELECT quantity, outward FROM instruction WHERE isin = ? AND outcome = 'SETTLED'"
            " AND (? = '' OR account = ?)",
            [isin, account, account],
        )
        return Units(
            sum(-int(quantity) if outward else int(quantity) for quantity, outward in rows)
        )

    def leaving(self, isin: str) -> Units:
        """Units of an ISIN that are instructed to leave and have not left."""
        rows = self._db.execute(
            "SELECT quantity FROM instruction WHERE isin = ? AND outcome = 'MATCHED' AND outward",
            [isin],
        )
        return Units(sum(int(quantity) for (quantity,) in rows))

    def vouch(
        self, *, isin: str, chain_id: int, contract: str, wanted: Units, now: int
    ) -> tuple[Units, int] | None:
        """The units to attest for one contract and their moment, or None within the same second.

        Over all contracts of a fund never more than is settled and staying. Moments rise strictly.
        """
        place = (chain_id, contract.lower())
        with self._transaction():
            rows = self._db.execute(
                "SELECT chain_id, contract, shares, as_of FROM attestation WHERE isin = ?", [isin]
            ).fetchall()
            before = max((row[3] for row in rows if row[:2] == place), default=0)
            if now <= before:
                return None
            others = sum(int(row[2]) for row in rows if row[:2] != place)
            staying = self.held(isin) - self.leaving(isin)
            shares = Units(max(min(wanted, staying - others), 0))
            self._db.execute(
                "INSERT INTO attestation (isin, chain_id, contract, shares, as_of)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (chain_id, contract)"
                " DO UPDATE SET shares = excluded.shares, as_of = excluded.as_of",
                [isin, *place, str(shares), now],
            )
        return shares, now

    def _judge(self, instruction: Instruction, *, outward: bool) -> tuple[Outcome, str]:
        if instruction.participant == REFUSING_PARTICIPANT:
            return Outcome.REJECTED, "UNKNOWN_PARTICIPANT"
        held = self.held(instruction.isin, account=instruction.account)
        if outward and held < instruction.quantity:
            return Outcome.REJECTED, "LACK"
        return Outcome.SETTLED, ""

    def _confirm(self, reports: list[tuple[Instruction, Outcome, str]], *, now: float) -> None:
        moment = datetime.fromtimestamp(now, tz=UTC)
        lines = [
            ConfirmationLine(
                line=number,
                our_reference=instruction.our_reference,
                custodian_reference=f"{self._code}-{instruction.our_reference}",
                outcome=outcome,
                isin=instruction.isin,
                quantity=instruction.quantity,
                value_date=moment.date(),
                reason=reason,
            )
            for number, (instruction, outcome, reason) in enumerate(reports, start=2)
        ]
        self._publish(
            ConfirmationFile(
                reference=f"CF{self._next_sequence():08d}",
                sender=self._code,
                created_at=moment,
                lines=tuple(lines),
            )
        )

    def _statement(self, account: str, *, now: float) -> StatementFile:
        moment = datetime.fromtimestamp(now, tz=UTC)
        isins = self._db.execute(
            "SELECT DISTINCT isin FROM instruction WHERE account = ? AND outcome = 'SETTLED'"
            " ORDER BY isin",
            [account],
        ).fetchall()
        positions = [
            PositionLine(
                line=number,
                isin=isin,
                settled=self.held(isin, account=account),
                blocked=Units(0),
            )
            for number, (isin,) in enumerate(isins, start=3)
        ]
        return StatementFile(
            reference=f"ST{self._next_sequence():08d}",
            sender=self._code,
            created_at=moment,
            account=account,
            basis=Basis.SETT,
            as_of=moment,
            positions=tuple(positions),
        )

    def _next_sequence(self) -> int:
        last = self._db.execute("SELECT coalesce(max(sequence), 0) FROM file").fetchone()[0]
        return int(last) + 1

    def _publish(self, file: ParsedFile) -> None:
        content = canonical_csv.emit(file).decode("ascii")
        self._db.execute("INSERT INTO file (content) VALUES (?)", [content])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
