"""Zip containers with the same bytes on every run: no clock, no owner, a fixed order."""

import io
import zipfile
from datetime import UTC, datetime

MADE_AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)


def pack(members: dict[str, bytes], stored: tuple[str, ...] = ()) -> bytes:
    """A zip of `members` in the order given; the names in `stored` are not compressed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=MADE_AT.timetuple()[:6])
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return packed.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of a zip, by name, in the zip's own order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def freeze(data: bytes) -> bytes:
    """The same zip without the times at which its members were written."""
    return pack(unpack(data))
