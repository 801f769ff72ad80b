"""The JSON of investors, their evidence, wallets and decisions."""

import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.pagination import PageQuery
from core.api.serializers import (
    ObjectField,
    PublicIdField,
    StatusField,
    StrictSerializer,
    UtcField,
)
from kyc.models import Decision, Investor, WalletChallenge
from kyc.policy.vocabulary import DECLARABLE, FACTS, PHONE, FactType
from kyc.states import InvestorStatus, WalletStatus

KINDS = ["natural", "entity"]
TEXT_LENGTH_MAX = 100
NAME_LENGTH_MAX = 300
MESSAGE_LENGTH_MAX = 2000
FACTS_MAX = 40
_BPS_PER_PERCENT = 100
_JSON_TYPES = {FactType.BOOLEAN: "boolean"}


def _fact_schema(name: str) -> dict[str, Any]:
    spec = FACTS[name]
    one = {"type": _JSON_TYPES.get(spec.type, "string")}
    several = {"type": "array", "items": one}
    return {"description": spec.meaning} | ({"oneOf": [one, several]} if spec.many else one)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _fact_schema(name) for name in sorted(DECLARABLE)}
        | {PHONE: {"type": "string", "description": "In international form, +41446681800."}},
        "examples": [{"residence": "CH", "nationality": ["CH"], "tax_residence": "CH"}],
    }
)
class FactsField(serializers.DictField):
    """Facts by name; names and values are judged by the policy's own vocabulary."""

    def to_internal_value(self, data: Any) -> dict[Any, Any]:  # noqa: ANN401  DRF's signature
        if not isinstance(data, Mapping):
            self.fail("not_a_dict", input_type=type(data).__name__)
        if len(data) > FACTS_MAX:
            raise serializers.ValidationError(f"At most {FACTS_MAX} facts.")
        return dict(data)


class InvestorIn(StrictSerializer):
    """A new investor. ``external_id`` is the institution's own id of it."""

    external_id = serializers.RegexField(r"^[!-~]{1,100}$")
    kind = serializers.ChoiceField(KINDS)
    legal_name = serializers.CharField(max_length=NAME_LENGTH_MAX)
    facts = FactsField(default=dict)


class InvestorPatch(StrictSerializer):
    """Facts to add or to correct; what is not named stays."""

    facts = FactsField()


class InvestorQuery(PageQuery):
    """Filters of the list of investors."""

    status = serializers.ChoiceField([s.lower() for s in InvestorStatus.values], required=False)
    external_id = serializers.CharField(max_length=TEXT_LENGTH_MAX, required=False)


class ReasonOut(StrictSerializer):
    """One rule behind a status, with its citation."""

    id = serializers.CharField()
    document = serializers.CharField()
    clause = serializers.CharField()
    quote = serializers.CharField()


class InvestorOut(StrictSerializer):
    """An investor; ``decision_id`` explains the present status rule by rule."""

    object = ObjectField()
    id = PublicIdField("inv", read_only=True)
    external_id = serializers.CharField(read_only=True)
    kind = StatusField()
    legal_name = serializers.CharField(read_only=True)
    status = StatusField()
    decision_id = PublicIdField("dec", read_only=True, allow_null=True)
    reasons = serializers.SerializerMethodField()
    kyc_expires_at = UtcField(read_only=True, allow_null=True)
    submitted_at = UtcField(read_only=True, allow_null=True)
    approved_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    @extend_schema_field(ReasonOut(many=True))
    def get_reasons(self, investor: Investor) -> list[dict[str, str]]:
        return reasons(investor.decision) if investor.decision else []


class DocumentIn(StrictSerializer):
    """A document's fingerprint. The file stays with the institution."""

    kind = serializers.ChoiceField(
        [
            "passport",
            "identity_card",
            "residence_permit",
            "proof_of_address",
            "register_extract",
            "professional_status",
            "source_of_funds",
            "other",
        ]
    )
    issuing_country = serializers.CharField(max_length=6)
    expires_on = serializers.DateField(required=False, allow_null=True, default=None)
    sha256 = serializers.CharField(max_length=64)


class DocumentOut(StrictSerializer):
    """A document on file."""

    object = ObjectField()
    id = PublicIdField("doc", read_only=True)
    investor_id = PublicIdField("inv", read_only=True)
    kind = serializers.CharField(read_only=True)
    issuing_country = serializers.CharField(read_only=True)
    expires_on = serializers.DateField(read_only=True, allow_null=True)
    sha256 = serializers.CharField(read_only=True)
    created_at = UtcField(read_only=True)


@extend_schema_field({"type": "string", "examples": ["60.00"]})
class PercentField(serializers.Field[int, str, str, int]):
    """A percentage such as "60.00" in JSON, basis points in Python."""

    default_error_messages = {"invalid": 'Expected a percentage string such as "60.00".'}

    def to_internal_value(self, data: object) -> int:
        whole, point, fraction = data.partition(".") if isinstance(data, str) else ("", "", "")
        plain = whole.isascii() and whole.isdecimal() and len(whole) <= len("100")
        if not plain or (point and not (fraction.isascii() and fraction.isdecimal())):
            self.fail("invalid")
        bps = int(whole) * _BPS_PER_PERCENT + int((fraction + "00")[:2])
        if len(fraction) > len("00") or bps > _BPS_PER_PERCENT * 100:
            self.fail("invalid")
        return bps

    def to_representation(self, value: int) -> str:
        return f"{value // _BPS_PER_PERCENT}.{value % _BPS_PER_PERCENT:02d}"


class OwnerIn(StrictSerializer):
    """A beneficial owner of an entity."""

    name = serializers.CharField(max_length=NAME_LENGTH_MAX)
    kind = serializers.ChoiceField(KINDS)
    country = serializers.CharField(max_length=6, help_text="Residence, or place of organisation.")
    nationality = serializers.CharField(max_length=2, required=False, default="")
    share_pct = PercentField(source="share_bps")
    controls = serializers.BooleanField(default=False, help_text="Controls by any means.")


class OwnerOut(StrictSerializer):
    """A beneficial owner on record."""

    object = ObjectField()
    id = PublicIdField("own", read_only=True)
    investor_id = PublicIdField("inv", read_only=True)
    name = serializers.CharField(read_only=True)
    kind = StatusField()
    country = serializers.CharField(read_only=True)
    nationality = serializers.CharField(read_only=True)
    share_pct = PercentField(source="share_bps", read_only=True)
    controls = serializers.BooleanField(read_only=True)
    created_at = UtcField(read_only=True)


class WalletIn(StrictSerializer):
    """An address to claim for an investor."""

    investor_id = PublicIdField("inv")
    network = serializers.CharField(max_length=40)
    address = serializers.CharField(max_length=64)


class WalletQuery(PageQuery):
    """Filters of the list of wallets."""

    investor_id = PublicIdField("inv", required=False)
    network = serializers.CharField(max_length=40, required=False)
    status = serializers.ChoiceField([s.lower() for s in WalletStatus.values], required=False)


class WalletOut(StrictSerializer):
    """A wallet. Value moves to it from ``usable_at`` on."""

    object = ObjectField()
    id = PublicIdField("wal", read_only=True)
    investor_id = PublicIdField("inv", read_only=True)
    network = serializers.CharField(read_only=True)
    address = serializers.CharField(read_only=True)
    status = StatusField()
    decision_id = PublicIdField("dec", read_only=True, allow_null=True)
    proved_at = UtcField(read_only=True, allow_null=True)
    usable_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class ChallengeOut(StrictSerializer):
    """The ERC-4361 text to sign with ``personal_sign``, letter by letter."""

    object = serializers.CharField(read_only=True, default="wallet_challenge")
    wallet_id = PublicIdField("wal", read_only=True)
    message = serializers.CharField(read_only=True)
    expires_at = UtcField(read_only=True)

    def to_representation(self, instance: WalletChallenge) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {"object": "wallet_challenge"} | shown


class ProofIn(StrictSerializer):
    """The signed message and its signature."""

    message = serializers.CharField(max_length=MESSAGE_LENGTH_MAX, trim_whitespace=False)
    signature = serializers.CharField(max_length=200)


class FactOut(StrictSerializer):
    """One thing a source said, and when."""

    name = serializers.CharField(read_only=True)
    value = serializers.SerializerMethodField()
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]  # stubs
    recorded_at = UtcField(read_only=True)

    @extend_schema_field({"description": "As it was declared."})
    def get_value(self, fact: Any) -> Any:  # noqa: ANN401 - a JSON value
        return json.loads(fact.value)


class FactsOut(StrictSerializer):
    """Everything held true of an investor."""

    object = serializers.ChoiceField(["list"])
    data = FactOut(many=True)  # type: ignore[assignment]  # stubs


def reasons(decision: Decision) -> list[dict[str, str]]:
    """The rules that gave the decision its effect, each with its citation."""
    strictest = [rule for rule in decision.fired if rule["effect"] == decision.effect]
    return [
        {name: rule[name] for name in ("id", "document", "clause", "quote")}
        for rule in strictest
        if not rule.get("lifted_by")
    ]


class DecisionOut(StrictSerializer):
    """A recorded answer of the policy engine: every rule, what it saw and what it cites."""

    object = ObjectField()
    id = PublicIdField("dec", read_only=True)
    investor_id = PublicIdField("inv", read_only=True)
    action = serializers.CharField(read_only=True)
    trigger = serializers.CharField(read_only=True)
    effect = StatusField()
    as_of = UtcField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    policies = serializers.ListField(child=serializers.DictField(), read_only=True)
    fired = serializers.ListField(child=serializers.DictField(), read_only=True)
    unknown = serializers.ListField(child=serializers.DictField(), read_only=True)
    not_fired = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_at = UtcField(read_only=True)

    def to_representation(self, instance: Decision) -> dict[str, Any]:
        answer = json.loads(bytes(instance.body))
        parts = ("policies", "fired", "unknown", "not_fired")
        plain = {
            name: field.to_representation(field.get_attribute(instance))
            for name, field in self.fields.items()
            if name not in parts
        }
        return plain | {name: answer[name] for name in parts}
