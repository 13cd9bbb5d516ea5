"""The pure parts of the editor, by tables: colours, indentation, where the cursor is, what could come next."""

from dataclasses import replace

import pytest
from pydantic import BaseModel

from console.view import completion, editor_lines, indenting, used_rows, workflow_words
from console.view.completion import Known, complete
from console.view.highlight import LONGEST, START, Manner, State, Token, after, manner_of, spans
from console.view.labels import UNICODE, plain
from console.view.yaml_place import ITEM, Place, keys_below, place_at
from engine.actions.builtin import BUILTIN
from engine.core.documents import DocumentKind, TemplateType
from engine.core.editing import ActionWords, words_of
from engine.core.findings import error, warning
from engine.core.where_used import NodeUse, TriggerUse, WhereUsed
from engine.core.workflow_form import EdgeForm, RetryForm, StepForm, WorkflowForm

# Colours

_LETTERS = {
    Token.KEY: "k",
    Token.STRING: "s",
    Token.NUMBER: "n",
    Token.WORD: "w",
    Token.COMMENT: "c",
    Token.PLACEHOLDER: "p",
    Token.EXPRESSION: "e",
}


def coloured(line: str, manner: Manner, state: State = START) -> str:
    """A letter for each character of a line."""
    letters = [" "] * len(line)
    for start, end, token in spans(line, state, manner):
        letters[start:end] = _LETTERS[token] * (end - start)
    return "".join(letters).rstrip()


@pytest.mark.parametrize(
    ("manner", "line", "colours"),
    [
        (Manner.YAML, "  - key: netboot # x", "  wwkkk          ccc"),
        (Manner.YAML, "with: {kernel: a, n: 3, ok: true}", "kkkk   kkkkkk     k  n  kk  nnnn"),
        (Manner.YAML, "timeout: 40m", "kkkkkkk  nnn"),
        (Manner.YAML, "say: don't do it: never", "kkk"),
        (Manner.YAML, 'say: "a # b" # c', "kkk  sssssss ccc"),
        (Manner.YAML, "url: http://x/${execution.token}/1", "kkk           pppppppppppppppppp"),
        (Manner.YAML, 'if: "{{ params.disk }}"', "kk  seeeeeeeeeeeeeeeees"),
        (Manner.YAML, "script: |", "kkkkkk  w"),
        (Manner.YAML, "all: $${node.mac}", "kkk"),
        (Manner.SHELL, 'if [ "$x" ]; then # y', "ww   ssss    wwww ccc"),
        (Manner.SHELL, "echo $HOME ${node.mac}", "     kkkkk ppppppppppp"),
        (Manner.KICKSTART, "%packages --nocore", "wwwwwwwww wwwwwwww"),
        (Manner.KICKSTART, "network --device=eth0", "kkkkkkk wwwwwwww"),
        (Manner.WORDS, "d-i partman/confirm boolean true", "kkk sssssssssssssss wwwwwww"),
        (Manner.WORDS, "# only here # and there", "ccccccccccccccccccccccc"),
        (Manner.WORDS, ":retry", "wwwwww"),
        (Manner.JSON, '{"a": "b", "c": 1}', " kkk  sss  kkk  n"),
        (Manner.XML, '<a b="c"><!-- d --></a>', "kk w ssskcccccccccckkkk"),
        (Manner.PLAIN, "{# a #}{{ b }}", "ccccccceeeeeee"),
    ],
)
def test_colours(manner: Manner, line: str, colours: str) -> None:
    assert coloured(line, manner) == colours


def test_a_block_of_yaml_is_a_script_until_its_indentation_ends() -> None:
    lines = ["- with:", "    script: |", "      if true # x", "", "      key: value", "    env: {a: 1}"]
    states, state = [], START
    for line in lines:
        states.append(state)
        state = after(line, state, Manner.YAML)
    shown = [coloured(line, Manner.YAML, each) for line, each in zip(lines, states, strict=True)]
    assert shown[2] == "      ww      ccc"
    assert (shown[4], shown[5]) == ("", "    kkk   k  n")


def test_sections_and_comments_go_on_over_lines() -> None:
    assert after("%post --log=/x", START, Manner.KICKSTART) == State(inside="%")
    assert after("echo", State(inside="%"), Manner.KICKSTART) == State(inside="%")
    assert after("%end", State(inside="%"), Manner.KICKSTART) == START
    assert coloured("echo $x", Manner.KICKSTART, State(inside="%")) == "     kk"
    inside = after("<!-- a", START, Manner.XML)
    assert coloured("b --><c>", Manner.XML, inside) == "ccccckkk"
    assert after("b -->", inside, Manner.XML) == START


def test_a_line_without_end_takes_no_time() -> None:
    for manner in Manner:
        for line in ("a: " + "x " * 500_000, "'" * 100_000, "{{ " * 100_000, "${node." * 100_000):
            assert all(end <= LONGEST for _, end, _ in spans(line, START, manner))
            after(line, START, manner)


def test_each_type_has_its_manner() -> None:
    assert manner_of(DocumentKind.WORKFLOW) is Manner.YAML
    assert manner_of(DocumentKind.TEMPLATE, TemplateType.PRESEED) is Manner.WORDS
    assert manner_of(DocumentKind.TEMPLATE, TemplateType.DOCUMENT) is Manner.PLAIN


# Indentation


@pytest.mark.parametrize(
    ("line", "manner", "blanks"),
    [
        ("steps:", Manner.YAML, 2),
        ("  - key: a", Manner.YAML, 4),
        ("    with:", Manner.YAML, 6),
        ("    script: |", Manner.YAML, 6),
        ("  - with:", Manner.YAML, 6),
        ("  # so:", Manner.YAML, 2),
        ("  - plain", Manner.YAML, 2),
        ("    ", Manner.YAML, 4),
        ('  "a": {', Manner.JSON, 4),
        ("  if x; then", Manner.SHELL, 4),
        ("  done", Manner.SHELL, 2),
        ("d-i x:", Manner.WORDS, 0),
    ],
)
def test_enter_indents(line: str, manner: Manner, blanks: int) -> None:
    assert indenting.for_next(line, len(line), manner) == " " * blanks


def test_tab_and_shift_tab_go_by_two_and_backspace_to_the_stop_before() -> None:
    assert [len(indenting.to_next_stop(column)) for column in (0, 1, 2, 3)] == [2, 1, 2, 1]
    assert indenting.deeper(["a", "", "  b"]) == ["  a", "", "    b"]
    assert indenting.shallower(["   a", "", " b", "\tc", "d"]) == [" a", "", "b", "c", "d"]
    backs = [indenting.back(line, len(line)) for line in ("", "a", "  ", "   ", "    ", "  a ")]
    assert backs == [0, 1, 2, 1, 2, 1]


# Where the cursor is

_TEXT = """\
name: x
params:
  disk: {type: string}
  site:
    type:
steps:
- key: netboot
  action: node.boot
  with:
    ker
  edges:
    - {to: ver
    - to: ver
- key: verify
  action: node.state
  with: {sta
  on_failure:
  rollback: n
  retry:

- action: core.render
  with: {template: l, x: "${secret.r"}
  timeout: {{ steps.verify.o
  edges: [{to: fin, if: params.
#  if: ${
"""
TEXT = _TEXT.split("\n")
_STEP = ("steps", ITEM)


def row_of(text: str) -> int:
    return next(at for at, line in enumerate(TEXT) if text in line)


@pytest.mark.parametrize(
    ("line", "path", "key"),
    [
        ("name: x", (), "name"),
        ("    type:", ("params", "site"), "type"),
        ("- key: netboot", _STEP, "key"),
        ("    ker", (*_STEP, "with"), ""),
        ("{to: ver", (*_STEP, "edges", ITEM), "to"),
        ("    - to: ver", (*_STEP, "edges", ITEM), "to"),
        ("{sta", (*_STEP, "with"), ""),
        ("[{to: fin", (*_STEP, "edges", ITEM), "if"),
    ],
)
def test_where_the_cursor_is(line: str, path: tuple[str, ...], key: str) -> None:
    row = row_of(line)
    place = place_at(TEXT, row, len(TEXT[row]))
    assert (place.path, place.key) == (path, key)


def test_the_item_around_the_cursor_and_the_keys_below_one() -> None:
    assert place_at(TEXT, row_of("    ker"), 7) == Place(
        path=(*_STEP, "with"), written="ker", begins=4, first=6, last=12
    )
    assert keys_below(TEXT, "params") == ["disk", "site"]
    assert keys_below(TEXT, "output") == []


# What could come next

KNOWN = Known(
    actions={
        each.name: ActionWords(summary=each.summary, parameters=words_of(each.parameters.model_json_schema()))
        for each in BUILTIN
    },
    templates=("debian-preseed", "late"),
    workflows=("burn-in",),
    secrets=("root_password",),
    meta=("rack", "site"),
)


def offered(text: str, at: str | None = None, kind: DocumentKind = DocumentKind.WORKFLOW) -> list[str]:
    """What is offered behind a line of the text above, or in the place of one."""
    row = row_of(at or text)
    lines = [text if number == row else line for number, line in enumerate(TEXT)] if at else TEXT
    found = complete(lines, row, len(lines[row]), kind, KNOWN)
    return [each.text + each.end for each in found.candidates]


@pytest.mark.parametrize(
    ("text", "at", "first"),
    [
        ("    ker", None, ["kernel: "]),
        ("{sta", None, ["state: "]),
        ("- {to: ver", None, ["verify"]),
        ("    - to: ver", None, ["verify"]),
        ("  action: core.e", "  action: node.state", ["core.echo"]),
        ("  on_failure: ", "  on_failure:", ["fail", "continue", "rollback", "netboot"]),
        ("  rollback: n", None, ["netboot"]),
        ("    back", "    ker", []),
        ("  next_state: act", "  on_failure:", ["active"]),
        ("  with: {state: disc", "  with: {sta", ["discovered"]),
        ("    type: st", "    type:", ["string"]),
        ("    def", "    type:", ["default: "]),
        ("os_", "name: x", ["os_family: "]),
        ("os_family: wi", "name: x", ["windows"]),
        ("  with: {template: l", "  with: {template", ["late"]),
        ("  x: ${secret.", "    ker", ["root_password}"]),
        ("  x: ${params.s", "    ker", ["site}"]),
        ("  x: ${meta.r", "    ker", ["rack}"]),
        ("  x: ${node.ma", "    ker", ["mac}"]),
        ("  x: ${ser", "    ker", ["server."]),
        ("  x: ${include:l", "    ker", ["late}"]),
        ("  x: ${json:node.ma", "    ker", ["mac}"]),
        ("  x: $${node.ma", "    ker", []),
        ("  timeout: {{ steps.verify.o", None, ["output"]),
        ("  timeout: {{ steps.v", "  timeout: {{", ["verify"]),
        ("  timeout: {{ no", "  timeout: {{", ["node"]),
        ("edges: [{to: fin, if: params.", None, ["disk", "site"]),
        ("  # rollback: n", "  rollback: n", []),
        ("#  if: ${", None, ["node.", "group."]),
    ],
)
def test_what_is_offered(text: str, at: str | None, first: list[str]) -> None:
    assert offered(text, at)[: max(len(first), 1)] == first


def test_in_a_template_only_what_begins_a_placeholder_is_completed() -> None:
    template = DocumentKind.TEMPLATE
    assert complete(["d-i ${node.se"], 0, 13, template, KNOWN).candidates[0].text == "serial"
    assert complete(["${include:deb"], 0, 13, template, KNOWN).candidates[0].text == "debian-preseed"
    assert complete(["action: core."], 0, 13, template, KNOWN) == completion.NOTHING


def test_keys_that_are_there_already_are_not_offered_again() -> None:
    found = offered("  a", "  on_failure:")
    assert "action: " not in found
    assert "name: " in offered("  n", "  on_failure:")


@pytest.mark.parametrize(
    ("path", "form", "old"),
    [
        ((), WorkflowForm, {"start"}),
        (_STEP, StepForm, {"sequence", "max_retries", "retry_delay_seconds"}),
        ((*_STEP, "edges", ITEM), EdgeForm, set()),
        ((*_STEP, "retry"), RetryForm, set()),
    ],
)
def test_the_keys_are_those_of_the_file(path: tuple[str, ...], form: type[BaseModel], old: set[str]) -> None:
    known = {name.rstrip("_") for name in form.model_fields} - old
    assert {word.name for word in workflow_words.KEYS[path]} == known


# Around the text

FINDINGS = [error("far", 40), error("wrong here, and told whole", 2, 3), warning("hm", 2), error("elsewhere", 9)]


def test_a_text_is_found_whatever_its_case_is_unless_it_is_asked_for() -> None:
    lines = ["Disk disk", "", "DISK"]
    assert editor_lines.matches(lines, "disk") == [(0, 0), (0, 5), (2, 0)]
    assert editor_lines.matches(lines, "Disk") == [(0, 0)]
    assert editor_lines.matches(lines, "") == []
    found = [(0, 0), (0, 5), (2, 0)]
    assert [editor_lines.next_match(found, *at) for at in ((0, 0), (0, 1), (2, 1))] == [0, 1, 0]
    assert [editor_lines.next_match(found, *at, back=True) for at in ((0, 0), (0, 5), (3, 0))] == [2, 0, 2]
    assert editor_lines.next_match([], 0, 0) is None


def test_what_is_wrong_is_told_by_line_around_the_cursor() -> None:
    found = editor_lines.in_order(FINDINGS, lines=10)
    assert [each.message for each in found] == ["hm", "wrong here, and told whole", "elsewhere", "far"]
    assert editor_lines.signs(found, lines=10) == {1: (True, 3), 8: (True, None), 9: (True, None)}
    assert [editor_lines.nearest(found, row, lines=10) for row in (0, 1, 5, 9)] == [0, 0, 0, 3]
    told = [plain(line) for line in editor_lines.strip(found, 1, 3, 30, UNICODE)]
    assert told == ["›✗    2:3  wrong here, and", "           told whole", " ✗    9:1  elsewhere"]
    assert plain(editor_lines.counted(found, is_checking=False)) == " 3 errors  1 warning"
    assert plain(editor_lines.counted([], is_checking=True)) == " checking"
    other = replace(found[1], file="late")
    assert editor_lines.row_of(other, 10, "preseed") is None
    assert editor_lines.row_of(other, 10, "late") == 1


def test_who_uses_a_document() -> None:
    found = WhereUsed(
        kind=DocumentKind.TEMPLATE,
        id="1",
        name="late",
        version=None,
        nodes=(
            NodeUse(
                node_id="n",
                node="r4-01",
                mac_address="",
                through="group",
                workflow="debian-12",
                workflow_version="v1.0",
                steps=("a",),
            ),
        ),
        nodes_total=3,
        triggers=(TriggerUse(trigger_id="t", name="nightly", enabled=False, workflow="debian-12"),),
    )
    rows = [[plain(each) for each in used_rows.used_row(each)] for each in used_rows.used(found).values()]
    assert rows == [
        ["node", "r4-01", "", "boots debian-12 v1.0 by its group"],
        ["trigger", "nightly", "", "starts debian-12 (disabled)"],
    ]
    assert plain(used_rows.used_heading(found)[0]) == " late   used by 3 nodes, 1 trigger"
