"""The schema `quiz`: for now, what every service's schema has."""

from sqlmodel import SQLModel

from shared.tables import add_platform_tables

add_platform_tables(SQLModel.metadata, "quiz")
