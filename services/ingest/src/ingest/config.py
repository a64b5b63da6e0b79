"""Ingest's settings."""

from pathlib import Path

from pydantic import Field

from shared.settings import CommonSettings


class IngestSettings(CommonSettings):
    """What ingest understands beyond the common settings."""

    ingest_sources: Path = Field(
        Path("sources.yaml"),
        description="The file that names the CRMs. It is read at start; a wrong one stops the start.",
    )
    ingest_port: int = Field(8401, ge=0, le=65535, description="Port of the webhooks, the API docs and the metrics.")
    ingest_append_timeout_seconds: float = Field(
        2.0, gt=0, le=30, description="How long a request waits for the stream before it goes to the spool."
    )
    ingest_spool_dir: Path | None = Field(
        None,
        description="Folder of the spool, one a process. Unset: `spool` in the state directory.",
    )
    ingest_spool_max_bytes: int = Field(
        512 * 1024 * 1024,
        ge=1_048_576,
        description="Most bytes that the spool may take. A full spool answers 503.",
    )
    ingest_batch_records: int = Field(
        500, ge=1, le=10_000, description="Most raw requests taken from the stream, and translated, at once."
    )
    ingest_failure_limit_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Translation stops, instead of dead-lettering on, when more than this share of the last 200 "
        "requests failed: that is a wrong mapping, not wrong requests. 1 never stops.",
    )
    ingest_failure_limit_requests: int = Field(
        100, ge=1, le=200, description="So many requests must have been seen before that share is judged."
    )
    ingest_dead_letter_days: float = Field(
        30.0, gt=0, description="Dead letters, and the raw requests they hold, are deleted after so many days."
    )

    @property
    def spool_dir(self) -> Path:
        """Where the spool lies."""
        return self.ingest_spool_dir or self.state_dir / "spool"
