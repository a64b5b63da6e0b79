"""What the services are told: an environment of the demo's own, so that no setting of a real installation leaks in."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.demo.places import FILES, HOST, PORTS, Places

PREFIX = "LEADPACT_"
PASSED_ON = frozenset({"LEADPACT_LOG_LEVEL"})
SLACK_TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105 - the variable's name
PLAIN_SLACK_CHANNEL = "SLACK_CHANNEL"
SLACK_CHANNEL = "LEADPACT_DEMO_SLACK_CHANNEL"
SLACK_API_URL = "LEADPACT_DEMO_SLACK_API_URL"
"""Where Slack's Web API is, if not at Slack: for tests and pictures."""
STOP_GRACE_SECONDS = 4


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CrmSecrets:
    """What the simulated CRMs prove themselves with; made anew at every start, known to nobody else."""

    hubspot: str
    salesforce: str
    pipedrive: str

    @classmethod
    def draw(cls) -> "CrmSecrets":
        """New ones."""
        return cls(**{crm: secrets.token_urlsafe(24) for crm in ("hubspot", "salesforce", "pipedrive")})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Slack:
    """The real Slack to write to, where one is named."""

    token: str
    channel: str
    api_url: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Slack | None":
        """Both the bot's token and a channel must be named."""
        token = environ.get(SLACK_TOKEN, "").strip()
        channel = (environ.get(SLACK_CHANNEL) or environ.get(PLAIN_SLACK_CHANNEL, "")).strip()
        if not token or not channel:
            return None
        return cls(token=token, channel=channel, api_url=environ.get(SLACK_API_URL, ""))


def ignored_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Settings of a real installation that are set here and that the demo does not use."""
    known = PASSED_ON | {SLACK_CHANNEL, SLACK_API_URL} | {variable for variable, _ in PORTS.values()}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def service_environment(
    places: Places, crm_secrets: CrmSecrets, slack: Slack | None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of all three services."""
    kept = {name: value for name, value in environ.items() if not name.startswith(PREFIX) or name in PASSED_ON}
    for name in (SLACK_TOKEN, PLAIN_SLACK_CHANNEL):
        kept.pop(name, None)
    told = {
        "LEADPACT_STATE_DIR": str(places.state),
        "LEADPACT_HOST": HOST,
        "LEADPACT_CONSOLE_URL": places.url("sla-engine"),
        "LEADPACT_LOG_FORMAT": "console",
        "LEADPACT_STREAM_PARTITIONS": "4",
        "LEADPACT_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
        "LEADPACT_INGEST_SOURCES": str(FILES / "sources.yaml"),
        "LEADPACT_ENGINE_AGREEMENT": str(FILES / "agreement.yaml"),
        "LEADPACT_NOTIFIER_PREVIEW_FILE": str(places.preview),
        "DEMO_HUBSPOT_SECRET": crm_secrets.hubspot,
        "DEMO_SALESFORCE_TOKEN": crm_secrets.salesforce,
        "DEMO_PIPEDRIVE_PASSWORD": crm_secrets.pipedrive,
        **{variable: str(places.ports[service]) for service, (variable, _) in PORTS.items()},
    }
    if slack is not None:
        told |= {
            "LEADPACT_NOTIFIER_SLACK_BOT_TOKEN": slack.token,
            "LEADPACT_NOTIFIER_SEND_ALL_TO": slack.channel,
            "LEADPACT_NOTIFIER_SLACK_API_URL": slack.api_url,
        }
    return kept | told
