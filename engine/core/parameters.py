"""The inputs of a workflow: each has a JSON Schema, and one without a default must be given."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Invalid, Problem


def check_schema(schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with the schema of one input (JSON Schema 2020-12), its default included."""
    from jsonschema import Draft202012Validator, SchemaError  # costs 0.1 s to import, and only workflows need it

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [f"is no JSON Schema: {error.message}"]
    if "default" in schema:
        return [f"its default is wrong: {message}" for message in _wrong(schema, schema["default"])]
    return []


def complete(schemas: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs an execution runs with: what was given, over the defaults.

    Raises:
        Invalid: an input is missing, unknown or does not fit its schema; every one is named.
    """
    values = {name: schema["default"] for name, schema in schemas.items() if "default" in schema} | dict(given)
    problems = [
        Problem(path=f"params.{name}", message=f"there is no such input; there are: {', '.join(schemas) or 'none'}")
        for name in given
        if name not in schemas
    ]
    for name, schema in schemas.items():
        if name not in values:
            problems.append(Problem(path=f"params.{name}", message="is missing and has no default"))
        else:
            problems.extend(Problem(path=f"params.{name}", message=text) for text in _wrong(schema, values[name]))
    if problems:
        raise Invalid(problems)
    return values


def _wrong(schema: Mapping[str, Any], value: Any) -> list[str]:
    from jsonschema import Draft202012Validator

    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]
