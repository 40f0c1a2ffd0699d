"""Commands that take Beam's options after `--`."""

from __future__ import annotations

from typing import Any

import typer.core


class WithBeamOptions(typer.core.TyperCommand):
    """A command whose arguments after `--` are Beam's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keeps what follows `--` in the context."""
        own, beam_options = args, []
        if "--" in args:
            cut = args.index("--")
            own, beam_options = args[:cut], args[cut + 1 :]
        ctx.obj = beam_options
        return super().parse_args(ctx, own)
