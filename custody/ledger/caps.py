"""What the contracts' caps are, told by issuance at finality, so that shares leave only after a cap fell."""

import uuid
from datetime import datetime

from core.units import Units
from custody.ledger.posting import require_transaction
from custody.models import ChainCap


def note_cap(*, token_id: uuid.UUID, fund_id: uuid.UUID, units: Units, as_of: datetime) -> None:
    """Keep a token's finalized cap and the moment it was attested for."""
    require_transaction()
    ChainCap.objects.update_or_create(
        token_id=token_id, defaults={"fund_id": fund_id, "units": units, "as_of": as_of}
    )
