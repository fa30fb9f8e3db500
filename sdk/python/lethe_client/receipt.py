"""Checks receipts of erasures offline, as docs/receipt-format.md describes.

Needs the package cryptography, which the extra `receipt` installs.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ._lists import require_list

__all__ = ["Proof", "VerifyError", "verify"]

MAX_FILE, MAX_RECEIPT, MAX_CHECKPOINT = 2 << 20, (1 << 16) - 1, 64 << 10
MAX_HASHES, MAX_NUMBER, LAST_SECOND = 53, (1 << 53) - 1, 253402300799
LOG, WITNESS = 1, 4  # kinds of keys


class VerifyError(Exception):
    """Why nothing is proven.

    kind: one of docs/receipt-format.md, or `bad_key` for invalid keys and salts
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(reason)


@dataclass(frozen=True)
class Proof:
    """What is proven: the log contains these bytes.

    receipt: the fields of the receipt
    leaf: the receipt's bytes
    index: its position in the log, from 0
    log, size, root: of the checkpoint
    witnesses: when each witness signed the checkpoint, by name
    """

    receipt: dict[str, Any]
    leaf: bytes
    index: int
    log: str
    size: int
    root: bytes
    witnesses: dict[str, datetime]


def verify(
    file: bytes,
    keys: str,
    *,
    salt: str | None = None,
    responses: Iterable[object] = (),
    owners: Iterable[str] = (),
    older: bytes | None = None,
    tiles: Callable[[str], bytes | None] | None = None,
) -> Proof:
    """Returns what the file of a receipt proves to anyone who trusts the keys. Uses only its arguments.

    keys: public keys of the log and its witnesses, one per line
    salt: of the receipt, or the secret of a bulk erasure, in hex or base64;
        with responses (identifiers) and owners that the receipt must contain
    older: another checkpoint of the log, which must not have been rewritten
        in between; tiles reads a file of the log's mirror, such as
        `tile/0/000`, and returns None if it does not exist

    Raises VerifyError, TypeError for a string in place of a list, and whatever tiles raises.
    """
    require_list("responses", responses)
    require_list("owners", owners)
    leaf, index, path, signed = _parse_proof(file)
    known = parse_keys(keys)
    log, size, root, witnesses = _open_checkpoint(signed, known)
    # First check that the log contains these bytes, then what they say.
    _must(
        _root(_sha(b"\0" + leaf), index, size, path) == root,
        "not_included",
        "the receipt or its proof was modified after sealing: "
        f"it is not leaf {index} of the log's tree of size {size}",
    )
    receipt = _parse_receipt(leaf)
    _must(receipt["log"] == log, "other_log", "receipt and checkpoint are of different logs")
    if older is not None:
        _check_history((log, size, root), _open_checkpoint(older, known)[:3], tiles)
    _check_commitments(receipt, salt, [str(id).lower() for id in responses], list(owners))
    return Proof(receipt, leaf, index, log, size, root, witnesses)


def _must(holds: bool, kind: str, otherwise: str) -> None:
    if not holds:
        raise VerifyError(kind, otherwise)


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return _sha(b"\1" + left + right)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str, kind: str, length: int | None = None) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    _must(_base64(raw) == text and (length is None or len(raw) == length), kind, "base64 is not canonical")
    return raw


def _number(text: str, kind: str) -> int:
    _must(re.fullmatch(NUMBER, text) is not None and int(text) <= MAX_NUMBER, kind, "a number is invalid or too large")
    return int(text)


# The file.


def _parse_proof(file: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """The receipt, its index, the hashes and the signed checkpoint."""
    _must(len(file) <= MAX_FILE, "bad_proof", "the file is too long")
    head, _, signed = file.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    _must(lines[0] == "c2sp.org/tlog-proof@v1", "bad_proof", "the file is not a receipt")
    _must(
        3 <= len(lines) <= 3 + MAX_HASHES and lines[1].startswith("extra ") and lines[2].startswith("index "),
        "bad_proof",
        "the file does not have the lines of a proof",
    )
    leaf = _bytes(lines[1][6:], "bad_proof")
    _must(0 < len(leaf) <= MAX_RECEIPT, "bad_proof", "the receipt is missing or too long")
    return leaf, _number(lines[2][6:], "bad_proof"), [_bytes(line, "bad_proof", 32) for line in lines[3:]], signed


def _root(node: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that the path leads to (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return None
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            node = _node(sibling, node)
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            node = _node(node, sibling)
        index, last = index // 2, last // 2
    return node if last == 0 else None


# The checkpoint.


def parse_keys(text: str) -> dict[tuple[str, bytes], bytes]:
    """Kind and public key, by name and key hash."""
    keys = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = re.fullmatch(rf"({NAME})\+([0-9a-f]{{8}})\+(.*)", line)
        _must(match is not None, "bad_key", "invalid key: want name+01234567+base64")
        name, id, encoded = match.groups()  # type: ignore[union-attr]
        key = _bytes(encoded, "bad_key", 33)
        known = key[0] in (LOG, WITNESS) and _sha(f"{name}\n".encode() + key)[:4].hex() == id
        _must(known, "bad_key", "invalid key: its hash or kind does not match")
        keys[name, bytes.fromhex(id)] = key
    _must(bool(keys), "bad_key", "give the log's public key: without one nothing can be proven")
    return keys


def _open_checkpoint(
    signed: bytes, keys: dict[tuple[str, bytes], bytes]
) -> tuple[str, int, bytes, dict[str, datetime]]:
    """Origin, size, root and when witnesses signed; every signature must be valid."""
    kind = "bad_checkpoint"
    _must(len(signed) <= MAX_CHECKPOINT, kind, "the checkpoint is too long")
    body, _, lines = signed.partition(b"\n\n")
    text = body.decode("latin-1").split("\n")
    _must(len(text) == 3 and re.fullmatch(NAME, text[0]) is not None, kind, "a checkpoint must have three lines: origin, size and root")
    origin, size, root = text[0], _number(text[1], kind), _bytes(text[2], kind, 32)
    _must(size > 0 or root == _sha(b""), kind, "the root is not that of an empty tree")
    _must(lines.endswith(b"\n"), kind, "the checkpoint's signatures are missing or cut off")
    signatures = []
    for line in lines[:-1].split(b"\n"):
        match = re.fullmatch("\N{EM DASH} ".encode() + rf"({NAME}) ([^ ]+)".encode(), line)
        _must(match is not None, kind, "the checkpoint has an invalid signature line")
        name, encoded = (group.decode("latin-1") for group in match.groups())  # type: ignore[union-attr]
        raw = _bytes(encoded, kind)
        _must(len(raw) > 4, kind, "the checkpoint has an invalid signature line")
        signatures.append((name != origin, name, raw[:4], raw[4:]))
    order = [signature[:3] for signature in signatures]
    _must(order == sorted(set(order)), kind, "signatures are out of order, or a key signs twice")

    witnesses, by_log = {}, False
    for _, name, id, signature in signatures:
        key = keys.get((name, id))
        if key is None:
            raise VerifyError("unknown_key", f"the checkpoint is signed with {name}+{id.hex()}, and that key is not given")
        message, length = body + b"\n", 64
        if key[0] == WITNESS:
            seconds, length = int.from_bytes(signature[:8]), 72
            message = f"cosignature/v1\ntime {seconds}\n".encode() + message
        else:
            _must(name == origin, "unknown_key", "the checkpoint is signed with the key of another log")
            by_log = True
        try:
            if len(signature) != length or key[0] == WITNESS and seconds > LAST_SECOND:
                raise InvalidSignature
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[-64:], message)
        except InvalidSignature:
            raise VerifyError("bad_signature", f"the checkpoint's signature with {name}+{id.hex()} is wrong") from None
        if key[0] == WITNESS:
            witnesses[name] = datetime.fromtimestamp(seconds, UTC)
    _must(by_log, "unknown_key", "the checkpoint is not signed by the log itself")
    return origin, size, root, witnesses


# History.

Checkpoint = tuple[str, int, bytes]


def _check_history(one: Checkpoint, other: Checkpoint, read: Callable[[str], bytes | None] | None) -> None:
    (old_log, old_size, old_root), (new_log, size, root) = sorted((one, other), key=lambda checkpoint: checkpoint[1])
    _must(old_log == new_log, "other_log", "the checkpoints are of different logs")
    rewritten = "the log was rewritten: it has signed checkpoints that contradict each other; keep both, they are the evidence"
    if old_size in (0, size):
        _must(old_size == 0 or old_root == root, "rewritten", rewritten)
        return
    _must(read is not None, "bad_tiles", "comparing checkpoints of different sizes needs the log's tiles")
    found_old, found = _roots(_tree(size, read), old_size, 0, size)  # type: ignore[arg-type]
    _must(found == root, "bad_tiles", "the tiles do not match the larger checkpoint")
    _must(found_old == old_root, "rewritten", rewritten)


def _tree(size: int, read: Callable[[str], bytes | None]) -> Callable[[int, int], bytes]:
    """Computes the root of a range of leaves from tiles (C2SP tlog-tiles)."""

    @cache
    def tile(level: int, number: int) -> bytes:
        width = min(256, (size >> 8 * level) - 256 * number)
        digits = f"{number:0{(len(str(number)) + 2) // 3 * 3}}"
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        full = f"tile/{level}/{'/'.join(['x' + group for group in groups[:-1]] + groups[-1:])}"
        hashes = read(f"{full}.p/{width}") if width < 256 else None
        wanted = width
        if hashes is None:
            hashes, wanted = read(full), 256
        _must(hashes is not None and len(hashes) == 32 * wanted, "bad_tiles", f"{full} is missing or damaged")
        return hashes[: 32 * width]  # type: ignore[index]

    def root(first: int, count: int) -> bytes:
        if count & (count - 1):
            half = _half(count)
            return _node(root(first, half), root(first + half, count - half))
        level, rest = divmod(count.bit_length() - 1, 8)
        number, at = divmod(first >> 8 * level, 256)
        nodes = [tile(level, number)[32 * n : 32 * n + 32] for n in range(at, at + (1 << rest))]
        while len(nodes) > 1:
            nodes = [_node(*nodes[n : n + 2]) for n in range(0, len(nodes), 2)]
        return nodes[0]

    return root


def _half(count: int) -> int:
    """The largest power of two below count."""
    return 1 << (count - 1).bit_length() - 1


def _roots(root: Callable[[int, int], bytes], old: int, first: int, count: int) -> tuple[bytes, bytes]:
    """The roots of the first `old` leaves and of all leaves, computed from the same nodes."""
    if old == count:
        return (both := root(first, count)), both
    half = _half(count)
    if old <= half:
        before, left = _roots(root, old, first, half)
        return before, _node(left, root(first + half, count - half))
    left = root(first, half)
    before, right = _roots(root, old - half, first + half, count - half)
    return _node(left, before), _node(left, right)


# The receipt.

NUMBER = "(?:0|[1-9][0-9]{0,15})"
NAME = r"[!#-*,-\[\]-~]{1,255}"
# Generated from the service's own types: docs/receipt-format.md describes it.
FORM: dict[str, Any] = json.loads(files(__package__).joinpath("generated/receipt_form.json").read_text("utf-8"))
EITHER = re.compile("|".join("".join(FORM[kind]) for kind in ("erasure", "later")))


def _parse_receipt(leaf: bytes) -> dict[str, Any]:
    kind, text = "bad_receipt", leaf.decode("latin-1")
    _must(EITHER.fullmatch(text) is not None, kind, "the receipt is malformed")
    receipt: dict[str, Any] = json.loads(text)
    _must(receipt["verified"] in FORM["verified"][receipt["level"]], kind, "the way of verification does not fit the level")
    _must(receipt.get("about") != receipt["id"], kind, "the receipt is about itself")
    covered = [gap for gap in FORM["words"]["not_covered"] if gap in receipt["not_covered"]]
    _must(receipt["not_covered"] == covered, kind, "not_covered is out of order")
    for time in receipt.get("requested_at"), receipt["executed_at"]:
        try:
            early = time is not None and datetime.fromisoformat(time).year < 1970
        except ValueError:
            early = True
        _must(not early, kind, "a time is invalid or before 1970")
    for list in receipt.get("responses", []), receipt.get("owners", []):
        raw = [_bytes(commitment, kind, 32) for commitment in list]
        _must(raw == sorted(set(raw)), kind, "commitments are out of order or repeated")
    parts = receipt.get("parts", [])
    _must(parts == sorted({*parts} - {receipt["id"]}), kind, "parts are out of order, repeated, or name the receipt itself")
    counts = receipt.get("counts", {})
    numbers = [*counts.values(), receipt.get("rule", {}).get("version", 1)]
    _must(max(numbers) <= MAX_NUMBER, kind, "a number is too large")
    _must(counts.get("requests", 0) <= len(receipt.get("responses", [])), kind, "too few commitments")
    return receipt


def _check_commitments(receipt: dict[str, Any], salt: str | None, responses: list[str], owners: list[str]) -> None:
    if not responses and not owners:
        return
    secret = _secret(salt or "")
    _must(receipt["level"] == "logical", "wrong_commitment", "this receipt has no commitments: check the receipt of the erasure")
    for field, texts in ("responses", responses), ("owners", owners):
        for text in texts:
            found = _commits(receipt, secret, field, text)
            if not receipt[field]:
                raise VerifyError("wrong_commitment", f"the receipt has no {field}: check it without")
            _must(found, "wrong_commitment", f"not among the receipt's {field}, or the salt belongs to another receipt{_other_parts(receipt)}")


def commits(receipt: dict[str, Any], salt: str, *, response: object = None, owner: str | None = None) -> bool:
    """Whether the receipt of an erasure names this response, or this owner; raises VerifyError for an invalid salt."""
    field, text = ("owners", owner) if response is None else ("responses", str(response).lower())
    return _commits(receipt, _secret(salt), field, str(text))


def _secret(salt: str) -> bytes:
    return bytes.fromhex(salt) if re.fullmatch("[0-9a-fA-F]{64}", salt) else _bytes(salt, "bad_key", 32)


def _commits(receipt: dict[str, Any], secret: bytes, field: str, text: str) -> bool:
    salts = secret, _hmac(secret, "erasure-salt-v1", receipt["id"])
    domain = {"responses": "erasure-response-v1", "owners": "erasure-owner-v1"}[field]
    return any(_base64(_hmac(salt, domain, text)) in receipt[field] for salt in salts)


def _other_parts(receipt: dict[str, Any]) -> str:
    """Which other receipts to check for anything this receipt does not contain."""
    if not (parts := receipt.get("parts")):
        return ""
    named = parts[:3] + ([f"{len(parts) - 3} more"] if len(parts) > 3 else [])
    names = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    others = "others" if len(parts) > 1 else "other one"
    return f"; this receipt is one of {len(parts) + 1} parts of its erasure: fetch and verify the {others}, too: {names}"


def _hmac(key: bytes, domain: str, text: str) -> bytes:
    return hmac.digest(key, f"{domain}\0{text}".encode(), "sha256")
