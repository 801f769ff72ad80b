"""A vendor for trials: a magic word in the external id or the legal name forces each outcome.

======================  ==========================================================
word                    outcome
======================  ==========================================================
``SANDBOX-FAIL``        FAILED, the investor is rejected on submission
``SANDBOX-REVIEW``      REVIEW, two people look as usual
``SANDBOX-PENDING``     PENDING, approval waits for ``record_check_result``
``SANDBOX-RESIDES-XX``  PASSED, and the provider reports residence in country XX
anything else           PASSED
======================  ==========================================================
"""

import re

from kyc.providers.contract import Answer, Subject
from kyc.states import CheckStatus, InvestorKind

_OUTCOMES = {
    "SANDBOX-FAIL": Answer(CheckStatus.FAILED, reason_code="document_forged"),
    "SANDBOX-REVIEW": Answer(CheckStatus.REVIEW, reason_code="photo_unclear"),
    "SANDBOX-PENDING": Answer(CheckStatus.PENDING, reason_code="awaiting_provider"),
}
_RESIDES = re.compile(r"SANDBOX-RESIDES-([A-Z]{2})\b")


class SandboxProvider:
    """Answers by the magic words above, at once and always the same."""

    name = "sandbox"

    def start(self, subject: Subject) -> Answer:
        text = f"{subject.external_id} {subject.legal_name}"
        for word, answer in _OUTCOMES.items():
            if word in text:
                return answer
        if found := _RESIDES.search(text):
            name = "residence" if subject.kind == InvestorKind.NATURAL else "place_of_business"
            return Answer(CheckStatus.PASSED, facts={name: [found.group(1)]})
        return Answer(CheckStatus.PASSED)
