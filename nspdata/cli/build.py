"""`nspdata build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(build)


def build() -> None:
    """Builds the shards."""
