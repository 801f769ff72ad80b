"""Replay of the whole ledger: every balance, running balance and sequence recomputed from transfers."""

from django.db import connection

# One row per side of each transfer, in the account's own order.
_SIDES = """
    SELECT source_id AS account, source_seq AS seq, source_after AS after, -quantity AS change
    FROM custody_ledgertransfer
    UNION ALL
    SELECT destination_id, destination_seq, destination_after, quantity
    FROM custody_ledgertransfer
"""
# Numbers come from windows that know nothing of what was stored; a difference in any is a fault.
_FAULTS = f"""
WITH sides AS ({_SIDES}),
replayed AS (
    SELECT account, seq, after,
        row_number() OVER line AS expected_seq,
        sum(change) OVER line AS expected_after
    FROM sides
    WINDOW line AS (PARTITION BY account ORDER BY seq ROWS UNBOUNDED PRECEDING)
),
ends AS (
    SELECT account, count(*) AS seq, sum(change) AS balance FROM sides GROUP BY account
)
SELECT account, 'sequence has a gap or a double at ' || min(expected_seq)
    FROM replayed WHERE seq <> expected_seq GROUP BY account
UNION ALL
SELECT account, 'running balance is wrong at ' || min(seq)
    FROM replayed WHERE after <> expected_after GROUP BY account
UNION ALL
SELECT account.id, 'balance is ' || account.balance || ', transfers say ' || coalesce(ends.balance, 0)
    FROM custody_ledgeraccount account LEFT JOIN ends ON ends.account = account.id
    WHERE account.balance <> coalesce(ends.balance, 0) OR account.seq <> coalesce(ends.seq, 0)
UNION ALL
SELECT min(id), 'balances of a fund on an account do not sum to nought'
    FROM custody_ledgeraccount GROUP BY fund_id, custody_account_id HAVING sum(balance) <> 0
ORDER BY 1, 2
"""  # noqa: S608 - both parts are constants of this module


def audit() -> list[str]:
    """Every disagreement between the accounts and their transfers, one line each; none is good."""
    with connection.cursor() as cursor:
        cursor.execute(_FAULTS)
        return [f"ledger account {account}: {fault}" for account, fault in cursor.fetchall()]


def transfers_count() -> int:
    """How many transfers the audit replays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM custody_ledgertransfer")
        count: int = cursor.fetchone()[0]
    return count
