"""Custodian against ledger: each settled holding on a statement, with no tolerance."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from core.actors import Actor
from core.transitions import move
from core.units import Units
from custody import ledger, queries
from custody.models import Break, Fund, Statement, StatementLine
from custody.providers.files import PositionLine
from custody.services.findings import record_break
from custody.states import BREAK_TRANSITIONS, BreakKind, BreakStatus, Severity


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
    judged = []
    for fund in sorted(funds.values(), key=lambda each: each.symbol):
        ours = queries.settled_on(
            fund_id=fund.pk,
            custody_account_id=statement.custody_account_id,
            on=statement.as_of.date(),
        )
        line = stated.get(fund.pk)
        if line is not None:
            _keep(statement, line, fund, ours)
        theirs = line.settled if line is not None else Units(0)
        judged.append((fund, theirs - ours, theirs))
    if not newest:
        return []
    _lock_for_judging(statement, [fund.pk for fund, delta, _ in judged if delta])
    return [
        found
        for fund, delta, theirs in judged
        for found in _judge(statement, fund, delta, theirs, actor=actor, now=now)
    ]


def _lock_for_judging(statement: Statement, fund_ids: Sequence[uuid.UUID]) -> None:
    """Everything of every fund that a break may change, before the first event.

    Whoever resolves a break, or posts to a bucket that a freeze halts, goes on to an event stream.
    """
    rows = Break.objects.filter(
        custody_account=statement.custody_account,
        kind=BreakKind.POSITION_DIFFERS,
        status__in=[BreakStatus.OPEN, BreakStatus.PROPOSED],
    )
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    funds = Fund.objects.filter(pk__in=fund_ids).order_by("pk")
    list(funds.select_for_update(no_key=True).values_list("pk"))
    ledger.lock_funds(fund_ids=fund_ids)


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
    statement: Statement, fund: Fund, delta: int, theirs: Units, *, actor: Actor, now: datetime
) -> list[Break]:
    account = statement.custody_account
    standing = queries.open_position_breaks(fund_id=fund.pk, custody_account_id=account.pk)
    for known in standing:
        if known.delta == delta:
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
    held = queries.position_at(fund_id=fund.pk, custody_account_id=account.pk)
    # What is reserved is minted without anybody being asked again.
    claims = held.backing + held.reserved
    found = Break(
        kind=BreakKind.POSITION_DIFFERS,
        severity=Severity.S0 if theirs < claims else Severity.S1,
        fund=fund,
        custody_account=account,
        message=statement.message,
        delta=delta,
        subject=f"statement {statement.public_id}",
    )
    return [record_break(found, actor=actor, now=now)]
