"""Requests made from the OpenAPI document, lawful and unlawful, never meet a 5xx or an undeclared answer."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

from config.wsgi import application

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api" / "openapi.json"
EXAMPLES_PER_OPERATION = 10
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def _operations():
    schema = schemathesis.openapi.from_path(str(DOCUMENT))
    schema.app = application
    operations = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operations.append(found.ok())
    return operations


def _ask(operation, mode, bearer):
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        case.call_and_validate(headers={"Authorization": bearer}, checks=CHECKS)

    ask()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_every_operation_keeps_to_its_document(mode, bearer, subtests):
    asked = 0
    for operation in _operations():
        takes_input = operation.body or any(operation.iter_parameters())
        if mode == GenerationMode.NEGATIVE and not takes_input:
            continue
        asked += 1
        with subtests.test(operation=operation.label):
            _ask(operation, mode, bearer)
    assert asked > 30
