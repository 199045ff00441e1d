"""The one Alembic environment: runs one schema's migrations on the connection that scripts/migrate.py gives it."""

from alembic import context
from sqlalchemy import Table
from sqlalchemy.schema import SchemaItem
from sqlmodel import SQLModel

schema = context.config.attributes["schema"]


def _of_this_schema(name: str | None, kind: str, _parent: object) -> bool:
    return name == schema if kind == "schema" else True


def _in_this_schema(thing: SchemaItem, _name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
    return not isinstance(thing, Table) or thing.schema == schema


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table="alembic_version",
    version_table_schema=schema,
    include_schemas=True,
    include_name=_of_this_schema,
    include_object=_in_this_schema,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
