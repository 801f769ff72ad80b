"""Custodian against ledger: each settled holding on a statement, with no tolerance."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor
from core.transitions import move
from core.units import Units
from custody import ledger, queries
from custody.models import Break, Fund, Statement, StatementLine
from custody.providers.files import PositionLine
from custody.services.findings import record_break
from custody.states import BREAK_TRANSITIONS, BreakKind, BreakStatus, Severity


@dataclass(frozen=True, slots=True)
class _Compared:
    """One fund's settled units on the account: the custodian's, and what they are more than ours."""

    fund: Fund
    theirs: Units
    delta: int


def compare(
    statement: Statement,
    *,
    held: Sequence[tuple[PositionLine, Fund]],
    actor: Actor,
    now: datetime,
) -> list[Break]:
    """Keep the statement's lines and open a break for each fund whose books disagree.

    A fund the statement leaves out is held to be nought. A break whose difference has gone is
    closed. Only the newest statement of an account judges; an older one is kept as evidence.
    """
    stated = {fund.pk: line for line, fund in held}
    funds = {fund.pk: fund for _, fund in held}
    funds |= {fund.pk: fund for fund in queries.funds_kept_at(statement.custody_account_id)}
    newest = not queries.newer_statements(statement).exists()
    if newest:
        _lock_breaks(statement)
    compared = []
    for fund in sorted(funds.values(), key=lambda each: each.symbol):
        # Only now: whoever was adjusting a difference has posted it, and nobody begins to.
        ours = queries.settled_on(
            fund_id=fund.pk,
            custody_account_id=statement.custody_account_id,
            on=statement.as_of.date(),
        )
        line = stated.get(fund.pk)
        if line is not None:
            _keep(statement, line, fund, ours)
        theirs = line.settled if line is not None else Units(0)
        compared.append(_Compared(fund, theirs, theirs - ours))
    if not newest:
        return []
    short = _lock_for_judging(statement, [each for each in compared if each.delta])
    return [
        found
        for each in compared
        for found in _judge(statement, each, short=each.fund.pk in short, actor=actor, now=now)
    ]


def _lock_breaks(statement: Statement) -> None:
    """Every break of the account that may change, before anything that resolves one is read."""
    rows = Break.objects.filter(
        custody_account=statement.custody_account,
        kind=BreakKind.POSITION_DIFFERS,
        status__in=[BreakStatus.OPEN, BreakStatus.PROPOSED],
    )
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _lock_for_judging(statement: Statement, differing: Sequence[_Compared]) -> set[uuid.UUID]:
    """All that a break may change, before the first event; returns the funds that must freeze.

    Whoever posts to a bucket that a freeze halts goes on to an event stream. A freeze is rare, and
    no other difference makes anybody wait who works on the fund's shares.
    """
    funds = Fund.objects.filter(pk__in=[each.fund.pk for each in differing]).order_by("pk")
    list(funds.select_for_update(no_key=True).values_list("pk"))
    short = [each for each in differing if _is_short(statement, each)]
    ledger.lock_funds(fund_ids=[each.fund.pk for each in short])
    # Once more: claims may have gone while we waited.
    return {each.fund.pk for each in short if _is_short(statement, each)}


def _is_short(statement: Statement, compared: _Compared) -> bool:
    held = queries.position_at(
        fund_id=compared.fund.pk, custody_account_id=statement.custody_account_id
    )
    # What is reserved is minted without anybody being asked again.
    return compared.theirs < held.backing + held.reserved


def _keep(statement: Statement, line: PositionLine, fund: Fund, ours: Units) -> None:
    StatementLine.objects.create(
        statement=statement,
        line_number=line.line,
        fund=fund,
        isin=line.isin,
        settled=line.settled,
        blocked=line.blocked,
        ledger_settled=ours,
    )


def _judge(
    statement: Statement, compared: _Compared, *, short: bool, actor: Actor, now: datetime
) -> list[Break]:
    account, fund, delta = statement.custody_account, compared.fund, compared.delta
    standing = queries.open_position_breaks(fund_id=fund.pk, custody_account_id=account.pk)
    severity = Severity.S0 if short else Severity.S1
    for known in standing:
        # The same difference weighs more once more is promised than the custodian holds.
        if known.delta == delta and severity in (known.severity, Severity.S1):
            return []
        move(
            known,
            to=BreakStatus.EXPLAINED,
            table=BREAK_TRANSITIONS,
            actor=actor,
            now=now,
            resolution=f"superseded by statement {statement.public_id}",
            resolved_at=now,
        )
    if delta == 0:
        return []
    found = Break(
        kind=BreakKind.POSITION_DIFFERS,
        severity=severity,
        fund=fund,
        custody_account=account,
        message=statement.message,
        delta=delta,
        subject=f"statement {statement.public_id}",
    )
    return [record_break(found, actor=actor, now=now)]
