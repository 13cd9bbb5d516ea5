"""Keys of the screens of executions."""

from collections.abc import Mapping
from dataclasses import replace

from console.keys.key import Key
from console.keys.shared import CANCEL, ENTER, FILTER, GRAPH, NODE, REVERSE, SEARCH, SORT, WRAP

TIME = (
    Key(keys="plus,equals_sign", action="nearer", label="nearer", help="see the time of the selected step nearer"),
    Key(keys="minus", action="farther", label="farther", help="see more of the time"),
    Key(keys="less_than_sign,shift+left", action="earlier", label="earlier", help="an earlier time, when seen nearer"),
    Key(keys="greater_than_sign,shift+right", action="later", label="later", help="a later time, when seen nearer"),
    Key(keys="full_stop", action="fit", label="all time", help="see all of the time again"),
)

KEYS: Mapping[str, tuple[Key, ...]] = {
    "executions": (
        ENTER,
        FILTER,
        CANCEL,
        Key(
            keys="p",
            action="pause",
            label="pause",
            help="pause the marked executions, or this one; those that are paused go on",
            footer=True,
        ),
        Key(keys="r", action="retry", label="retry", help="retry the marked executions, or this one, if they failed"),
        replace(NODE, footer=False),
        SORT,
        REVERSE,
    ),
    "execution": (
        Key(
            keys="a",
            action="approve",
            label="approve",
            help="approve or reject what waits for a person, with a comment",
        ),
        Key(
            keys="l,tab",
            action="log",
            label="log",
            help="between the steps and the log of the one selected",
            footer=True,
        ),
        Key(
            keys="enter",
            action="open",
            label="zoom",
            help="give the log the whole screen, or take it back; open what the step started",
        ),
        Key(keys="f", action="follow", label="follow", help="follow the end of the log, or stand still", footer=True),
        SEARCH,
        Key(keys="n", action="next", label="next match", help="next match"),
        Key(keys="N", action="previous", label="match before", help="match before"),
        WRAP,
        Key(keys="space", action="mark", label="mark", help="mark lines of the log, from here to the cursor"),
        Key(
            keys="y", action="copy", label="copy", help="copy the marked lines, the line, or all if the end is followed"
        ),
        Key(keys="Y", action="copy_all", label="copy all", help="copy the whole log"),
        Key(
            keys="p",
            action="pause",
            label="pause",
            help="pause the execution: nothing new begins; or let it go on",
            footer=True,
        ),
        Key(keys="r", action="retry", label="retry", help="retry what failed; what succeeded is kept"),
        Key(keys="R", action="retry_step", label="retry step", help="run the step again, and what follows it"),
        Key(keys="s", action="skip", label="skip", help="skip the step: take it as done, with a reason"),
        CANCEL,
        replace(NODE, footer=False),
        Key(keys="u", action="parent", label="parent", help="up to the execution that started this one"),
        Key(
            keys="D",
            action="details",
            label="details",
            help="all of the attempt instead of its log: parameters, output, conditions, deadlines; enter folds",
        ),
        GRAPH,
        *TIME,
        Key(
            keys="E",
            action="report",
            label="report",
            help="save a report of what happened to a file: HTML, text or a picture of the timeline",
        ),
        Key(keys="A", action="artifacts", label="artifacts", help="the texts that the execution made (core.render)"),
    ),
    "graph": (
        Key(keys="left", action="step_left", label="left", help="the step to the left, or what lies further left"),
        Key(keys="right", action="step_right", label="right", help="the step to the right, or what lies further right"),
    ),
    "graph_screen": (Key(keys="y", action="copy", label="copy", help="copy the picture as text", footer=True),),
    "artifacts": (
        Key(keys="enter,tab", action="open", label="text", help="between the list and the text", footer=True),
        Key(keys="s", action="save", label="save", help="save the text to a file, after a question", footer=True),
        WRAP,
        Key(keys="y", action="copy", label="copy", help="copy the whole text", footer=True),
    ),
}
