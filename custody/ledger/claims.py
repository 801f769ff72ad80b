"""Do the books tell every token that claims shares of a fund? Issuance knows; shares ask before they leave.

A failover can take an order from the books whose mint the chain has: its shares look free then. So
issuance vouches for a fund in one history of the database, and takes the word back in doubt.
"""

import uuid
from collections.abc import Collection

from django.db import connection

from core import history
from core.units import Units
from custody.ledger.posting import require_transaction
from custody.models import Fund
from custody.models.funds import IN_DOUBT

_VOUCHED = f"SELECT history_mark IN ('', {history.MARK_SQL}) FROM custody_fund WHERE id = %s"  # noqa: S608 - constants
_NOTE_SUPPLY = """
INSERT INTO custody_chainsupply (token_id, fund_id, units) VALUES (%s, %s, %s)
ON CONFLICT (token_id) DO UPDATE SET units = EXCLUDED.units
WHERE custody_chainsupply.units <> EXCLUDED.units
"""
# A token that was never looked at counts with what lies behind it.
_CLAIMED = """
SELECT coalesce(sum(greatest(units, backing)), 0) FROM (
    SELECT coalesce(s.units, 0) AS units, coalesce(b.backing, 0) AS backing
    FROM (SELECT token_id, units FROM custody_chainsupply WHERE fund_id = %(fund)s) s
    FULL JOIN (
        SELECT owner, sum(balance) AS backing FROM custody_ledgeraccount
        WHERE fund_id = %(fund)s AND bucket = 'BACKING' GROUP BY owner
    ) b ON b.owner = s.token_id
) tokens
"""


def doubt_claims(*, fund_ids: Collection[uuid.UUID]) -> None:
    """The chain may know tokens of these funds that the books do not: no share leaves meanwhile."""
    require_transaction()
    funds = Fund.objects.filter(pk__in=fund_ids)
    list(funds.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    funds.update(history_mark=IN_DOUBT)


def vouch_for_claims(*, fund_id: uuid.UUID) -> None:
    """In the history that the database tells now, the books tell every token of the fund."""
    require_transaction()
    fund = Fund.objects.select_for_update(no_key=True).get(pk=fund_id)
    fund.history_mark = history.mark()
    fund.save(update_fields=["history_mark"])


def are_claims_known(*, fund_id: uuid.UUID) -> bool:
    """Whether issuance vouched for the fund in this very history, or has no token of it.

    False at the first instant after a failover, before anybody has noticed it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VOUCHED, [fund_id])
        return bool(cursor.fetchone()[0])


def note_supply(*, token_id: uuid.UUID, fund_id: uuid.UUID, units: Units) -> None:
    """Keep a token's supply at finality, as its contract tells it."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_SUPPLY, [token_id, fund_id, units])


def claimed(fund_id: uuid.UUID) -> Units:
    """Units that tokens of the fund claim: of each token its supply at finality, or what backs it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIMED, {"fund": fund_id})
        return Units(int(cursor.fetchone()[0]))
