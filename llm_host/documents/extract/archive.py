"""The office formats are zips: looked at from outside before anything is unpacked."""

import zipfile
from pathlib import Path

from lxml import etree

from llm_host.documents.blocks import DocumentError
from llm_host.documents.extract import limits

CORRUPT = "파일이 손상되어 열 수 없습니다. 원본 프로그램에서 다시 저장한 뒤 올려 주세요."
_TOO_LARGE = "압축을 풀면 지나치게 커지는 파일입니다. 그림을 줄이거나 문서를 나누어 올려 주세요."
_ENCRYPTED = "암호가 걸린 파일입니다. 암호를 풀어 다시 저장한 뒤 올려 주세요."


def checked_members(path: Path) -> frozenset[str]:
    """Names of the parts in a zip.

    Raises DocumentError `document.corrupt`, `document.encrypted` or `document.too_large` (many parts, much data, a bomb).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
    if any(info.flag_bits & 0x1 for info in infos):
        raise DocumentError("document.encrypted", _ENCRYPTED)
    unpacked = sum(info.file_size for info in infos)
    ratio = unpacked / max(1, path.stat().st_size)
    bomb = ratio > limits.MAX_RATIO and unpacked > limits.RATIO_COUNTS_FROM_BYTES
    if bomb or len(infos) > limits.MAX_MEMBERS or unpacked > limits.MAX_UNCOMPRESSED_BYTES:
        raise DocumentError("document.too_large", _TOO_LARGE)
    return frozenset(info.filename for info in infos)


def parse_part(archive: zipfile.ZipFile, name: str) -> etree._Element:
    """The XML of one part; entities are not resolved and nothing is fetched. Raises `document.corrupt`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(archive.read(name), parser)
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
