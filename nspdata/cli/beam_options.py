"""Commands that take Beam's options after `--`."""

from __future__ import annotations

from typing import Any

import typer
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


def beam_options_of(context: typer.Context) -> list[str]:
    """The checked options for Beam; those of file systems are passed on.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    from nspdata.files.options import configure
    from nspdata.pipelines.options import check

    configure(context.obj)
    check(context.obj, own=[name for param in context.command.params for name in param.opts])
    return list(context.obj)
