"""Taking in a custodian's file: whole or not at all, once, with its bytes kept either way."""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Model

from core import events
from core.actors import Actor
from core.errors import NotFound
from core.ids import new_uuid
from core.use_case import use_case
from custody import ledger, queries
from custody.models import (
    Break,
    Confirmation,
    Custodian,
    CustodyAccount,
    Fund,
    Message,
    Statement,
)
from custody.providers import formats
from custody.providers.files import (
    Basis,
    ConfirmationFile,
    ConfirmationLine,
    FileRefused,
    Outcome,
    ParsedFile,
    StatementFile,
)
from custody.services import confirmations, reconciliation
from custody.states import BreakKind, MessageChannel, MessageKind, MessageStatus, Severity

CLOCK_TOLERANCE = timedelta(hours=1)
# A custodian dates by its own calendar, which nowhere runs further ahead than this.
AHEAD_OF_UTC_MAX = timedelta(hours=14)
_DONE = frozenset({Outcome.SETTLED, Outcome.REVERSED})


class UnknownIsin(FileRefused):
    """A line names an ISIN that no fund bore on its day."""

    code = "statement_unknown_isin"
    title = "The file names an ISIN that belongs to no fund."


class UnknownAccount(FileRefused):
    """The statement is about an account this custodian does not keep for us."""

    code = "statement_unknown_account"
    title = "The statement is about an unknown account."


class BasisUnusable(FileRefused):
    """Traded or contractual positions are no shares in hand."""

    code = "statement_basis_unusable"
    title = "Only a statement on settled basis (SETT) can be used."


class SenderUnknown(FileRefused):
    """The file names another sender than the custodian it came from."""

    code = "statement_sender_unknown"
    title = "The file was not sent by this custodian."


class FromTheFuture(FileRefused):
    """The file speaks of a moment that has not come."""

    code = "statement_from_the_future"
    title = "The file is dated in the future."


class ReferenceReused(FileRefused):
    """The reference was used before, for another content."""

    code = "statement_reference_reused"
    title = "The reference was used before for another content."


_BREAKS: dict[type[FileRefused], BreakKind] = {
    UnknownIsin: BreakKind.UNKNOWN_INSTRUMENT,
    UnknownAccount: BreakKind.UNKNOWN_ACCOUNT,
    ReferenceReused: BreakKind.REFERENCE_REUSED,
}


@dataclass(frozen=True, slots=True)
class Imported:
    """The file on record. ``duplicate`` says it was there before; nothing changed then."""

    message: Message
    breaks: list[Break]
    duplicate: bool = False


@use_case
def import_statement(
    *,
    custodian_id: uuid.UUID,
    raw: bytes,
    channel: MessageChannel,
    actor: Actor,
    now: datetime,
    cursor: int | None = None,
) -> Imported:
    """Take in one file, statement or confirmation, in any supported format.

    ``cursor`` is the custodian's sequence of the file when it was fetched. The same bytes again are
    a no-op. Raises NotFound, or FileRefused of any kind: then nothing has changed, except that the
    refused file and a break stay as evidence.
    """
    custodian = Custodian.objects.select_for_update(no_key=True).filter(pk=custodian_id).first()
    if custodian is None:
        raise NotFound("There is no such custodian.")
    _advance(custodian, cursor)
    file = _Incoming(custodian, raw, channel, actor, now)
    before = file.known(MessageStatus.IMPORTED)
    if before is not None:
        return Imported(before, [], duplicate=True)
    try:
        parsed = formats.parse(raw)
        _require_ours(parsed, file)
        message = file.message(
            status=MessageStatus.IMPORTED, kind=_kind(parsed), reference=parsed.reference
        )
        message.save(force_insert=True)
        if isinstance(parsed, StatementFile):
            breaks = _take_statement(parsed, message, actor=actor, now=now)
        else:
            breaks = _take_confirmations(parsed, message, actor=actor, now=now)
    except FileRefused as refusal:
        refusal.evidence = _evidence(refusal, file)
        raise
    events.record(
        event_type="custody_message.imported",
        row=message,
        actor=actor,
        now=now,
        data={"kind": message.kind.lower(), "breaks": len(breaks)},
    )
    return Imported(message, breaks)


@use_case
def pass_over_file(*, custodian_id: uuid.UUID, cursor: int) -> None:
    """Go on to the next file after one was refused; its break waits for a person."""
    _advance(Custodian.objects.select_for_update(no_key=True).get(pk=custodian_id), cursor)


@dataclass(frozen=True, slots=True)
class _Incoming:
    """One file on its way in."""

    custodian: Custodian
    raw: bytes
    channel: MessageChannel
    actor: Actor
    now: datetime

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    def known(self, status: MessageStatus) -> Message | None:
        rows = Message.objects.filter(custodian=self.custodian, status=status, sha256=self.sha256)
        return rows.first()

    def message(
        self,
        *,
        status: MessageStatus,
        kind: MessageKind,
        reference: str = "",
        error: FileRefused | None = None,
    ) -> Message:
        return Message(
            id=new_uuid(),
            custodian=self.custodian,
            channel=self.channel,
            kind=kind,
            status=status,
            reference=reference,
            sha256=self.sha256,
            size_bytes=len(self.raw),
            raw=self.raw[: formats.FILE_BYTES_MAX],
            error_code=error.code if error else "",
            error_line=error.line if error else None,
            received_by=str(self.actor),
            created_at=self.now,
        )


def _advance(custodian: Custodian, cursor: int | None) -> None:
    if cursor is not None and cursor > custodian.files_cursor:
        custodian.files_cursor = cursor
        custodian.save(update_fields=["files_cursor"])


def _kind(parsed: ParsedFile) -> MessageKind:
    statement = isinstance(parsed, StatementFile)
    return MessageKind.STATEMENT if statement else MessageKind.CONFIRMATION


def _require_ours(parsed: ParsedFile, file: _Incoming) -> None:
    if parsed.sender != file.custodian.code:
        raise SenderUnknown(f"The sender is not {file.custodian.code}.", line=1)
    latest = parsed.as_of if isinstance(parsed, StatementFile) else parsed.created_at
    if latest > file.now + CLOCK_TOLERANCE:
        raise FromTheFuture("This moment has not come.", line=1)
    imported = Message.objects.filter(custodian=file.custodian, status=MessageStatus.IMPORTED)
    if imported.filter(reference=parsed.reference).exists():
        raise ReferenceReused("Another file bore this reference.", line=1)


def _evidence(refusal: FileRefused, file: _Incoming) -> list[Model]:
    """The refused file and a break, once however often it is sent."""
    if file.known(MessageStatus.REFUSED) is not None:
        return []
    message = file.message(status=MessageStatus.REFUSED, kind=MessageKind.UNREADABLE, error=refusal)
    found = Break(
        kind=_BREAKS.get(type(refusal), BreakKind.FILE_REFUSED),
        severity=Severity.S1 if type(refusal) in _BREAKS else Severity.S2,
        message=message,
        line_number=refusal.line,
        subject=refusal.code,
        created_at=file.now,
    )
    return [message, found]


def _take_statement(
    parsed: StatementFile, message: Message, *, actor: Actor, now: datetime
) -> list[Break]:
    if parsed.basis != Basis.SETT:
        raise BasisUnusable(f"The basis is {parsed.basis}.", line=2)
    held = [(line, _fund(line.isin, parsed.as_of.date(), line.line)) for line in parsed.positions]
    account = _account(message.custodian, parsed.account)
    statement = Statement.objects.create(
        message=message,
        custody_account=account,
        reference=parsed.reference,
        basis=parsed.basis,
        as_of=parsed.as_of,
        created_at=now,
    )
    return reconciliation.compare(statement, held=held, actor=actor, now=now)


def _account(custodian: Custodian, number: str) -> CustodyAccount:
    # Numbers are ciphertext, so they cannot be looked up; a custodian keeps a handful of accounts.
    for account in custodian.accounts.all():
        if hmac.compare_digest(account.number.encode(), number.encode()):
            return account
    raise UnknownAccount("No account of ours has this number.", line=2)


def _fund(isin: str, on: date, line: int) -> Fund:
    fund = queries.fund_by_isin(isin, on=on)
    if fund is None:
        raise UnknownIsin(f"{isin} belongs to no fund.", line=line)
    return fund


def _take_confirmations(
    parsed: ConfirmationFile, message: Message, *, actor: Actor, now: datetime
) -> list[Break]:
    fresh = [line for line in parsed.lines if not _is_replay(line, message.custodian)]
    latest = (now + AHEAD_OF_UTC_MAX).date()
    for line in fresh:
        _fund(line.isin, line.value_date, line.line)
        if line.outcome in _DONE and line.value_date > latest:
            raise FromTheFuture("What settles on a later day has not settled.", line=line.line)
    work = [
        (line, confirmations.movement_of(line, custodian_id=message.custodian_id)) for line in fresh
    ]
    # Movements, then funds, which a line may freeze, then ledger rows, then event streams: the same
    # order as every other use case.
    confirmations.lock_movements(movement for _, movement in work)
    owners: dict[uuid.UUID, set[uuid.UUID]] = {}
    for _, movement in work:
        if movement is not None:
            owners.setdefault(movement.fund_id, set()).add(movement.investor_id)
    funds = Fund.objects.filter(pk__in=owners).order_by("pk")
    list(funds.select_for_update(no_key=True).values_list("pk"))
    for fund_id in sorted(owners):
        ledger.lock_owners(fund_id=fund_id, owners=owners[fund_id], with_outside=True)
    context = confirmations.Context(message, actor, now)
    found = (
        confirmations.apply_line(line, movement=movement, context=context)
        for line, movement in work
    )
    return [each for each in found if each is not None]


def _is_replay(line: ConfirmationLine, custodian: Custodian) -> bool:
    """Whether this very line is on record. Raises ReferenceReused when it says something else."""
    before = Confirmation.objects.filter(
        custodian=custodian,
        custodian_reference=line.custodian_reference,
        outcome=line.outcome,
    ).first()
    if before is None:
        return False
    told = (before.our_reference, before.isin, before.quantity, before.value_date)
    if told != (line.our_reference, line.isin, line.quantity, line.value_date):
        raise ReferenceReused("Another confirmation bore this reference.", line=line.line)
    return True
