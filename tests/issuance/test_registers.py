"""The wanted register: who may hold, brought up to date by every sweep."""

import pytest
from django.utils import timezone

from issuance.models import Holder
from issuance.pipeline import holders
from kyc import services as kyc_services
from tests.custody import rows as custody_rows
from tests.issuance import paper as papers
from tests.issuance.stage import OPERATOR, approve, make_wallet

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_frozen_investor_loses_permission_while_newcomers_arrive():
    paper = papers.build()
    now = timezone.now()
    kyc_services.freeze_investor(
        investor_id=paper.investor.pk, reason="tip", actor=OPERATOR, now=now
    )
    newcomer = custody_rows.make_investor(
        paper.institution, kyc_expires_at=paper.investor.kyc_expires_at
    )
    approve(newcomer)
    make_wallet(newcomer, papers.OTHER_ADDRESS)
    holders._want(paper.token, now=now)
    wanted = dict(Holder.objects.values_list("wallet__address", "wanted_permitted"))
    assert wanted == {papers.ADDRESS: False, papers.OTHER_ADDRESS: True}
