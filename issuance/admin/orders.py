"""The order blotter, and behind each order its chain transactions, attempts and ledger transfers."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from custody.models import LedgerTransfer
from issuance.admin import actions, rulings
from issuance.admin.transactions import attempt_rows
from issuance.models import Attempt, Order
from issuance.states import api_axes


@admin.register(Order)
class OrderAdmin(portal.ReadOnlyAdmin[Order]):
    """Every mint and redemption, from request to finality."""

    service_actions = [*actions.ORDER_ACTIONS, *rulings.RULING_ACTIONS]

    list_display = (
        "client_order_id",
        "type_label",
        "token_symbol",
        portal.units_column("quantity", "Shares"),
        portal.status_column(),
        "investor_label",
        "institution",
        portal.time_column(),
    )
    list_select_related = ("institution", "investor", "token")
    list_filter = ("status", "type", "token", "institution")
    search_fields = ("client_order_id", "tx_hash", "escrow_tx_hash")
    search_help_text = "Search by client order id, transaction hash, order id or investor id"
    id_search_fields = ("pk", "investor_id", "wallet_id")
    ordering = ("-pk",)
    intro = (
        "An order that needs a person waits in Awaiting approval. Completed means final on the"
        " chain and settled in the ledger."
    )
    empty_text = "Institutions create orders through the API."

    @display(description="Type", ordering="type")  # type: ignore[untyped-decorator]
    def type_label(self, row: Order) -> str:
        return portal.words(row.type)

    @display(description="Token", ordering="token__symbol")  # type: ignore[untyped-decorator]
    def token_symbol(self, row: Order) -> str:
        return row.token.symbol

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Order) -> str:
        return row.investor.external_id

    def heading(self, row: Order) -> str:
        return f"{portal.words(row.type)} {portal.quantity(row.quantity).text} {row.token.symbol}"

    def facts(self, request: HttpRequest, row: Order) -> Sequence[Fact]:
        return [
            Fact("Order", portal.code(row.public_id)),
            Fact("Client order id", portal.code(row.client_order_id)),
            Fact("Shares", portal.quantity(row.quantity)),
            Fact("Token", portal.link(row.token, portal.page_url(row.token))),
            *(
                [Fact("Leg of", portal.link(row.move, portal.page_url(row.move)))]
                if row.move
                else []
            ),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
            Fact("Wallet", portal.code(row.wallet.address, href=portal.page_url(row.wallet))),
            Fact("On-chain order id", Cell(str(row.onchain_id), number=True)),
            Fact("Decision", _decision_cell(row)),
            Fact("Reason", portal.text(row.reason_code.replace("_", " "), note=row.note)),
            Fact("Created", portal.time(row.created_at)),
            Fact("Created by", portal.actor(row.created_by)),
            Fact("Approved by", portal.actor(row.approved_by)),
            Fact("Completed", portal.time(row.completed_at)),
            Fact("Transaction", portal.code(row.tx_hash)),
            *(
                [Fact("Escrow transaction", portal.code(row.escrow_tx_hash))]
                if row.escrow_tx_hash
                else []
            ),
            Fact("The API says", _api_cell(row)),
        ]

    def panels(self, request: HttpRequest, row: Order) -> Sequence[Panel]:
        return [
            *rulings.candidate_panels(row),
            _transactions_panel(row),
            _attempts_panel(row),
            _chain_events_panel(row),
            _ledger_panel(row),
            portal.timeline(row),
        ]


def _decision_cell(row: Order) -> Cell:
    label = portal.status(row.decision.effect)
    return Cell(label.text, href=portal.page_url(row.decision), tone=label.tone)


def _api_cell(row: Order) -> Cell:
    status, compliance, transfer, chain = api_axes(order_type=row.type, status=row.status)
    return portal.text(
        status,
        note=f"compliance {compliance}, shares {transfer}, chain {chain}".replace("_", " "),
    )


def _transactions_panel(row: Order) -> Panel:
    bindings = row.bindings.select_related("chain_transaction__signer")
    return Panel(
        title="Chain transactions",
        note="At most one is live; another only follows after the one before is proven dead.",
        columns=("Transaction", "Kind", "Status", "Nonce", "Block", "Final", "Bound"),
        rows=[
            (
                portal.code(
                    binding.chain_transaction.public_id,
                    href=portal.page_url(binding.chain_transaction),
                ),
                portal.text(portal.words(binding.chain_transaction.kind)),
                portal.status(binding.chain_transaction.status),
                Cell(str(binding.chain_transaction.nonce), number=True),
                portal.text(binding.chain_transaction.include_block),
                portal.time(binding.chain_transaction.final_at),
                portal.text("live" if binding.live else binding.outcome or "ended"),
            )
            for binding in bindings.order_by("-pk")
        ],
        empty="No transaction carries this order yet.",
    )


def _attempts_panel(row: Order) -> Panel:
    attempts = Attempt.objects.filter(chain_transaction__order_bindings__order=row)
    return Panel(
        title="Signed attempts",
        note="Signed and stored before the first broadcast; fee bumps reuse the nonce.",
        columns=("Hash", "Signed", "Sent", "Max fee", "Last answer"),
        rows=attempt_rows(attempts.order_by("-created_at")),
        empty="Nothing has been signed for this order.",
    )


def _chain_events_panel(row: Order) -> Panel:
    return Panel(
        title="Finalized chain events",
        columns=("Event", "Block", "Account", "Shares", "Transaction"),
        rows=[
            (
                portal.text(log.kind),
                Cell(str(log.block), number=True),
                portal.code(log.account),
                portal.quantity(log.quantity),
                portal.code(log.tx_hash),
            )
            for log in row.logs.order_by("block", "log_index")
        ],
        empty="The chain has said nothing final about this order.",
    )


def _ledger_panel(row: Order) -> Panel:
    caused = Q(cause=f"order:{row.pk}") | Q(cause=row.public_id)
    keyed = Q(idempotency_key__startswith=f"order:{row.pk}:")
    transfers = LedgerTransfer.objects.filter(caused | keyed)
    return Panel(
        title="Ledger transfers",
        columns=("Transfer", "Kind", "From", "To", "Shares", "Time"),
        rows=[
            (
                portal.code(transfer.public_id, href=portal.page_url(transfer)),
                portal.text(portal.words(transfer.kind)),
                portal.text(portal.words(transfer.source.bucket)),
                portal.text(portal.words(transfer.destination.bucket)),
                portal.quantity(transfer.quantity),
                portal.time(transfer.created_at),
            )
            for transfer in transfers.select_related("source", "destination").order_by("pk")
        ],
        empty="No shares have moved for this order.",
    )
