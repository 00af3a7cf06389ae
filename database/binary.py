"""Bytes in a column, on every database.

The MySQL driver in use cannot send bytes with the protocol library it resolves to (its escape function was taken away in
PyMySQL 1.2), so they travel as hexadecimal digits there and the server turns them back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Dialect, LargeBinary
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _FromHex(FunctionElement[bytes]):
    """UNHEX on MySQL, nothing elsewhere."""

    name = "from_hex"
    inherit_cache = True


@compiles(_FromHex)  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _plainly(element: _FromHex, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_FromHex, "mysql", "mariadb")  # type: ignore[no-untyped-call, untyped-decorator, unused-ignore]
def _by_the_server(element: _FromHex, compiler: SQLCompiler, **options: Any) -> str:
    return f"UNHEX({compiler.process(element.clauses, **options)})"


class Binary(TypeDecorator[bytes]):
    """Any number of bytes."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.LONGBLOB())
        return dialect.type_descriptor(LargeBinary())

    def bind_expression(self, bindparam: BindParameter[bytes]) -> ColumnElement[bytes]:
        return _FromHex(bindparam)

    def bind_processor(self, dialect: Dialect) -> Any:
        if dialect.name in {"mysql", "mariadb"}:
            return lambda value: None if value is None else bytes(value).hex()
        return super().bind_processor(dialect)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)
