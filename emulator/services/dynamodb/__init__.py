"""Amazon DynamoDB in memory: tables, items, expressions; HTTP is known to its application only."""

from __future__ import annotations

from emulator.services.dynamodb.application import DynamoDb
from emulator.services.dynamodb.documents import tables_of

__all__ = ["DynamoDb", "tables_of"]
