"""The sla-engine's verdict over HTTP. Asking is a courtesy: no answer means that what the stream said counts."""

from urllib.parse import quote

import aiohttp

from shared.logs import get_logger

logger = get_logger(__name__)

SETTLED = {
    "met": "kept before it was sent",
    "cancelled": "cancelled before it was sent",
    "excused": "excused before it was sent",
    "withdrawn": "taken back before it was sent",
}


class EngineApi:
    """The port `Obligations`."""

    def __init__(self, *, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._session = session

    async def is_settled(self, obligation: str) -> str | None:
        try:
            async with self._session.get(f"{self._url}/api/v1/obligations/{quote(obligation, safe='')}") as response:
                if response.status != 200:
                    return None
                answer = await response.json()
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            logger.warning("engine_not_asked", error=type(error).__name__)
            return None
        state = answer.get("state") if isinstance(answer, dict) else None
        return SETTLED.get(str(state))
