"""Quantities: integers of base units, never a float and never a rounded decimal.

One unit is 10^-18 of one whole, the raw unit of an 18-decimals ledger on chain. Python holds an ``int``,
PostgreSQL a ``numeric(38,0)`` and JSON a decimal string of wholes such as ``"600.25"``.
"""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NewType

from django.core import exceptions
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

Units = NewType("Units", int)

DECIMALS = 18
UNITS_PER_WHOLE = 10**DECIMALS
UNITS_DIGITS_MAX = 38
UNITS_MAX = 10**UNITS_DIGITS_MAX - 1
_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,19})(?:\.([0-9]{1,18}))?")


class QuantityInvalid(ValueError):
    """The text is not a plain decimal of at most 18 places, such as ``600.25``."""


def parse_quantity(text: str) -> Units:
    """Read a decimal string of wholes into units.

    Raises QuantityInvalid for a sign, an exponent, more than 18 places, or anything but digits.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise QuantityInvalid(text[:64])
    whole, fraction = match.groups(default="")
    units = int(whole) * UNITS_PER_WHOLE + int(fraction.ljust(DECIMALS, "0"))
    if units > UNITS_MAX:
        raise QuantityInvalid(text[:64])
    return Units(units)


def format_quantity(units: int) -> str:
    """Write units as the shortest decimal string of wholes."""
    sign, size = ("-", -units) if units < 0 else ("", units)
    whole, rest = divmod(size, UNITS_PER_WHOLE)
    fraction = f"{rest:018d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


if TYPE_CHECKING:
    _IntField = models.Field[int, int]
else:  # Django's fields take type arguments in the stubs only
    _IntField = models.Field


class UnitsField(_IntField):
    """A ``numeric(38,0)`` column that is an ``int`` in Python, in every digit."""

    description = "Base units (10^-18 of one whole)"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return f"numeric({UNITS_DIGITS_MAX},0)"

    def from_db_value(self, value: Decimal | int | None, *_: object) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: object) -> int | None:
        if value is None or type(value) is int:
            return value
        if isinstance(value, Decimal) and value == value.to_integral_value():
            return int(value)
        if isinstance(value, str) and value.removeprefix("-").isdecimal():
            return int(value)
        raise exceptions.ValidationError("Units are whole numbers.", code="invalid")

    def get_prep_value(self, value: object) -> object:
        if value is None or type(value) is int or hasattr(value, "resolve_expression"):
            return value
        raise TypeError(f"Units must be int, not {type(value).__name__}")

    def get_db_prep_value(
        self,
        value: object,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002  Django's signature
    ) -> object:
        value = value if prepared else self.get_prep_value(value)
        return Decimal(value) if type(value) is int else value
