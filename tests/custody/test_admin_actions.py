"""What operators write: whoever will read it is said beside the field."""

import pytest

from core.portal import ToldReasonForm
from custody.admin.actions import DELIVERY_ACTIONS, DEPOSIT_ACTIONS


@pytest.mark.parametrize("actions", [DEPOSIT_ACTIONS, DELIVERY_ACTIONS])
def test_a_reason_that_reaches_the_institution_says_so(actions):
    (cancel,) = [action for action in actions if action.name == "cancel"]
    assert issubclass(cancel.form, ToldReasonForm)
    assert "institution reads this" in cancel.form.base_fields["reason"].help_text
