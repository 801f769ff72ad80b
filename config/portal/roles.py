"""Who may do what: each action permission with the groups that hold it, and what groups may see.

Everything a person can change is an action named here; everything else is reading. The auditor
reads all and holds no action.
"""

from collections.abc import Iterable

AUDITOR = "auditor"
GROUPS = (
    "compliance_officer",
    "compliance_head",
    "issuance_ops",
    "custody_ops",
    "treasury",
    AUDITOR,
    "api_admin",
)

COMPLIANCE = ("compliance_officer", "compliance_head")

# Codename (app label ``portal``) -> what it allows, the groups that hold it.
ACTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "propose_investor": ("Propose that an investor is approved", COMPLIANCE),
    "approve_investor": ("Approve an investor another person proposed", COMPLIANCE),
    "reject_investor": ("Reject an investor", COMPLIANCE),
    "restrict_investor": ("Suspend, freeze or limit an investor to exits", COMPLIANCE),
    "release_investor": ("Lift an investor's suspension or freeze", ("compliance_head",)),
    "record_fact": ("Record a fact about an investor", COMPLIANCE),
    "record_check": ("Record or run a verification check", COMPLIANCE),
    "propose_override": ("Propose an override of one policy rule", COMPLIANCE),
    "approve_override": ("Approve an override another person proposed", ("compliance_head",)),
    "revoke_wallet": ("Revoke a wallet", COMPLIANCE),
    "approve_order": ("Approve an order held for review", ("compliance_head", "issuance_ops")),
    "reject_order": ("Reject an order held for review", ("compliance_head", "issuance_ops")),
    "close_fund": ("Close a fund to new business", ("treasury",)),
    "import_statement": ("Import a custodian's statement or confirmation", ("custody_ops",)),
    "cancel_movement": ("Call off a deposit or delivery", ("custody_ops",)),
    "adjust_ledger": ("Propose or approve a ledger adjustment", ("custody_ops", "treasury")),
    "halt_ledger": ("Freeze a fund or lift its freeze", ("custody_ops", "treasury")),
    "resolve_break": ("Resolve a reconciliation break", ("custody_ops", "treasury")),
    "reset_breaker": ("Halt new work or propose to let it pass", ("issuance_ops", "treasury")),
    "approve_breaker_reset": (
        "Let halted work pass that another person proposed",
        ("issuance_ops", "treasury"),
    ),
    "hold_compliance": ("Place a hold of compliance, or lift another person's", COMPLIANCE),
    "hold_operations": ("Place or lift a hold of operations", ("issuance_ops", "treasury")),
    "mend_transaction": (
        "Look again at, hurry or call off stuck work",
        ("issuance_ops", "treasury"),
    ),
    "issue_api_key": ("Issue, rotate or revoke an API key", ("api_admin",)),
    "redeliver_webhook": ("Send a webhook delivery again", ("api_admin", "issuance_ops")),
    "manage_webhook": ("Test, pause or rotate a webhook endpoint", ("api_admin",)),
}

# App label or ``app.model`` -> the groups that may view it. The auditor views everything.
VIEWS: dict[str, tuple[str, ...]] = {
    "kyc": COMPLIANCE,
    "kyc.wallet": ("issuance_ops",),
    "kyc.decision": ("issuance_ops",),
    "custody": ("custody_ops", "treasury"),
    "custody.fund": ("issuance_ops", *COMPLIANCE),
    "custody.ledgeraccount": ("issuance_ops",),
    "custody.ledgertransfer": ("issuance_ops",),
    "custody.attestation": ("issuance_ops",),
    "issuance": ("issuance_ops", "treasury"),
    "issuance.order": ("compliance_officer", "compliance_head", "custody_ops"),
    "issuance.move": ("compliance_officer", "compliance_head", "custody_ops"),
    "issuance.holder": COMPLIANCE,
    "issuance.hold": COMPLIANCE,
    "issuance.token": (*COMPLIANCE, "custody_ops"),
    "core.institution": tuple(group for group in GROUPS if group != AUDITOR),
    "core.event": (*COMPLIANCE, "issuance_ops", "custody_ops", "treasury", "api_admin"),
    "core.breaker": ("issuance_ops", "treasury", "custody_ops"),
    "core.apikey": ("api_admin",),
    "core.webhookendpoint": ("api_admin", "issuance_ops"),
    "core.webhookdelivery": ("api_admin", "issuance_ops"),
}


def action_codenames(group: str) -> set[str]:
    """The action permissions this group holds."""
    return {name for name, (_, groups) in ACTIONS.items() if group in groups}


def may_view(group: str, app_label: str, model_name: str) -> bool:
    """Whether this group sees the model's pages."""
    if group == AUDITOR:
        return True
    holders: Iterable[str] = (
        *VIEWS.get(app_label, ()),
        *VIEWS.get(f"{app_label}.{model_name}", ()),
    )
    return group in holders
