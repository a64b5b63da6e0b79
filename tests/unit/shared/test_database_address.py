"""A database's address: for the driver, and for people, who must never see the password."""

import asyncpg
import pytest
from sqlalchemy.exc import OperationalError

from shared.database import DatabaseRefused, DatabaseUnavailable, database_errors
from shared.database.address import DatabaseUrlError, driver_url, place_of


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://somebody:secret@db.example:6000/leads", "db.example:6000, database 'leads'"),
        ("postgresql://somebody:secret@db.example/leads?sslmode=require", "db.example:5432, database 'leads'"),
        ("postgres://db.example", "db.example:5432, database 'default'"),
        ("postgresql+asyncpg://somebody:se%40cret@10.0.0.1:1/l", "10.0.0.1:1, database 'l'"),
        ("postgresql://somebody:secret@one:1,two:2/leads", "one:1,two:2, database 'leads'"),
        ("postgresql://leadpact@/leadpact?host=/srv/run&port=5432", "/srv/run, database 'leadpact'"),
        ("postgresql:///leads", "localhost, database 'leads'"),
    ],
)
def test_people_read_host_and_database(url: str, place: str) -> None:
    assert place_of(url) == place


def test_the_driver_reads_sqlalchemys_spelling_too() -> None:
    assert driver_url("postgresql+asyncpg://a@b/c?d=e") == "postgresql://a@b/c?d=e"
    assert driver_url("postgres://a@b/c") == "postgres://a@b/c"


@pytest.mark.parametrize("url", ["", "secret", "mysql://root:secret@host/x", "postgresql+psycopg://a:secret@b/c"])
def test_another_kind_of_address_is_refused_unquoted(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="postgresql://user:password@host:5432/name") as caught:
        driver_url(url)
    assert "secret" not in str(caught.value)


URL = "postgresql://somebody:secret@db.example/leads"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.InterfaceError("connection is closed"),
        OperationalError("SELECT 1", {}, ConnectionResetError("reset")),
    ],
)
def test_what_passes_by_itself_is_unavailable(error: Exception) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match=r"db\.example:5432, database 'leads' can't be reached") as caught,
        database_errors(URL),
    ):
        raise error
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InvalidCatalogNameError('database "leads" does not exist'),
    ],
)
def test_what_somebody_must_mend_is_refused(error: Exception) -> None:
    with pytest.raises(DatabaseRefused, match=r"db\.example:5432, database 'leads' refuses"), database_errors(URL):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        OperationalError("SELECT 1", {}, asyncpg.DeadlockDetectedError("deadlock detected")),
        ZeroDivisionError(),
    ],
)
def test_errors_of_statements_and_of_ours_pass_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, database_errors(URL):
        raise error
    assert caught.value is error
