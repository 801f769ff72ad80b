"""A custodian with one account, the seeded funds and an approved investor; files as it would write them."""

import itertools
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.ids import new_uuid
from core.units import Units, parse_quantity
from custody import queries, services
from custody.models import Custodian, CustodyAccount, Fund
from custody.providers import canonical_csv
from custody.providers.files import (
    Basis,
    ConfirmationFile,
    ConfirmationLine,
    Outcome,
    PositionLine,
    StatementFile,
)
from custody.states import MessageChannel
from kyc.models import Investor
from tests.custody.rows import NOW, TEST
from tests.kyc import rows as kyc_rows

NUMBER = "SB-0001"
IBIT = "US46438F1012"
FBTC = "US3159481098"
_references = itertools.count(1)


@dataclass
class Stage:
    """What the tests of deposits, deliveries and imports start from."""

    custodian: Custodian
    account: CustodyAccount
    fund: Fund
    investor: Investor

    def advise(self, shares="1000", **changes):
        """Announce a deposit for the investor."""
        wanted: dict[str, Any] = {
            "institution_id": self.investor.institution_id,
            "investor_id": self.investor.pk,
            "symbol": "IBIT",
            "quantity": parse_quantity(shares),
            "reference": f"ref-{next(_references)}",
            "actor": TEST,
            "now": NOW,
        }
        return services.advise_deposit(**wanted | changes)

    def request(self, shares="100", **changes):
        """Ask for a delivery of the investor's shares."""
        wanted: dict[str, Any] = {
            "institution_id": self.investor.institution_id,
            "investor_id": self.investor.pk,
            "symbol": "IBIT",
            "quantity": parse_quantity(shares),
            "participant": "0123",
            "destination_account": "KELLER-01",
            "actor": TEST,
            "now": NOW,
        }
        return services.request_delivery(**wanted | changes)

    def instruct(self, shares="100"):
        """A delivery of which the custodian knows."""
        delivery = self.request(shares)
        return services.begin_delivery_instruction(delivery=delivery, actor=TEST, now=NOW)

    def settled_deposit(self, shares="1000"):
        """A deposit that is through."""
        deposit = self.advise(shares)
        self.confirm(deposit, shares=shares)
        deposit.refresh_from_db()
        return deposit

    def load(self, raw, **changes):
        """Import bytes as an operator would."""
        wanted: dict[str, Any] = {
            "custodian_id": self.custodian.pk,
            "raw": raw,
            "channel": MessageChannel.PORTAL,
            "actor": TEST,
            "now": NOW,
        }
        return services.import_statement(**wanted | changes)

    def confirm(self, movement, outcome="SETTLED", shares=None, **changes):
        """Import one confirmation about a movement."""
        return self.load(confirmation(line_about(movement, outcome, shares, **changes)))

    def held(self):
        """The fund's position now."""
        return queries.position(self.fund.pk)


def make_stage() -> Stage:
    services.seed_funds(actor=TEST, now=NOW)
    custodian = services.add_custodian(
        code="SANDBOX", name="Sandbox Custody Bank", kind="BANK", actor=TEST, now=NOW
    )
    account = services.add_custody_account(
        custodian_id=custodian.pk, label="Main", number=NUMBER, actor=TEST, now=NOW
    )
    return Stage(
        custodian=custodian,
        account=account,
        fund=Fund.objects.get(symbol="IBIT"),
        investor=kyc_rows.make_approved(),
    )


def line_about(movement, outcome="SETTLED", shares=None, **changes) -> ConfirmationLine:
    fields: dict[str, Any] = {
        "line": 2,
        "our_reference": movement.public_id,
        "custodian_reference": f"C-{movement.public_id}",
        "outcome": Outcome(outcome),
        "isin": IBIT,
        "quantity": Units(movement.quantity) if shares is None else parse_quantity(shares),
        "value_date": NOW.date(),
        "reason": "",
    }
    return ConfirmationLine(**fields | changes)


def confirmation(*lines: ConfirmationLine, reference="") -> bytes:
    return canonical_csv.emit(
        ConfirmationFile(
            reference=reference or f"CF{next(_references)}",
            sender="SANDBOX",
            created_at=NOW,
            lines=lines,
        )
    )


def statement(
    *positions: tuple[str, str],
    reference="",
    as_of: datetime = NOW,
    basis=Basis.SETT,
    account=NUMBER,
) -> bytes:
    return canonical_csv.emit(
        StatementFile(
            reference=reference or f"ST{next(_references)}",
            sender="SANDBOX",
            created_at=as_of,
            account=account,
            basis=basis,
            as_of=as_of,
            positions=tuple(
                PositionLine(line=3, isin=isin, settled=parse_quantity(shares), blocked=Units(0))
                for isin, shares in positions
            ),
        )
    )


def unknown_movement(deposit):
    """A movement nobody told the custodian of."""
    deposit.pk = deposit.id = new_uuid()
    return deposit


def day(text: str) -> date:
    return date.fromisoformat(text)
