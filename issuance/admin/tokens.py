"""Tokens and signers: the contracts the issuer runs and the hot keys that call them."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from core import portal
from core.portal import Cell, Fact, Panel
from custody import queries as custody_queries
from issuance.admin import actions
from issuance.models import Signer, Token

SNAPSHOTS_SHOWN_MAX = 20
TRANSACTIONS_SHOWN_MAX = 20


@admin.register(Token)
class TokenAdmin(portal.ReadOnlyAdmin[Token]):
    """One fund on one chain."""

    service_actions = actions.TOKEN_ACTIONS

    list_display = (
        "symbol",
        "network",
        "fund",
        "standard_label",
        portal.status_column(),
        portal.units_column("attested_units", "Attested shares"),
        portal.time_column("attested_as_of", "Attested"),
        "address",
    )
    list_select_related = ("fund",)
    list_filter = ("network", "status")
    search_fields = ("symbol", "address", "name")
    ordering = ("symbol", "network")
    empty_text = "A token is deployed with manage.py deploy_token."

    @admin.display(description="Standard", ordering="standard")
    def standard_label(self, row: Token) -> str:
        return "EtfToken" if row.exactly_once_on_chain else "ERC-3643, not exactly-once on chain"

    def facts(self, request: HttpRequest, row: Token) -> Sequence[Fact]:
        return [
            Fact("Name", portal.text(row.name)),
            Fact("Fund", portal.link(row.fund, portal.page_url(row.fund))),
            Fact("Network", portal.text(row.network, note=f"chain id {row.chain_id}")),
            Fact("Contract", portal.code(row.address)),
            Fact("Standard", _standard(row)),
            *(
                [Fact("Redemption wallet", portal.code(row.redemption_wallet))]
                if row.redemption_wallet
                else []
            ),
            Fact("Deployed in block", Cell(f"{row.deployed_block:,}", number=True)),
            Fact("Backing in the ledger", portal.quantity(custody_queries.backing(row.pk))),
            Fact("Attested cap", portal.quantity(row.attested_units)),
            Fact("Attested", portal.time(row.attested_as_of)),
            Fact("Attestor", portal.code(row.attestor_address)),
        ]

    def panels(self, request: HttpRequest, row: Token) -> Sequence[Panel]:
        snapshots = row.supply_snapshots.order_by("-taken_at")[:SNAPSHOTS_SHOWN_MAX]
        return [
            Panel(
                title="Supply at finality",
                columns=("Taken", "Block", "Supply", "Cap", "Settled in custody"),
                rows=[
                    (
                        portal.time(snapshot.taken_at),
                        Cell(f"{snapshot.block:,}", number=True),
                        portal.quantity(snapshot.supply),
                        portal.quantity(snapshot.cap),
                        portal.quantity(snapshot.settled),
                    )
                    for snapshot in snapshots
                ],
                empty="The chain follower has taken no snapshot yet.",
            ),
            portal.timeline(row),
        ]


def _standard(row: Token) -> Cell:
    if row.exactly_once_on_chain:
        return portal.text("EtfToken", note="order ids and cap are enforced by the contract")
    return portal.text(
        "ERC-3643",
        note="NOT exactly-once on chain: no order ids and no attested cap, so only this service's"
        " own record and the follower stand between an order and a second mint",
    )


@admin.register(Signer)
class SignerAdmin(portal.ReadOnlyAdmin[Signer]):
    """Hot keys by address; the keys themselves are nowhere near this page."""

    list_display = (
        "address",
        "role_label",
        "network",
        "next_nonce",
        portal.yes_no_column("halted", "Halted"),
    )
    list_filter = ("role", "network", "halted")
    search_fields = ("address",)
    ordering = ("network", "role")

    @admin.display(description="Role", ordering="role")
    def role_label(self, row: Signer) -> str:
        return portal.words(row.role)

    def heading(self, row: Signer) -> str:
        return f"{portal.words(row.role)} key on {row.network}"

    def facts(self, request: HttpRequest, row: Signer) -> Sequence[Fact]:
        return [
            Fact("Address", portal.code(row.address)),
            Fact("Role", portal.text(portal.words(row.role))),
            Fact("Network", portal.text(row.network, note=f"chain id {row.chain_id}")),
            Fact("Next nonce", Cell(str(row.next_nonce), number=True)),
            Fact("Halted", portal.yes_no(row.halted)),
        ]

    def panels(self, request: HttpRequest, row: Signer) -> Sequence[Panel]:
        latest = row.transactions.order_by("-nonce")[:TRANSACTIONS_SHOWN_MAX]
        return [
            Panel(
                title="Latest nonces",
                columns=("Nonce", "Transaction", "Kind", "Status", "Note"),
                rows=[
                    (
                        Cell(str(each.nonce), number=True),
                        portal.code(each.public_id, href=portal.page_url(each)),
                        portal.text(portal.words(each.kind)),
                        portal.status(each.status),
                        portal.text(each.last_note),
                    )
                    for each in latest
                ],
                empty="This key has signed nothing.",
            ),
            portal.timeline(row),
        ]
