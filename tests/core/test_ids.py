import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import IdInvalid, decode_id, encode_id, new_uuid


@given(st.uuids())
def test_a_public_id_names_exactly_one_row(value):
    assert decode_id("ord", encode_id("ord", value)) == value


def test_later_rows_have_later_ids():
    ids = [encode_id("ord", new_uuid()) for _ in range(100)]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord_",
        encode_id("inv", uuid.UUID(int=1)),
        "ord_" + "z" * 26,
        "ord_" + "i" * 26,
        encode_id("ord", uuid.UUID(int=1)).upper(),
    ],
)
def test_a_foreign_or_damaged_id_is_refused(text):
    with pytest.raises(IdInvalid):
        decode_id("ord", text)
