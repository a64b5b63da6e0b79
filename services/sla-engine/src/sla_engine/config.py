"""The engine's settings."""

from pathlib import Path

from pydantic import Field

from shared.settings import CommonSettings
from sla_engine.domain.editions import OpenChoice


class EngineSettings(CommonSettings):
    """What the sla-engine understands beyond the common settings."""

    engine_agreement: Path = Field(
        Path("agreement.yaml"),
        description="The agreement to judge by. It is read at start: content never applied before becomes the newest "
        "edition. A wrong one stops the start.",
    )
    engine_open_promises: OpenChoice = Field(
        OpenChoice.RECOMPUTE,
        description="What an agreement that is applied at start means for open promises: keep, recompute or restart.",
    )
    engine_port: int = Field(8402, ge=0, le=65535, description="Port of the pages, the API and the metrics.")
    engine_batch_records: int = Field(
        32_000,
        ge=1,
        le=100_000,
        description="Most lead events taken from the stream at once, while behind; each partition's share is committed "
        "together.",
    )
    engine_batch_leads: int = Field(
        1000, ge=1, le=50_000, description="Most leads judged in one transaction when deadlines fire."
    )
    engine_horizon_seconds: float = Field(
        600.0, gt=0, description="How far ahead deadlines are kept in memory; the others wait in the database."
    )
    engine_cached_leads: int = Field(
        2000, ge=0, description="Leads kept decoded in memory, per owned partition: about 5 kB each."
    )
    engine_connections: int = Field(
        4, ge=2, le=100, description="Database connections for the work; as many again answer people."
    )
