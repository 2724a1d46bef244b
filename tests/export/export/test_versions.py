"""The version of exported weights is that of their bytes."""

import json

from onnx_export.export import versions

A, B, C = ({"encoder": letter * 64, "flow": "0" * 64} for letter in "abc")
LEDGER = {"0.9.0": A, "0.10.0": B}


def test_known_bytes_keep_their_version_and_others_get_the_next():
    assert versions.version_of(A, LEDGER) == "0.9.0"
    assert versions.version_of(B, LEDGER) == "0.10.0"
    assert versions.version_of(C, LEDGER) == "0.11.0"
    assert versions.version_of({**B, "renderer": "1" * 64}, LEDGER) == "0.11.0"
    assert versions.version_of(C, {}) == "0.1.0"


def test_the_ledger_only_grows(tmp_path):
    path = tmp_path / "versions.json"
    path.write_text(json.dumps(LEDGER))
    assert versions.grown(B, path) == ("0.10.0", LEDGER)
    assert versions.grown(C, path) == ("0.11.0", {**LEDGER, "0.11.0": C})
    assert json.loads(path.read_text()) == LEDGER
