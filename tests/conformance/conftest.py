"""A stranger with a key to the API."""

import logging
from collections.abc import Iterator

import pytest
from django.utils import timezone

from core import scopes, services
from core.actors import system


@pytest.fixture
def bearer(transactional_db) -> Iterator[str]:  # noqa: ARG001 - asked for its effect
    """The Authorization header of a new institution whose key has every scope."""
    actor, now = system("test"), timezone.now()
    institution = services.create_institution(
        name="Conformance Bank", country="CH", actor=actor, now=now
    )
    issued = services.issue_api_key(
        institution_id=institution.pk,
        name="conformance",
        granted=scopes.known(),
        actor=actor,
        now=now,
    )
    # Thousands of refused requests are not worth reading.
    logging.disable(logging.CRITICAL)
    yield f"Bearer {issued.text}"
    logging.disable(logging.NOTSET)
