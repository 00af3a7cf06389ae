"""user and api-key: accounts from the command line, beside a running product too."""

from __future__ import annotations

import argparse
import getpass
import sys

from application.common import CLI, Commands, run_with_database
from domain.access import Role, User
from domain.errors import ConfigError, NotFound
from web_interface.auth.accounts import Accounts

ROLES = [role.value for role in Role]


def add_commands(commands: Commands) -> None:
    """user add/list/password/disable/enable, api-key create/list/revoke."""
    user = commands.add_parser("user", help="accounts").add_subparsers(title="actions", metavar="ACTION", required=True)
    add = user.add_parser("add", help="new account; the password is asked for, or read from standard input")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, default=Role.VIEWER.value)
    add.add_argument("--full-name", default="")
    add.set_defaults(run=_user_add)
    user.add_parser("list", help="all accounts").set_defaults(run=_user_list)
    for action, text, run in (
        ("password", "set a new password", _user_password),
        ("disable", "lock an account; its sessions end", _user_disable),
        ("enable", "unlock an account", _user_enable),
    ):
        one = user.add_parser(action, help=text)
        one.add_argument("name")
        one.set_defaults(run=run)
    key = commands.add_parser("api-key", help="keys for other systems").add_subparsers(
        title="actions", metavar="ACTION", required=True
    )
    create = key.add_parser("create", help="prints the key once, alone on a line")
    create.add_argument("--name", required=True)
    create.add_argument("--role", choices=ROLES, required=True)
    create.set_defaults(run=_key_create)
    key.add_parser("list", help="all keys, without the keys themselves").set_defaults(run=_key_list)
    revoke = key.add_parser("revoke", help="a key stops working")
    revoke.add_argument("name", help="name or number of the key")
    revoke.set_defaults(run=_key_revoke)


def accounts_of(app: CLI) -> Accounts:
    """The accounts over the open database."""
    return Accounts(app.database.access, app.database.audit, app.clock, kept=app.database.sessions)


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password (12 characters or more): ")
    if getpass.getpass("Once more: ") != first:
        raise ConfigError("the two passwords differ")
    return first


def _user_add(options: argparse.Namespace) -> int:
    password = _new_password()

    async def add(app: CLI) -> int:
        user = await accounts_of(app).create_user(options.name, Role(options.role), password, app.actor, options.full_name)
        print(f"{user.name}: created, {user.role.value}")
        return 0

    return run_with_database(add)


def _user_list(options: argparse.Namespace) -> int:
    async def show(app: CLI) -> int:
        for user in await accounts_of(app).users():
            print(f"{user.name:24} {user.role.value:10} {'enabled' if user.enabled else 'disabled':10} {user.full_name}")
        return 0

    return run_with_database(show)


async def _user(app: CLI, name: str) -> User:
    users = await accounts_of(app).users()
    for user in users:
        if user.name.casefold() == name.casefold():
            return user
    raise NotFound("user", name, tuple(user.name for user in users[:5]))


def _user_password(options: argparse.Namespace) -> int:
    password = _new_password()

    async def change(app: CLI) -> int:
        user = await _user(app, options.name)
        await accounts_of(app).set_password(user.id, password, app.actor)
        print(f"{user.name}: password changed")
        return 0

    return run_with_database(change)


def _set_enabled(name: str, *, enabled: bool) -> int:
    async def change(app: CLI) -> int:
        user = await _user(app, name)
        await accounts_of(app).set_enabled(user.id, enabled, app.actor)
        print(f"{user.name}: {'enabled' if enabled else 'disabled'}")
        return 0

    return run_with_database(change)


def _user_disable(options: argparse.Namespace) -> int:
    return _set_enabled(options.name, enabled=False)


def _user_enable(options: argparse.Namespace) -> int:
    return _set_enabled(options.name, enabled=True)


def _key_create(options: argparse.Namespace) -> int:
    async def create(app: CLI) -> int:
        _, key = await accounts_of(app).create_key(options.name, Role(options.role), app.actor)
        print(key)
        return 0

    return run_with_database(create)


def _key_list(options: argparse.Namespace) -> int:
    async def show(app: CLI) -> int:
        for key in await accounts_of(app).keys():
            print(f"{key.id:4} {key.name:24} {key.role.value:10} {key.prefix}...  {'revoked' if key.revoked else ''}")
        return 0

    return run_with_database(show)


def _key_revoke(options: argparse.Namespace) -> int:
    async def revoke(app: CLI) -> int:
        keys = await accounts_of(app).keys()
        for key in keys:
            if options.name in {key.name, str(key.id)} and not key.revoked:
                await accounts_of(app).revoke_key(key.id, app.actor)
                print(f"{key.name}: revoked")
                return 0
        raise NotFound("api key", options.name, tuple(key.name for key in keys[:5]))

    return run_with_database(revoke)
