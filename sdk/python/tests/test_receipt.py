"""The check of receipts matches docs/vectors."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from lethe_client.receipt import VerifyError, verify

FOLDER = Path(__file__).parents[3] / "docs" / "vectors"
VECTORS = json.loads((FOLDER / "vectors.json").read_text())


def check(vector, file=None, **given):
    def tiles(path):
        tile = FOLDER / vector["tiles"] / path
        return tile.read_bytes() if tile.is_file() else None

    if "older" in vector:
        given = {"older": (FOLDER / vector["older"]).read_bytes(), "tiles": tiles} | given
    return verify(
        file or (FOLDER / vector["file"]).read_bytes(),
        "\n".join(VECTORS["keys"][key] for key in vector["keys"]),
        **{"salt": vector.get("salt"), "responses": vector.get("responses", []), "owners": vector.get("owners", [])} | given,
    )


def refused(vector, file=None, **given):
    with pytest.raises(VerifyError) as refusal:
        check(vector, file, **given)
    assert str(refusal.value)
    return refusal.value.kind


def of(name):
    return next(vector for vector in VECTORS["proofs"] if vector["file"] == name + ".receipt")


def test_tells_of_the_other_parts():
    wrong = [vector for vector in VECTORS["proofs"] if vector["file"] == "parts.receipt" and not vector["proven"]]
    assert len(wrong) == 2
    for vector in wrong:
        with pytest.raises(VerifyError) as refusal:
            check(vector)
        assert str(refusal.value).endswith(vector["reason"].partition("; ")[2])
        assert "; this receipt is one of 6 parts of its erasure: " in str(refusal.value)


def test_says_that_it_has_none():
    for given in {"responses": ["ada"]}, {"responses": [], "owners": ["ada"]}:
        with pytest.raises(VerifyError) as refusal:
            check(of("nothing"), **given)
        assert ("check it without" in str(refusal.value)) == ("owners" not in given)


def test_there_is_something_to_test():
    assert sum(vector["proven"] for vector in VECTORS["proofs"]) >= 12
    assert len({vector.get("kind") for vector in VECTORS["proofs"]}) >= 11


@pytest.mark.parametrize("vector", VECTORS["proofs"], ids=lambda vector: vector["file"])
def test_vectors(vector):
    if not vector["proven"]:
        assert refused(vector) == vector["kind"]
        return
    proof = check(vector)
    assert base64.b64encode(hashlib.sha256(b"\0" + proof.leaf).digest()).decode() == vector["leaf"]
    assert json.loads(proof.leaf) == proof.receipt
    assert list(proof.witnesses) == ["witness.example/w1"] * ("witness" in vector["keys"])


@pytest.mark.parametrize("name", ["single", "rotated"])
def test_every_byte_counts(name):
    vector = of(name)
    file = (FOLDER / vector["file"]).read_bytes()
    for at in range(len(file)):
        for value in {file[at] ^ 1, file[at] ^ 0x20, file[at] ^ 0x80, ord("A"), ord("\n")} - {file[at]}:
            refused(vector, file[:at] + bytes([value]) + file[at + 1 :])
        refused(vector, file[:at] + file[at + 1 :])
        if file[:at][-1:] != b"\n":
            refused(vector, file[:at] or b"\n")


def test_witnesses_may_be_left_out():
    vector = of("last")
    file = (FOLDER / vector["file"]).read_bytes()
    lines = file.splitlines(keepends=True)
    assert check(vector, b"".join(lines[:-1])).witnesses == {}
    assert refused(vector, b"".join(lines[:-2] + lines[-1:])) == "unknown_key"


def test_what_it_is_checked_with():
    vector = of("single")
    assert check(vector, responses=[vector["responses"][0].upper()], salt=base64.b64encode(bytes.fromhex(vector["salt"])).decode())
    assert refused(vector, salt=None) == "bad_key"
    assert refused(vector, salt=vector["salt"][2:]) == "bad_key"
    assert refused(vector, owners=["ada"]) == "wrong_commitment"
    assert refused(of("level"), salt=vector["salt"], owners=["ada"]) == "wrong_commitment"
    file = (FOLDER / vector["file"]).read_bytes()
    key = VECTORS["keys"]["log"]
    for keys in "", "ada", key[:-1], key.replace("+8", "+9"), "PRIVATE+KEY+" + key:
        with pytest.raises(VerifyError) as refusal:
            verify(file, keys)
        assert refusal.value.kind == "bad_key"


def test_history():
    vector = of("history")
    assert refused(vector, tiles=None) == "bad_tiles"
    mirror = {str(file.relative_to(FOLDER / "mirror")): file.read_bytes() for file in (FOLDER / "mirror").rglob("*") if file.is_file()}
    assert check(vector, tiles=mirror.get)
    # A full tile can replace a partial one.
    partial = mirror.pop("tile/0/001.p/44")
    assert refused(vector, tiles=mirror.get) == "bad_tiles"
    assert check(vector, tiles=(mirror | {"tile/0/001": partial.ljust(256 * 32, b"\0")}).get)
    assert refused(vector, tiles=(mirror | {"tile/0/001": partial}).get) == "bad_tiles"
    assert refused(vector, tiles=(mirror | {"tile/0/001.p/44": bytes(44 * 32)}).get) == "bad_tiles"
