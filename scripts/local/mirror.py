"""The objects of a bucket on disk: moto keeps them in memory, so each change is written here before it is answered.

A folder per key, named by the key's SHA-256 because keys may be longer than file names: `versions.json`, which is the truth,
and a file for the bytes of each version.
"""

import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey


@dataclass(slots=True)
class Version:
    """One version of an object, or a mark of its deletion. `announced`: the broker has the notification."""

    key: str
    version_id: str
    deleted: bool
    last_modified: str
    announced: bool = False
    size: int = 0
    etag: str = ""
    metadata: dict[str, str] | None = None
    checksum_algorithm: str | None = None
    checksum_value: str | None = None
    checksum_type: str | None = None
    checksum_parts: int | None = None


class Mirror:
    """The folder of a bucket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def save(self, bucket: FakeBucket, key: str) -> list[Version]:
        """Writes how a key is now; everything is on disk when it returns. Returns the versions that are new."""
        with self._lock:
            folder = self._of(key)
            folder.mkdir(parents=True, exist_ok=True)
            known = {version.version_id: version for version in _read(folder)}
            now = [(known.get(item.version_id) or _describe(item), item) for item in bucket.keys.getlist(key, [])]
            new = [version for version, _ in now if version.version_id not in known]
            for version, item in now:
                if version in new and not version.deleted:
                    _write(folder / version.version_id, item.value)
            _write_versions(folder, [version for version, _ in now])
            for gone in known.keys() - {version.version_id for version, _ in now}:
                (folder / gone).unlink(missing_ok=True)
            return new

    def restore(self, bucket: FakeBucket) -> list[Version]:
        """Puts everything back as it was. Returns the versions whose notification the broker does not have yet."""
        waiting = []
        for file in sorted(self._folder.glob("*/versions.json")):
            versions = _read(file.parent)
            if versions:
                items = [_revive(version, bucket, file.parent) for version in versions]
                bucket.keys.setlist(versions[0].key, items)
                waiting += [version for version in versions if not version.announced]
        return waiting

    def announced(self, key: str, version_id: str) -> None:
        """Remembers that the broker has the notification of a version."""
        with self._lock:
            versions = _read(self._of(key))
            for version in versions:
                version.announced = version.announced or version.version_id == version_id
            if versions:
                _write_versions(self._of(key), versions)

    def _of(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:32]


def _describe(item: FakeKey | FakeDeleteMarker) -> Version:
    version = Version(item.name, item.version_id, isinstance(item, FakeDeleteMarker), item.last_modified.isoformat())
    if isinstance(item, FakeKey):
        version.size = item.contentsize
        version.etag = item.etag.strip('"')
        version.metadata = dict(item.metadata)
        version.checksum_algorithm = item.checksum_algorithm
        version.checksum_value = item.checksum_value
        version.checksum_type = item.checksum_type
        version.checksum_parts = item.checksum_parts
    return version


def _revive(version: Version, bucket: FakeBucket, folder: Path) -> FakeKey | FakeDeleteMarker:
    item = FakeKey(
        version.key,
        b"" if version.deleted else (folder / version.version_id).read_bytes(),
        account_id=bucket.account_id,
        region_name=bucket.region_name,
        etag=version.etag,
        is_versioned=True,
        version_id=version.version_id,
        bucket_name=bucket.name,
        checksum_value=version.checksum_value,
        checksum_type=version.checksum_type,
        checksum_parts=version.checksum_parts,
    )
    item.checksum_algorithm = version.checksum_algorithm
    item.set_metadata(dict(version.metadata or {}))
    if version.deleted:
        marker = FakeDeleteMarker(item)
        marker.last_modified = datetime.fromisoformat(version.last_modified)
        marker._version_id = version.version_id  # noqa: SLF001 - moto gives a marker no other way to keep its id
        return marker
    item.last_modified = datetime.fromisoformat(version.last_modified)
    return item


def _read(folder: Path) -> list[Version]:
    file = folder / "versions.json"
    return [Version(**each) for each in json.loads(file.read_text())] if file.exists() else []


def _write_versions(folder: Path, versions: list[Version]) -> None:
    document = json.dumps([asdict(version) for version in versions], ensure_ascii=False, indent=1)
    _write(folder / "versions.json", document.encode())


def _write(path: Path, content: bytes) -> None:
    """All or nothing: whoever reads the file sees the old content or the new one, whatever happens meanwhile."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
