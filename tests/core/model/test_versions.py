"""Weights have a version of their own: models/versions.json says which bytes each version had."""

import hashlib
import json
import re

import pytest
from gid_dev.gid_core.model import card

MODELS = card.default_folder()
LEDGER = json.loads((MODELS / "versions.json").read_text(encoding="utf-8"))
SAYS = "weights changed: give the card the next version and models/versions.json a line for it (docs/research/model.md)"


def number(version):
    return tuple(map(int, version.split(".")))


def test_the_shipped_bytes_are_those_of_their_version():
    shipped = card.read_card(MODELS)
    digests = {
        role: hashlib.sha256((MODELS / entry["file"]).read_bytes()).hexdigest() for role, entry in shipped.files.items()
    }
    assert LEDGER.get(shipped.version) == digests, SAYS


def test_the_shipped_version_is_the_newest():
    assert number(card.read_card(MODELS).version) == max(map(number, LEDGER))


def test_no_two_versions_have_the_same_bytes():
    sets = [json.dumps(digests, sort_keys=True) for digests in LEDGER.values()]
    assert len(set(sets)) == len(sets)


@pytest.mark.parametrize("version", LEDGER)
def test_a_line_of_the_ledger_is_a_version_with_digests(version):
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert LEDGER[version]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in LEDGER[version].values())
