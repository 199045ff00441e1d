"""Identifiers: time-ordered for what we create, derived for what we are told of more than once."""

import hashlib
import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new time-ordered id: 48 bits of Unix milliseconds, 74 random bits (RFC 9562, section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return UUID(int=value)


def derived_id(*parts: str) -> UUID:
    """The same id for the same parts, whoever derives it: SHA-256 in the form of RFC 9562's version 8."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return UUID(int=value)
