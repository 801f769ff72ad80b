"""The states of investors, wallets, checks and overrides, and the lawful moves between them."""

from django.db import models

from core.states import Table


class InvestorKind(models.TextChoices):
    """A person or a legal entity."""

    NATURAL = "NATURAL"
    ENTITY = "ENTITY"


class InvestorStatus(models.TextChoices):
    """Where an investor stands; EXIT_ONLY may redeem and take delivery but not enter."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXIT_ONLY = "EXIT_ONLY"
    SUSPENDED = "SUSPENDED"
    FROZEN = "FROZEN"
    CLOSED = "CLOSED"


_S = InvestorStatus
INVESTOR_TRANSITIONS: Table = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.CLOSED}),
    _S.SUBMITTED: frozenset({_S.IN_REVIEW, _S.REJECTED}),
    _S.IN_REVIEW: frozenset({_S.APPROVED, _S.REJECTED, _S.CLOSED}),
    _S.APPROVED: frozenset({_S.EXIT_ONLY, _S.SUSPENDED, _S.FROZEN, _S.CLOSED}),
    _S.EXIT_ONLY: frozenset({_S.APPROVED, _S.SUSPENDED, _S.FROZEN, _S.CLOSED}),
    _S.SUSPENDED: frozenset({_S.APPROVED, _S.EXIT_ONLY, _S.FROZEN, _S.CLOSED}),
    # A freeze ends only through the four-eyes reinstatement.
    _S.FROZEN: frozenset({_S.APPROVED, _S.EXIT_ONLY}),
    _S.REJECTED: frozenset(),
    _S.CLOSED: frozenset(),
}
# Nothing more can happen to these; their facts no longer change.
FINAL_INVESTOR = frozenset({_S.REJECTED, _S.CLOSED})
# The relationship exists: rules answer with their effect for a holder, not for a newcomer.
HOLDER = frozenset({_S.APPROVED, _S.EXIT_ONLY, _S.SUSPENDED, _S.FROZEN})
MAY_REINSTATE = frozenset({_S.EXIT_ONLY, _S.SUSPENDED, _S.FROZEN})


class WalletStatus(models.TextChoices):
    """How far the proof of control over an address has come."""

    CLAIMED = "CLAIMED"
    CHALLENGED = "CHALLENGED"
    PROVED = "PROVED"
    REVOKED = "REVOKED"


_W = WalletStatus
WALLET_TRANSITIONS: Table = {
    _W.CLAIMED: frozenset({_W.CHALLENGED, _W.REVOKED}),
    _W.CHALLENGED: frozenset({_W.PROVED, _W.REVOKED}),
    _W.PROVED: frozenset({_W.REVOKED}),
    _W.REVOKED: frozenset(),
}


class CheckStatus(models.TextChoices):
    """What an identity verification provider has said so far."""

    PENDING = "PENDING"
    PASSED = "PASSED"
    REVIEW = "REVIEW"
    FAILED = "FAILED"


CHECK_TRANSITIONS: Table = {
    CheckStatus.PENDING: frozenset({CheckStatus.PASSED, CheckStatus.REVIEW, CheckStatus.FAILED}),
    CheckStatus.REVIEW: frozenset({CheckStatus.PASSED, CheckStatus.FAILED}),
    CheckStatus.PASSED: frozenset(),
    CheckStatus.FAILED: frozenset(),
}


class OverrideStatus(models.TextChoices):
    """An override counts only while ACTIVE and unexpired."""

    PROPOSED = "PROPOSED"
    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


OVERRIDE_TRANSITIONS: Table = {
    OverrideStatus.PROPOSED: frozenset({OverrideStatus.ACTIVE, OverrideStatus.REVOKED}),
    OverrideStatus.ACTIVE: frozenset({OverrideStatus.REVOKED}),
    OverrideStatus.REVOKED: frozenset(),
}


class OverrideKind(models.TextChoices):
    """REVIEWED answers a rule's REVIEW for the very facts it saw; EXEMPTION lifts a named rule."""

    REVIEWED = "REVIEWED"
    EXEMPTION = "EXEMPTION"


class Action(models.TextChoices):
    """What a decision is asked about."""

    ONBOARD = "onboard"
    REGISTER_WALLET = "register_wallet"
    MINT = "mint"
    DEPOSIT = "deposit"
    REDEEM = "redeem"
    DELIVER = "deliver"
    SESSION = "session"


# Exit is allowed where entry is not.
EXIT_ACTIONS = frozenset({Action.REDEEM, Action.DELIVER})
