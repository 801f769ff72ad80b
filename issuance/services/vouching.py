"""Vouching for funds: custody lets no share leave while the books may not tell every token."""

import uuid
from collections.abc import Sequence

from core import history
from core.failpoints import failpoint
from core.use_case import use_case
from custody import ledger
from issuance import queries
from issuance.services.attestations import networks_in_doubt


def funds_in_doubt() -> Sequence[uuid.UUID]:
    """Funds with tokens for which nobody has vouched in the history that the database tells now."""
    tokens = queries.tokens().exclude(fund__history_mark=history.mark()).order_by()
    return sorted(set(tokens.values_list("fund_id", flat=True)))


@use_case
def vouch_for_fund(*, fund_id: uuid.UUID) -> bool:
    """Every network of the fund is open, so its books tell all its tokens; False while one is not."""
    if networks_in_doubt(fund_id=fund_id, held=True):
        return False
    ledger.vouch_for_claims(fund_id=fund_id)
    failpoint("recover.vouch.precommit")
    return True
