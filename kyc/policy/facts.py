"""Facts made canonical before any rule sees them: checked, sorted, and without personal names."""

from collections.abc import Mapping
from typing import Any, NoReturn

from core.errors import DomainError
from kyc.policy.territory import CountryInvalid, PhoneInvalid, canonical_country, phone_region
from kyc.policy.vocabulary import FACTS, PHONE, FactSpec, FactType

VALUES_MAX = 20
OWNERS_MAX = 100
WHOLE_BPS = 10_000
_CURRENCY_LENGTH = 3
_OWNER_KEYS = {"country", "nationality", "share_bps", "controls"}


class FactInvalid(DomainError):
    """A fact's value is not of its type."""

    code = "field_invalid"
    status = 400
    title = "A field has the wrong type, form or value, or is missing."


class FactUnknown(FactInvalid):
    """The vocabulary has no such fact."""

    code = "unknown_field"
    title = "The request names a field this operation does not have."


def prepare(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as rules compare them: known names only, values canonical, sorted and unique.

    A ``phone`` becomes ``phone_region``. Raises FactInvalid or FactUnknown, naming the fact as field.
    """
    prepared: dict[str, Any] = {}
    for name, value in facts.items():
        if name == PHONE:
            merge(prepared, "phone_region", phone_value(value))
        else:
            merge(prepared, name, canonical_value(name, value))
    return prepared


def merge(prepared: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - JSON value
    """Add a canonical value to ``prepared``; what several sources say of a fact is kept together."""
    if isinstance(value, list) and name in prepared and name != "owners":
        value = sorted({*prepared[name], *value})
    if value is not None and value != []:
        prepared[name] = value


def canonical_value(name: str, value: Any) -> Any:  # noqa: ANN401 - a JSON value in and out
    """One fact's value as rules compare it. Raises FactInvalid."""
    spec = FACTS.get(name)
    if spec is None:
        raise FactUnknown(f"There is no fact {name[:40]!r}.", field=f"/facts/{name[:40]}")
    if spec.type is FactType.OWNERS:
        return _owners(value)
    if not spec.many:
        return _one(spec, value)
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= VALUES_MAX:
        _refuse(name, f"1 to {VALUES_MAX} values")
    return sorted({_one(spec, each) for each in values})


def phone_value(value: Any) -> list[str]:  # noqa: ANN401 - a JSON value
    """The regions of one or several phone numbers. Raises FactInvalid."""
    numbers = value if isinstance(value, list) else [value]
    if not 0 < len(numbers) <= VALUES_MAX:
        _refuse(PHONE, f"1 to {VALUES_MAX} values")
    try:
        return sorted({phone_region(_text(PHONE, number)) for number in numbers})
    except PhoneInvalid as broken:
        # The number itself stays out of the message.
        raise FactInvalid("Not an international phone number.", field="/facts/phone") from broken


def _one(spec: FactSpec, value: Any) -> Any:  # noqa: ANN401 - a JSON value in and out
    if spec.type is FactType.BOOLEAN:
        if not isinstance(value, bool):
            _refuse(spec.name, "true or false")
        return value
    text = _text(spec.name, value)
    if spec.type is FactType.COUNTRY:
        try:
            return canonical_country(text)
        except CountryInvalid as broken:
            raise FactInvalid(
                f"{spec.name} is an ISO 3166 country code.", field=f"/facts/{spec.name}"
            ) from broken
    if spec.type is FactType.CURRENCY:
        if len(text) != _CURRENCY_LENGTH or not (text.isascii() and text.isalpha()):
            _refuse(spec.name, "a three-letter currency code")
        return text.upper()
    if text not in spec.choices:
        _refuse(spec.name, f"one of {sorted(spec.choices)}")
    return text


def _owners(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON value
    if not isinstance(value, list) or len(value) > OWNERS_MAX:
        _refuse("owners", f"a list of at most {OWNERS_MAX} owners")
    owners = [_owner(each) for each in value]
    if sum(owner["share_bps"] for owner in owners) > WHOLE_BPS:
        _refuse("owners", "shares of at most 10000 basis points together")
    return sorted(owners, key=_owner_order)


def _owner(value: Any) -> dict[str, Any]:  # noqa: ANN401 - a JSON value
    if not isinstance(value, dict) or not value.keys() <= _OWNER_KEYS or "country" not in value:
        _refuse("owners", f"objects with country and some of {sorted(_OWNER_KEYS)}")
    share, controls = value.get("share_bps", 0), value.get("controls", False)
    if type(share) is not int or not 0 <= share <= WHOLE_BPS or not isinstance(controls, bool):
        _refuse("owners", "share_bps 0 to 10000 and controls true or false")
    owner = {
        "country": _owner_country(value["country"]),
        "share_bps": share,
        "controls": controls,
    }
    if value.get("nationality"):
        owner["nationality"] = _owner_country(value["nationality"])
    return owner


def _owner_country(value: Any) -> str:  # noqa: ANN401 - a JSON value
    try:
        return canonical_country(_text("owners", value))
    except CountryInvalid as broken:
        raise FactInvalid("An owner's country is an ISO code.", field="/facts/owners") from broken


def _owner_order(owner: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        -owner["share_bps"],
        owner["country"],
        not owner["controls"],
        owner.get("nationality", ""),
    )


def _text(name: str, value: Any) -> str:  # noqa: ANN401 - a JSON value
    if not isinstance(value, str):
        _refuse(name, "text")
    return value


def _refuse(name: str, expected: str) -> NoReturn:
    raise FactInvalid(f"{name}: expected {expected}.", field=f"/facts/{name}")
