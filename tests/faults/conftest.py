"""Real database servers for the tests of this folder."""

from tests.servers import database_server, database_url, mariadb, postgresql, sqlite_like  # noqa: F401 - fixtures
