"""Newer code must find the token's state where deployed tokens keep it."""

import copy
import json

import pytest

from issuance.chain import compile as compiler
from issuance.chain import layout

BOOKS = "t_struct(EtfTokenStorage)_storage"


def committed():
    return json.loads(compiler.LAYOUT.read_text())


def test_the_committed_layout_is_what_the_sources_give():
    assert compiler.build_layout() == committed()


def test_the_layout_names_every_field_and_no_compiler_number():
    fields = committed()[BOOKS]
    assert fields[0] == "slot 0 byte 0: t_struct(Book)_storage book"
    assert "slot 4 byte 0: t_array(t_uint256)4_storage restricted" in fields
    assert any("t_userDefinedValueType(HolderWord)) holders" in field for field in fields)


def test_a_field_added_at_the_end_is_no_move():
    grown = copy.deepcopy(committed())
    grown[BOOKS].append("slot 12 byte 0: t_uint256 news")
    grown["t_struct(News)_storage"] = ["slot 0 byte 0: t_uint256 first"]
    assert layout.moved(committed(), grown) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop(),
        lambda fields: fields.insert(1, "slot 1 byte 0: t_uint256 news"),
        lambda fields: fields.reverse(),
        lambda fields: fields.__setitem__(0, fields[0].replace("Book", "Shelf")),
    ],
)
def test_a_field_that_went_moved_or_changed_is_named(change):
    other = copy.deepcopy(committed())
    change(other[BOOKS])
    assert layout.moved(committed(), other)
    assert layout.moved(committed(), {})


def test_sources_that_move_a_field_are_refused_and_nothing_is_written(
    monkeypatch, tmp_path, capsys
):
    other = copy.deepcopy(committed())
    other[BOOKS][0] = "slot 0 byte 0: t_uint256 book"
    path = tmp_path / "storage-layout.json"
    path.write_text(json.dumps(other))
    monkeypatch.setattr(compiler, "LAYOUT", path)
    monkeypatch.setattr(compiler, "ARTIFACTS", tmp_path / "artifacts")
    for arguments in ([], ["--check"]):
        assert compiler.main(arguments) == 1
        assert "storage moved under deployed tokens" in capsys.readouterr().err
    assert not (tmp_path / "artifacts").exists()
