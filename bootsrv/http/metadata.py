"""/metadata/{token}/…: cloud-init's NoCloud, and a metadata service as on EC2, each below an execution's token.

NoCloud: `ds=nocloud;s=${server.http_url}/metadata/${execution.token}/`. EC2: `datasource: {Ec2: {metadata_urls:
[${server.http_url}/metadata/${execution.token}], strict_id: false}}`. The token in the path is what lets a machine in;
the session token of IMDSv2 is given to whoever asks, and one that is shown has to be good.
"""

from aiohttp import web

from bootsrv.http.answers import text
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.sighting import tell
from engine.core import seeds
from engine.core.seeds import Seed
from engine.errors import NotFound

_TTL = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 - the name of a header
_USER_DATA = "user-data"


async def nocloud(call: Call) -> web.Response:
    """One of the four documents; one that nobody wrote is empty, since cloud-init waits for one that is not there."""
    name = call.part("document")
    if name not in (*seeds.DOCUMENTS, "latest"):
        raise NotFound(f"there is no document of this name; there are {', '.join(seeds.DOCUMENTS)}")
    seed = await _seed(call)
    if name == "latest":
        return text(_root(seed))
    return text(await _document(call, seed, name))


async def ec2(call: Call) -> web.Response:
    """A file or folder of the metadata service.

    Raises:
        Refusal: 401, the session token that is shown is not good.
        NotFound: there is nothing at this path.
    """
    if not seeds.VERSION.fullmatch(call.part("version")):
        raise NotFound("there is no metadata of this version; `latest` is the newest")
    shown = call.request.headers.get(_TOKEN)
    key, now = call.pureboot.context.key, int(call.pureboot.context.now().timestamp())
    if shown is not None and not seeds.is_session(key, call.part("token"), shown[:512], now):
        raise Refusal(401, f"this session token is not good (any more); PUT …/latest/api/token with {_TTL} gives one")
    seed, path = await _seed(call), call.request.match_info["path"]
    if path.strip("/") == _USER_DATA:
        if _USER_DATA not in seed.templates:
            raise NotFound("there is no user data")
        return text(await _document(call, seed, _USER_DATA))
    found = seeds.look_up(seeds.tree(seed), path) if path.strip("/") else _root(seed)
    if found is None:
        raise NotFound("there is no metadata at this path")
    return text(found)


def _root(seed: Seed) -> str:
    """What there is below a version."""
    return "\n".join(("dynamic/", "meta-data/", *([_USER_DATA] if _USER_DATA in seed.templates else ())))


async def session(call: Call) -> web.Response:
    """A session token, as IMDSv2 gives it."""
    await _seed(call)
    given = call.request.headers.get(_TTL, "")
    if not (given.isascii() and given.isdecimal() and len(given) <= 5) or not 1 <= int(given) <= seeds.LONGEST_TTL:
        raise Refusal(400, f"{_TTL} must say for how many seconds, 1 to {seeds.LONGEST_TTL}")
    context = call.pureboot.context
    until = int(context.now().timestamp()) + int(given)
    answer = text(seeds.session_token(context.key, call.part("token"), until))
    answer.headers[_TTL] = given
    return answer


async def _seed(call: Call) -> Seed:
    seed = await call.pureboot.seeds.seed(call.part("token"), server=call.server)
    tell(call.request, execution=seed.execution_id)
    return seed


async def _document(call: Call, seed: Seed, name: str) -> str:
    template = seed.templates.get(name)
    if template is None:
        return seeds.default(name, seed)
    return await call.pureboot.callbacks.render(seed.execution_id, template, server=call.server)
