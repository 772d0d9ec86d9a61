"""An independent reader of edge shards, format 1, written from Sources/EdgeShard/FORMAT.md.

Verifies signatures, chain and objects of a published directory; with a site's key it opens the newest generation, checks
its schema and content root, and writes it as an SQLite file. Deltas are applied through SQLite's session extension.
"""

import argparse
import ctypes
import ctypes.util
import hashlib
import json
import pathlib
import sqlite3
import struct
import sys
import time

import lz4.frame
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = 1
CHUNK, TAG, PIECE, BUCKETS = 65_536, 16, 1 << 20, 4_096
TABLES = [("source", 1), ("study", 2), ("observation", 3), ("series_observation", 4), ("tombstone", 5)]


class Refused(Exception):
    pass


def sha(data):
    return hashlib.sha256(data).digest()


def check(condition, what):
    if not condition:
        raise Refused(what)


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def trusted(path):
    """Ed25519 keys by id; the file may hold several."""
    end = b"-----END PUBLIC KEY-----"
    parts = [part + end for part in pathlib.Path(path).read_bytes().split(end)[:-1]]
    keys = [serialization.load_pem_public_key(part) for part in parts]
    return {sha(raw(key)).hex()[:16]: key for key in keys}


def signed(data, kind, keys):
    title, key_line, signature_line, body = data.split(b"\n", 3)
    check(title == f"concord {kind} {FORMAT}".encode(), f"no {kind} of format {FORMAT}")
    check(key_line.startswith(b"key ") and signature_line.startswith(b"signature "), f"malformed {kind}")
    key = keys.get(key_line[4:].decode())
    check(key is not None, f"{kind}: unknown key")
    try:
        key.verify(bytes.fromhex(signature_line[10:].decode()), title + b"\n" + body)
    except InvalidSignature:
        raise Refused(f"{kind}: wrong signature") from None
    value = json.loads(body)
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    check(canonical == body, f"{kind}: not canonical")
    return value


def read_object(root, digest, length):
    data = (root / "objects" / digest).read_bytes()
    check(len(data) == length and sha(data).hex() == digest, f"object {digest[:8]}: wrong bytes")
    return data


def unseal(sealed, key):
    """The plain bytes of a sequence of chunks."""
    cipher, plain, size = AESGCM(key), [], CHUNK + TAG
    count = max(1, -(-len(sealed) // size))
    for number in range(count):
        nonce = bytes(3) + bytes([number == count - 1]) + struct.pack(">Q", number)
        try:
            plain.append(cipher.decrypt(nonce, sealed[number * size : (number + 1) * size], None))
        except InvalidTag:
            raise Refused(f"chunk {number} does not decrypt") from None
    return b"".join(plain)


def open_envelope(data, entry, shard, generation, site):
    check(data[:8] == b"CCENVLP1", "no envelope")
    digest, (length, content_length, pieces) = data[8:40], struct.unpack_from(">QQI", data, 40)
    check(digest.hex() == entry["digest"] and length == entry["length"], "envelope of another object")
    check(content_length == entry["content_length"] and pieces == -(-length // PIECE), "envelope of another object")
    at = 60 + 32 * pieces
    hashes_of_pieces = [data[60 + 32 * n : 92 + 32 * n] for n in range(pieces)]
    ephemeral, (sites,) = data[at : at + 32], struct.unpack_from(">I", data, at + 32)
    check(len(data) == at + 36 + 64 * sites, "envelope of another length")
    public = raw(site.public_key())
    for n in range(sites):
        start = at + 36 + 64 * n
        if data[start : start + 16] != sha(public)[:16]:
            continue
        name = shard.encode()
        info = b"concord shard 1 key\0" + bytes([len(name)]) + name + struct.pack(">Q", generation)
        info += digest + ephemeral + public
        secret = site.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        wrapping = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret)
        return unseal(data[start + 16 : start + 64], wrapping), hashes_of_pieces
    raise Refused("not sealed for this site")


def content_of(root, entry, shard, generation, site):
    envelope = read_object(root, entry["envelope"], entry["envelope_length"])
    key, pieces = open_envelope(envelope, entry, shard, generation, site)
    sealed = read_object(root, entry["digest"], entry["length"])
    for number, digest in enumerate(pieces):
        check(sha(sealed[number * PIECE : (number + 1) * PIECE]) == digest, f"piece {number} differs")
    content = lz4.frame.decompress(unseal(sealed, key))
    check(len(content) == entry["content_length"], "content of another length")
    return content


def apply(patchset, path):
    """sqlite3changeset_apply, which Python's sqlite3 does not have."""
    if not patchset:
        return
    library = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
    handle = ctypes.c_void_p()
    check(library.sqlite3_open(str(path).encode(), ctypes.byref(handle)) == 0, "SQLite cannot open the file")
    conflict = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(lambda *_: 2)
    status = library.sqlite3changeset_apply(handle, len(patchset), patchset, None, conflict, None)
    library.sqlite3_close(handle)
    check(status == 0, f"the patchset does not fit ({status})")


def schema_digest(database):
    rows = database.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' "
        "AND NOT (type = 'table' AND name GLOB 'name_trigram_*') ORDER BY type, name"
    )
    return sha(b"".join(text.encode() + b"\0" for row in rows for text in row)).hex()


def canonical_row(tag, row):
    out = [bytes([tag])]
    for value in row:
        if value is None:
            out.append(b"\0")
        elif isinstance(value, int):
            out.append(b"\1" + struct.pack(">q", value))
        else:
            data = value.encode()
            out.append(b"\2" + struct.pack(">I", len(data)) + data)
    return b"".join(out)


def bucket(uid):
    digest = sha(uid.encode())
    return digest[0] << 4 | digest[1] >> 4


def bucketed_rows(database):
    """The canonical rows of each table, in the order of their keys, with the parts that they belong to."""
    buckets_of_studies = {}
    for table, tag in TABLES:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        for row in database.execute(f"SELECT * FROM {table} ORDER BY {columns[0]}"):
            if tag == 1:
                number = BUCKETS
            elif "study_uid" in columns:
                number = bucket(row[columns.index("study_uid")])
                if tag == 2:
                    buckets_of_studies[row[0]] = number
            else:
                number = buckets_of_studies[row[columns.index("study_id")]]
            yield tag, number, canonical_row(tag, row)


def rows_in(part, database):
    """The canonical rows of a part, one by one."""
    columns = {tag: len(list(database.execute(f"PRAGMA table_info({table})"))) for table, tag in TABLES}
    at, rows = 0, set()
    while at < len(part):
        start = at
        at += 1
        for _ in range(columns[part[start]]):
            size = {0: 1, 1: 9, 2: 5}[part[at]]
            at += size + (struct.unpack_from(">I", part, at + 1)[0] if size == 5 else 0)
        check(at <= len(part), "a row that is cut short")
        rows.add(part[start:at])
    return rows


def check_repair(root, manifest, shard, site, database):
    """That the snapshot's rows by bucket are the snapshot's."""
    entry = manifest["snapshot"]["rows"]
    table = content_of(root, entry["table"], shard, manifest["snapshot"]["generation"], site)
    check(len(table) == 32 + 40 * (BUCKETS + 1), "a table of another length")
    sealed, at = read_object(root, entry["digest"], entry["length"]), 0
    parts = [set() for _ in range(BUCKETS + 1)]
    for _, number, row in bucketed_rows(database):
        parts[number].add(row)
    for number, expected in enumerate(parts):
        length, content_length = struct.unpack_from(">II", table, 32 + 40 * number)
        part, at = sealed[at : at + length], at + length
        rows = b""
        if length:
            check(sha(part) == table[40 + 40 * number : 72 + 40 * number], f"part {number} differs")
            info = b"concord shard 1 rows\0" + struct.pack(">I", number)
            key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(table[:32])
            rows = lz4.frame.decompress(unseal(part, key))
        check(len(rows) == content_length and rows_in(rows, database) == expected, f"part {number} has other rows")
    check(at == len(sealed), "rows that no part has")


def content_root(database):
    """The root, and the list of buckets that it is taken of."""
    digests = {tag: [hashlib.sha256() for _ in range(BUCKETS + 1)] for _, tag in TABLES}
    for tag, number, row in bucketed_rows(database):
        digests[tag][number].update(row)
    buckets = digests[1][BUCKETS].digest()
    for number in range(BUCKETS):
        buckets += sha(b"".join(digests[tag][number].digest() for _, tag in TABLES[1:]))
    return sha(b"concord content 1\n" + buckets).hex(), buckets


def newest(root, shard, keys, now):
    timestamp = signed((root / shard / "timestamp").read_bytes(), "timestamp", keys)
    check(timestamp["shard"] == shard and timestamp["expires"] > now, "the timestamp is of another shard, or has expired")
    data = (root / shard / f"manifest-{timestamp['generation']}").read_bytes()
    check(sha(data).hex() == timestamp["manifest"], "not the manifest that the timestamp names")
    manifest = signed(data, "manifest", keys)
    for key in ["shard", "epoch", "generation"]:
        check(manifest[key] == timestamp[key], f"manifest and timestamp differ: {key}")
    check(manifest["expires"] > now, "the manifest has expired")
    for delta in manifest["deltas"]:
        path = root / shard / f"manifest-{delta['from']}"
        if path.exists():
            check(sha(path.read_bytes()).hex() == delta["base"], f"generation {delta['from']} is not the one in the chain")
    return manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("published", type=pathlib.Path)
    parser.add_argument("shard")
    parser.add_argument("--trust", required=True, help="the publisher's public key")
    parser.add_argument("--key", help="the site's private key")
    parser.add_argument("--out", type=pathlib.Path, help="where to write the SQLite file")
    parser.add_argument("--now", type=int, default=int(time.time()), help="seconds since 1970")
    arguments = parser.parse_args()
    root, shard = arguments.published, arguments.shard
    manifest = newest(root, shard, trusted(arguments.trust), arguments.now)
    generation, snapshot = manifest["generation"], manifest["snapshot"]
    if arguments.key and arguments.out:
        site = serialization.load_pem_private_key(pathlib.Path(arguments.key).read_bytes(), None)
        content = content_of(root, snapshot["object"], shard, snapshot["generation"], site)
        arguments.out.write_bytes(content)
        if "rows" in snapshot:
            check_repair(root, manifest, shard, site, sqlite3.connect(f"file:{arguments.out}?mode=ro", uri=True))
        if snapshot["generation"] < generation:
            delta = next(d for d in manifest["deltas"] if d["from"] == snapshot["generation"])
            apply(content_of(root, delta["object"], shard, generation, site), arguments.out)
        database = sqlite3.connect(f"file:{arguments.out}?mode=ro", uri=True)
        check(schema_digest(database) == manifest["schema"], "the schema is not the manifest's")
        content, buckets = content_root(database)
        check(content == manifest["content"], "the content is not the manifest's")
        if "buckets" in manifest:
            listed = content_of(root, manifest["buckets"], shard, generation, site)
            check(listed == buckets, "the list of buckets is another one")
        (studies,) = database.execute("SELECT count(*) FROM study").fetchone()
        check(studies == manifest["rows"]["studies"], "another number of studies")
    print(f"{shard}: generation {generation}, {manifest['rows']['studies']} studies: as published")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"refused: {refusal}")
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        sys.exit(f"refused: {type(error).__name__}: {error}")
