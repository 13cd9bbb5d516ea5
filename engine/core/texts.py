"""Texts as they come in: bytes that must be UTF-8, taken as they are, byte order mark, line ends and all."""

import codecs

from engine.core.documents import MAX_CONTENT
from engine.errors import Invalid, Problem

_OTHERS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def decode(data: bytes, *, file: str | None = None, path: str = "") -> str:
    """The text that bytes are in UTF-8; encoded again, it is the same bytes.

    Raises:
        Invalid: they are no UTF-8, with line, column (in bytes) and offset of the first wrong byte; or hold a NUL; or
            are more than a document may have.
    """
    if len(data) > MAX_CONTENT:
        message = f"has more than {MAX_CONTENT} bytes; a document may have no more"
        raise Invalid([Problem(message=message, file=file, path=path)])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"is not text in UTF-8: byte {error.start} (0x{data[error.start]:02x}) is wrong{_hint(data)}"
        raise Invalid([_at(data, error.start, message, file, path)]) from None
    nul = data.find(b"\0")
    if nul >= 0:
        message = f"holds a NUL character (byte {nul}); a document is text{_hint(data)}"
        raise Invalid([_at(data, nul, message, file, path)])
    return text


def _hint(data: bytes) -> str:
    for mark, name in _OTHERS:
        if data.startswith(mark):
            return f"; it looks like {name}: save it as UTF-8"
    return ""


def _at(data: bytes, offset: int, message: str, file: str | None, path: str) -> Problem:
    line = data.count(b"\n", 0, offset) + 1
    column = offset - data.rfind(b"\n", 0, offset)
    return Problem(message=message, line=line, column=column, file=file, path=path)
