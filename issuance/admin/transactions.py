"""The chain monitor: each nonce, what it carries, its signed attempts and where it stands."""

from collections.abc import Iterable, Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from issuance.admin import mending
from issuance.models import Attempt, ChainTransaction

WEI_PER_GWEI = 10**9
ORDERS_SHOWN_MAX = 100


def attempt_rows(attempts: Iterable[Attempt]) -> list[Sequence[Cell]]:
    """The signed attempts as table rows: hash, signed, sent, fee, answer."""
    return [
        (
            portal.code(attempt.tx_hash),
            portal.time(attempt.created_at),
            portal.text(_times(attempt.sent_count), note=_moment(attempt)),
            Cell(
                f"{attempt.max_fee_wei / WEI_PER_GWEI:.3f} gwei",
                number=True,
                note=f"tip {attempt.tip_wei / WEI_PER_GWEI:.3f}",
            ),
            portal.text(attempt.last_answer.rstrip(": ")),
        )
        for attempt in attempts
    ]


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _moment(attempt: Attempt) -> str:
    return portal.format_moment(attempt.last_sent_at) if attempt.last_sent_at else ""


@admin.register(ChainTransaction)
class ChainTransactionAdmin(portal.ReadOnlyAdmin[ChainTransaction]):
    """Only finalized evidence settles anything; everything before that is an observation."""

    service_actions = mending.TRANSACTION_ACTIONS

    list_display = (
        portal.id_column(),
        "kind_label",
        "token_symbol",
        "nonce",
        portal.status_column(),
        portal.text_column("include_block", "Block"),
        portal.text_column("last_note", "Note"),
        portal.time_column(),
    )
    list_select_related = ("token", "signer")
    list_filter = ("status", "kind", "token", "signer")
    search_fields = ("include_hash", "attempts_signed__tx_hash", "last_note")
    search_help_text = "Search by transaction hash or id"
    ordering = ("-pk",)
    intro = (
        "One row per nonce. The signed bytes are stored before they are sent; a send error decides"
        " nothing, only what the chain shows at finality does."
    )
    empty_text = "A transaction appears when the first order is queued."

    @display(description="Kind", ordering="kind")  # type: ignore[untyped-decorator]
    def kind_label(self, row: ChainTransaction) -> str:
        return portal.words(row.kind)

    @display(description="Token", ordering="token__symbol")  # type: ignore[untyped-decorator]
    def token_symbol(self, row: ChainTransaction) -> str:
        return row.token.symbol

    def heading(self, row: ChainTransaction) -> str:
        return f"{portal.words(row.kind)}, nonce {row.nonce}"

    def facts(self, request: HttpRequest, row: ChainTransaction) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Token", portal.link(row.token, portal.page_url(row.token))),
            Fact("Signer", portal.code(row.signer.address, href=portal.page_url(row.signer))),
            Fact("Nonce", Cell(str(row.nonce), number=True)),
            Fact("Contract called", portal.code(row.to_address)),
            Fact("Gas limit", Cell(f"{row.gas_limit:,}", number=True)),
            Fact(
                "Gas used",
                Cell(f"{row.gas_used:,}", number=True) if row.gas_used else portal.BLANK,
            ),
            Fact("Assigned", portal.time(row.created_at)),
            Fact("First sent", portal.time(row.sent_at)),
            Fact("Included", portal.time(row.included_at, note=f"block {row.include_block}")),
            Fact("Final", portal.time(row.final_at)),
            Fact("Included hash", portal.code(row.include_hash)),
            Fact("First found missing", portal.time(row.gone_since)),
            Fact("Next look", portal.time(row.next_attempt_at)),
            Fact("Note", portal.text(row.last_note)),
            *_cancel_facts(row),
        ]

    def panels(self, request: HttpRequest, row: ChainTransaction) -> Sequence[Panel]:
        orders = row.order_bindings.select_related("order__token").order_by("index")
        holders = row.holder_bindings.select_related("holder__wallet").order_by("index")
        return [
            Panel(
                title="Signed attempts",
                columns=("Hash", "Signed", "Sent", "Max fee", "Last answer"),
                rows=attempt_rows(row.attempts_signed.order_by("-sequence")),
                empty="Not signed yet.",
            ),
            Panel(
                title="Orders carried",
                columns=("Order", "Type", "Shares", "Status", "Binding"),
                rows=[
                    (
                        portal.code(binding.order.public_id, href=portal.page_url(binding.order)),
                        portal.text(portal.words(binding.order.type)),
                        portal.quantity(binding.order.quantity),
                        portal.status(binding.order.status),
                        portal.text("live" if binding.live else binding.outcome or "ended"),
                    )
                    for binding in orders[:ORDERS_SHOWN_MAX]
                ],
                empty="It carries no order.",
            ),
            Panel(
                title="Register entries carried",
                columns=("Wallet", "Country", "KYC until", "May hold"),
                rows=[
                    (
                        portal.code(
                            binding.holder.wallet.address, href=portal.page_url(binding.holder)
                        ),
                        Cell(str(binding.country), number=True),
                        portal.time(binding.kyc_expires_at),
                        portal.yes_no(binding.permitted),
                    )
                    for binding in holders[:ORDERS_SHOWN_MAX]
                ],
                empty="It carries no register entry.",
            ),
            portal.timeline(row),
        ]


def _cancel_facts(row: ChainTransaction) -> list[Fact]:
    if row.cancel_asked_at is None:
        return []
    return [
        Fact("Called off", portal.time(row.cancel_asked_at)),
        Fact("Called off by", portal.actor(row.cancelled_by)),
        Fact("Why called off", portal.text(row.cancel_reason), wide=True),
    ]
