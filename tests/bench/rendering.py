"""How many renders a second: PureBoot's templates beside `str.replace` and compiled Jinja2, on the same preseed.

The preseed has 100 lines, 20 variables and 3 includes. `str.replace` is given the includes already put in and the
values ready as text; Jinja2 has its templates compiled and, as PureBoot, renders 1,000 nodes one after another.

Run it from the top of the source tree: `python -m tests.bench.rendering`.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping

import jinja2
import jinja2.sandbox

from engine.core import placeholders
from engine.core.rendering import NAMESPACES, Included, references, render

NODES = 1_000
ROUNDS = 9

INCLUDES = {
    "mirror": "d-i mirror/http/hostname string ${meta.mirror}\nd-i mirror/http/directory string /debian\n",
    "users": "d-i passwd/root-password password ${secret.root}\nd-i passwd/make-user boolean false\n",
    "finish": 'd-i preseed/late_command string in-target sh -c "echo ${node.hostname} > /etc/motd; ls ${HOME}"\n',
}

VARIABLES = [
    "node.hostname",
    "node.mac",
    "node.ip",
    "node.uuid",
    "node.serial",
    "node.vendor",
    "node.model",
    "node.architecture",
    "group.name",
    "workflow.name",
    "server.url",
    "server.http_url",
    "execution.id",
    "execution.token",
    "meta.domain",
    "meta.dns",
    "params.disk",
]


def preseed() -> str:
    """97 lines with 17 variables, and 3 includes with one variable each."""
    lines = [f"d-i section{number}/option string value{number}" for number in range(97)]
    for index, name in enumerate(VARIABLES):
        lines[index * 5 + 2] += f" ${{{name}}}"
    for index, name in enumerate(INCLUDES):
        lines.insert(index * 30 + 10, f"${{include:{name}}}")
    return "\n".join(lines) + "\n"


def find(name: str, reference: str | None) -> Included | None:
    """The lookup of the includes."""
    return Included(name=name, version="v1.0", content=INCLUDES[name])


def scopes(number: int) -> dict[str, dict[str, object]]:
    """The values for one node, with every variable in them."""
    names = [*VARIABLES, "meta.mirror", "secret.root"]
    found: dict[str, dict[str, object]] = {namespace: {} for namespace in NAMESPACES}
    for namespace, key in (name.split(".") for name in names):
        found[namespace][key] = f"{key}-{number}"
    return found


def by_replace(text: str) -> Callable[[Mapping[str, Mapping[str, object]]], str]:
    """What a script of five lines would do; right only as long as no value holds a placeholder."""
    for name, content in INCLUDES.items():
        text = text.replace(f"${{include:{name}}}", content)
    names = [(variable.text, variable.namespace, variable.key) for variable in references(text).variables]

    def replaced(values: Mapping[str, Mapping[str, object]]) -> str:
        result = text
        for written, namespace, key in names:
            result = result.replace(written, str(values[namespace][key]))
        return result

    return replaced


def by_jinja(text: str, environment: type[jinja2.Environment]) -> Callable[[Mapping[str, Mapping[str, object]]], str]:
    """The same as Jinja2 templates."""

    def translated(part: str) -> str:
        for variable in references(part).variables:
            part = part.replace(variable.text, "{{ " + variable.name + " }}")
        for include in references(part).includes:
            part = part.replace(include.text, "{% include '" + include.name + "' %}")
        return part

    sources = {name: translated(content) for name, content in {**INCLUDES, "main": text}.items()}
    made = environment(loader=jinja2.DictLoader(sources), keep_trailing_newline=True)
    return made.get_template("main").render


Way = Callable[[Mapping[str, Mapping[str, object]]], object]


def rates(ways: Mapping[str, Way]) -> dict[str, list[float]]:
    """Renders a second of each way in each of some rounds over all nodes; the ways take turns, so that what else the
    machine does meanwhile meets all of them.
    """
    values = [scopes(number) for number in range(NODES)]
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            begin = time.process_time()
            for one in values:
                work(one)
            found[name].append(NODES / (time.process_time() - begin))
    return found


def main() -> None:
    """Print the table."""
    text = preseed()
    replaced, plain = by_replace(text), by_jinja(text, jinja2.Environment)
    sandboxed = by_jinja(text, jinja2.sandbox.ImmutableSandboxedEnvironment)

    def rendered(values: Mapping[str, Mapping[str, object]]) -> str:
        return render(text, values, include=find, name="preseed", type_="preseed").content

    def parsed_again(values: Mapping[str, Mapping[str, object]]) -> str:
        placeholders._PARSED.clear()
        return rendered(values)

    one = scopes(0)
    results = {work(one) for work in (rendered, replaced, plain, sandboxed)}
    sys.stdout.write(f"all give the same text: {len(results) == 1}; {rendered(one).count(chr(10))} lines\n\n")
    ways = {
        "PureBoot": rendered,
        "PureBoot, parsing each time": parsed_again,
        "str.replace": replaced,
        "Jinja2, compiled": plain,
        "Jinja2 sandboxed, compiled": sandboxed,
    }
    found = {name: statistics.median(each) for name, each in rates(ways).items()}
    plain_rate = found["Jinja2, compiled"]
    for name, each in found.items():
        sys.stdout.write(f"{name:30} {each:10,.0f} renders/s of processor time   {each / plain_rate:5.2f} x Jinja2\n")


if __name__ == "__main__":
    main()
