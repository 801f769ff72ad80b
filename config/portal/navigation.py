"""The sidebar: work queues first, then records, each only for who may view it."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from config.portal import approvals, monitor, queues, stuck

# Title, model, icon.
Entry = tuple[str, str, str]
GROUPS: list[tuple[str, list[Entry]]] = [
    (
        "Compliance",
        [
            ("Investor review", "kyc.Investor", "person_search"),
            ("Wallets", "kyc.Wallet", "account_balance_wallet"),
            ("Decisions", "kyc.Decision", "gavel"),
            ("Overrides", "kyc.Override", "rule"),
            ("Policies", "kyc.PolicyVersion", "policy"),
            ("Refused access", "kyc.AccessEvent", "public_off"),
        ],
    ),
    (
        "Issuance",
        [
            ("Orders", "issuance.Order", "receipt_long"),
            ("Moves", "issuance.Move", "swap_horiz"),
            ("Chain transactions", "issuance.ChainTransaction", "link"),
            ("Holders", "issuance.Holder", "group"),
            ("Holds", "issuance.Hold", "front_hand"),
            ("Tokens", "issuance.Token", "token"),
            ("Signers", "issuance.Signer", "key"),
        ],
    ),
    (
        "Custody",
        [
            ("Deposits", "custody.Deposit", "move_to_inbox"),
            ("Deliveries", "custody.Delivery", "local_shipping"),
            ("Custodian files", "custody.Message", "upload_file"),
            ("Statements", "custody.Statement", "description"),
            ("Breaks", "custody.Break", "difference"),
            ("Attestations", "custody.Attestation", "verified"),
            ("Ledger", "custody.LedgerTransfer", "account_tree"),
            ("Ledger accounts", "custody.LedgerAccount", "savings"),
            ("Funds", "custody.Fund", "inventory_2"),
            ("Custody accounts", "custody.CustodyAccount", "account_balance"),
        ],
    ),
    (
        "Platform",
        [
            ("Audit events", "core.Event", "history"),
            ("Webhook endpoints", "core.WebhookEndpoint", "webhook"),
            ("Webhook deliveries", "core.WebhookDelivery", "send"),
            ("API keys", "core.ApiKey", "vpn_key"),
            ("Institutions", "core.Institution", "apartment"),
            ("Breakers", "core.Breaker", "power_off"),
            ("Operators", "auth.User", "badge"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's navigation for this person, with how much waits for people in each queue."""
    home = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    mine = {
        "title": "Waiting for me",
        "icon": "approval",
        "link": reverse("admin:approvals"),
        "badge": approvals.count(request),
        "badge_variant": "warning",
    }
    late = {
        "title": "Stuck work",
        "icon": "hourglass_bottom",
        "link": reverse("admin:stuck"),
        "badge": stuck.count(request, timezone.now()),
        "badge_variant": "danger",
    }
    chains = {"title": "Chain monitor", "icon": "monitoring", "link": reverse("admin:chains")}
    first = [home, mine, late, *([chains] if monitor.is_visible(request) else [])]
    groups: list[dict[str, Any]] = [{"title": "", "items": first}]
    for title, entries in GROUPS:
        items = [item for entry in entries if (item := _item(request, entry))]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def _item(request: HttpRequest, entry: Entry) -> dict[str, Any] | None:
    title, label, icon = entry
    model = apps.get_model(label)
    if not admin.site.get_model_admin(model).has_view_permission(request):
        return None
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse(name)}
    queue = queues.by_model(label)
    if queue is not None:
        item |= {"badge": queues.measure(queue).count, "badge_variant": "warning"}
    return item
