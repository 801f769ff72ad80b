"""An identifier names one fund on one day, and a fund bears one of each scheme."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from custody.models import FundIdentifier
from tests.custody.rows import make_fund

pytestmark = pytest.mark.django_db


def test_an_identifier_names_one_fund_on_one_day():
    fund = make_fund("BTC", "US3899302075")
    other = make_fund("IBIT")
    overlap = {"scheme": "ISIN", "value": "US3899302075", "valid_from": date(2025, 1, 1)}
    for taken in (other, fund):
        with pytest.raises(IntegrityError, match="overlap"), transaction.atomic(savepoint=True):
            FundIdentifier.objects.create(fund=taken, **overlap)
    old = {"scheme": "CUSIP", "valid_from": date(2024, 7, 31), "valid_until": date(2024, 11, 20)}
    FundIdentifier.objects.create(fund=fund, value="389930108", **old)
    FundIdentifier.objects.create(
        fund=fund, scheme="CUSIP", value="389930207", valid_from=date(2024, 11, 20)
    )
