"""The JSON schemas beside the checks, each read once."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "schemas"


@cache
def schema(name: str) -> Mapping[str, Any]:
    """A schema by its file's name."""
    found: Mapping[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def checker(name: str) -> Any:
    """What checks values by a schema, in the draft that it says, else the seventh."""
    from jsonschema import Draft7Validator, validators

    return validators.validator_for(schema(name), Draft7Validator)(schema(name))
