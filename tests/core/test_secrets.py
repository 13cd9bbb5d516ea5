"""What names secrets, and the scope that stands for them."""

import pytest

from engine.core import expressions
from engine.core.deferred import names_secrets, names_secrets_at_all, secrets_of
from engine.core.rendering import MASK, render
from engine.core.secrets import SecretScope, masked_scope, missing_secrets, parse_secret_name, refusing_scope
from engine.errors import Invalid

VALUES = {"a": "value of a", "b-c.d": "value ${node.mac} {{ node.mac }}"}


@pytest.mark.parametrize(
    ("text", "by_expression", "at_all", "names"),
    [
        ("{{ secret.a }} and {{ secret['b-c.d'] ~ secret.a }}", True, True, {"a", "b-c.d"}),
        ("{% if secret.a %}x{% endif %}", True, True, {"a"}),
        ("{{ secret[params.which] }}", True, True, set()),
        ("{{ 'secret.a' }} {{ params.secret }}", False, False, set()),
        ("{% set secret = {} %}{{ secret.a }}", False, False, set()),
        ("${secret.a}", False, True, set()),
        ("$${secret.a} secret.a", False, False, set()),
        ("{{ secret.a", False, False, set()),
        ("{{ node.mac }}", False, False, set()),
    ],
)
def test_it_is_seen_which_texts_name_secrets(text: str, by_expression: bool, at_all: bool, names: set[str]) -> None:
    assert names_secrets(text) is by_expression
    assert names_secrets_at_all(text) is at_all
    assert set(secrets_of(text)) == names


def test_only_what_is_named_is_asked_for() -> None:
    asked: list[str] = []

    def find(name: str) -> str | None:
        asked.append(name)
        return VALUES.get(name)

    scopes = {"secret": SecretScope(find)}
    assert render("nothing ${node.mac|none}", scopes).content == "nothing none"
    assert asked == []
    assert render("${secret.a} ${secret.b-c.d}", scopes).content == " ".join(VALUES.values())
    assert asked == ["a", "b-c.d"]


@pytest.mark.parametrize(
    "text",
    ["{{ secret }}", "{% for name in secret %}{{ name }}{% endfor %}", "{{ secret | list }}", "{{ secret | tojson }}"],
)
def test_secrets_cannot_be_listed(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        expressions.fill(text, {"secret": SecretScope(VALUES.get)})
    assert "value of" not in str(refused.value)


@pytest.mark.parametrize("text", ["{{ secret._find('a') }}", "{{ secret | attr('_find') }}", "{{ secret.__class__ }}"])
def test_the_scope_has_no_back_door(text: str) -> None:
    with pytest.raises(Invalid):
        expressions.fill(text, {"secret": SecretScope(VALUES.get)})


def test_a_preview_shows_the_mask_for_what_is_there() -> None:
    rendered = render("${secret.a} ${secret.nope}", {"secret": masked_scope(VALUES.__contains__)})
    assert rendered.content == f"{MASK} ${{secret.nope}}"
    [missing] = rendered.unresolved
    assert "there is no secret nope" in missing.problem().message


def test_where_values_would_be_stored_naming_one_is_refused_even_with_a_default() -> None:
    with pytest.raises(Invalid, match=r"secret.a cannot be named here: it is stored"):
        render("${secret.a|default}", {"secret": refusing_scope("it is stored")})


def test_missing_secrets_are_found_with_their_places() -> None:
    text = "${secret.a}\n  ${secret.x} ${secret.x|default} $${secret.x}\n${secret.y.z}"
    problems = missing_secrets(text, VALUES.__contains__, file="answers")
    assert [(each.file, each.line, each.column) for each in problems] == [("answers", 2, 3), ("answers", 3, 1)]


@pytest.mark.parametrize("name", ["a", "A_b", "4711", "db.root-password", "a.b.c", "x" * 128])
def test_a_name_can_stand_in_a_template(name: str) -> None:
    assert render(f"${{secret.{parse_secret_name(name)}}}", {"secret": {name: "v"}}).content == "v"
