"""The Python in docs/receipt-format.md matches docs/vectors."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = re.findall(
    r"^```python\n(.*?)^```$",
    (DOCS / "receipt-format.md").read_text(),
    re.MULTILINE | re.DOTALL,
)
VECTORS = json.loads((DOCS / "vectors" / "vectors.json").read_text())
PROVEN = [v for v in VECTORS["proofs"] if v["proven"]]
# Two checkpoints are compared by `lethe verify`; the page leaves them out.
REFUSED = [v for v in VECTORS["proofs"] if not v["proven"] and "older" not in v]


@pytest.fixture(scope="module")
def page():
    names = {"__name__": "receipt_format"}
    for block in BLOCKS:
        exec(compile(block, "receipt-format.md", "exec"), names)
    return names


def name(vector):
    return vector["file"]


def read(vector):
    return (DOCS / "vectors" / vector["file"]).read_bytes(), [
        VECTORS["keys"][key] for key in vector["keys"]
    ]


def found(page, receipt, vector):
    salt = bytes.fromhex(vector.get("salt", ""))
    responses = [
        page["erased"](receipt, salt, response)
        for response in vector.get("responses", [])
    ]
    return responses + [
        page["erased_of"](receipt, salt, owner)
        for owner in vector.get("owners", [])
    ]


def test_there_is_something_to_test():
    assert len(BLOCKS) == 3
    assert len(PROVEN) >= 9
    assert len(REFUSED) >= 40


@pytest.mark.parametrize("vector", PROVEN, ids=name)
def test_proven(page, vector):
    leaf = page["check"](*read(vector))
    assert (
        base64.b64encode(hashlib.sha256(b"\0" + leaf).digest()).decode()
        == vector["leaf"]
    )
    assert all(found(page, page["parse"](leaf), vector))


@pytest.mark.parametrize("vector", REFUSED, ids=name)
def test_refused(page, vector):
    file, keys = read(vector)
    if vector["kind"] == "wrong_commitment":
        assert not any(found(page, page["parse"](page["check"](file, keys)), vector))
    elif vector["kind"] == "bad_receipt":
        leaf = page["check"](file, keys)
        with pytest.raises(ValueError):
            page["parse"](leaf)
    else:
        with pytest.raises(Exception) as refusal:
            page["check"](file, keys)
        # A fault of the page itself must not count as a refusal.
        assert refusal.type.__name__ in {
            "ValueError",
            "Error",
            "KeyError",
            "InvalidSignature",
            "UnicodeDecodeError",
        }


def test_every_byte_counts(page):
    file, keys = read(PROVEN[0])
    page["check"](file, keys)
    for at in range(len(file)):
        for value in {file[at] ^ 1, file[at] ^ 0x20, ord("A"), ord("\n")} - {file[at]}:
            with pytest.raises(Exception):
                page["check"](file[:at] + bytes([value]) + file[at + 1 :], keys)


def test_as_a_program(tmp_path):
    program = tmp_path / "check.py"
    program.write_text("\n".join(BLOCKS))
    arguments = [DOCS / "vectors" / PROVEN[0]["file"], VECTORS["keys"]["log"]]
    ran = subprocess.run(
        [sys.executable, program, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)["version"] == "lethe-receipt/1"
    arguments[0] = DOCS / "vectors" / "bad-index.receipt"
    assert (
        subprocess.run(
            [sys.executable, program, *arguments], capture_output=True
        ).returncode
        != 0
    )
