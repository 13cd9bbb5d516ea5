"""Names that people and files refer to."""

import re

from engine.errors import Invalid, Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")


def parse_name(text: str, path: str = "name") -> str:
    """Check the name of a group, template or workflow.

    Raises:
        Invalid: it is not of the form `[a-z0-9][a-z0-9._-]*`, or longer than 128.
    """
    if not _NAME.fullmatch(text):
        message = f"{text!r} is no name: use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit, at most 128"
        raise Invalid([Problem(path=path, message=message)])
    return text
